// The API keys of a stack on this machine: one that may write, one that may only
// read.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fountain.coach/fountainai/internal/gateway"
)

// keyFiles names the file in the data folder for each consumer of kong.yml.
var keyFiles = map[string]string{"writer": "api-key", "reader": "api-key-reader"}

func keyPath(data, consumer string) string { return filepath.Join(data, keyFiles[consumer]) }

// readKey returns a consumer's key in the data folder.
func readKey(data, consumer string) (string, error) {
	path := keyPath(data, consumer)
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(content))
	if key == "" {
		return "", fmt.Errorf("%s is empty; remove it and the next start makes a new key", path)
	}
	return key, nil
}

// addKeys lets both consumers in with the keys of the data folder.
func addKeys(config *gateway.Config, data string) error {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("create the data folder: %w", err)
	}
	for consumer := range keyFiles {
		key, err := loadOrMakeKey(data, consumer)
		if err != nil {
			return err
		}
		if err := config.AddKey(consumer, key); err != nil {
			return fmt.Errorf("gateway configuration: %w", err)
		}
	}
	return nil
}

// loadOrMakeKey returns a consumer's key, making one of 256 random bits the
// first time.
func loadOrMakeKey(data, consumer string) (string, error) {
	key, err := readKey(data, consumer)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	raw := make([]byte, 32)
	rand.Read(raw)
	key = hex.EncodeToString(raw)
	// O_EXCL: of two first starts at once, one makes the key and both use it.
	file, err := os.OpenFile(keyPath(data, consumer), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return readKey(data, consumer)
	}
	if err != nil {
		return "", fmt.Errorf("keep the API key: %w", err)
	}
	_, err = file.WriteString(key + "\n")
	return key, errors.Join(err, file.Sync(), file.Close())
}
