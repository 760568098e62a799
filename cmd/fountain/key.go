// The API keys of a stack on this machine: one that may write, one that may only
// read.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"fountain.coach/fountainai/internal/gateway"
)

// keyFiles names the file in the data folder for each consumer of kong.yml.
var keyFiles = map[string]string{"writer": "api-key", "reader": "api-key-reader"}

func newKeyCommand() *cobra.Command {
	var keys string
	var reader bool
	command := &cobra.Command{
		Use:   "key",
		Short: "Print the API key",
		Long: `Print the API key that fountain up or fountain kong made on its first run, for use
as in: curl -H "X-API-Key: $(fountain key)" http://character.localhost:8000/characters`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			consumer := "writer"
			if reader {
				consumer = "reader"
			}
			return printKey(command.OutOrStdout(), keys, consumer)
		},
	}
	command.Flags().StringVar(&keys, "keys", "data", "folder of the API keys")
	command.Flags().BoolVar(&reader, "reader", false, "print the key that may only read")
	return command
}

func printKey(stdout io.Writer, keys, consumer string) error {
	key, err := readKey(keys, consumer)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no API key in %s yet: fountain up and fountain kong make it; name its folder with --keys", keys)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, key)
	return err
}

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

// ensureKeys returns the key of each consumer, which the first call makes.
func ensureKeys(data string) (map[string]string, error) {
	// A folder that is there, as a mounted Secret, need not be writable.
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("create the folder of the keys: %w", err)
	}
	keys := make(map[string]string)
	for consumer := range keyFiles {
		key, err := loadOrMakeKey(data, consumer)
		if err != nil {
			return nil, err
		}
		keys[consumer] = key
	}
	return keys, nil
}

// addKeys lets both consumers in with the keys of the data folder.
func addKeys(config *gateway.Config, data string) error {
	keys, err := ensureKeys(data)
	if err != nil {
		return err
	}
	for consumer, key := range keys {
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
		return "", fmt.Errorf("there is no API key of the %s in %s, and none can be made there (put it into a file %s, or name a folder that can be written): %w",
			consumer, data, keyFiles[consumer], err)
	}
	_, err = file.WriteString(key + "\n")
	return key, errors.Join(err, file.Sync(), file.Close())
}
