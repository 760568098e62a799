// The API keys of a stack on this machine: one that may write, one that may only
// read, and for a while more of each.
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

// consumers are those of kong.yml, in its order.
var consumers = []string{"writer", "reader"}

// keyFiles names the file in the data folder for each consumer of kong.yml.
// Files of that name, a dot and any other hold further keys.
var keyFiles = map[string]string{"writer": "api-key", "reader": "api-key-reader"}

// maxKeyBytes is the size of the largest file that is read as a key: no header
// with a key of more would get through Kong, which takes lines of 8 KiB.
const maxKeyBytes = 4096

// apiKey is a key and the file that it was read from.
type apiKey struct {
	consumer, path, value string
}

func newKeyCommand() *cobra.Command {
	var keys string
	var reader bool
	command := &cobra.Command{
		Use:   "key",
		Short: "Print the API key",
		Long: `Print the API key that fountain up or fountain kong made on its first run, for use
as in: curl -H "X-API-Key: $(fountain key)" http://character.localhost:8000/characters

It is in the file api-key, and the one that may only read in api-key-reader. Further
keys of the same two, as api-key.old or api-key-reader.2026, are accepted as well.
So a key is changed without turning anybody away:

  mv data/api-key data/api-key.old    # then start again: a new key is made
  rm data/api-key.old                 # when nobody uses it any more; start again

Only the first of a consumer's keys is printed.`,
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

// readKey returns a consumer's first key in the data folder.
func readKey(data, consumer string) (string, error) {
	path := keyPath(data, consumer)
	key, err := readKeyFile(path)
	if errors.Is(err, errNoKey) {
		err = fmt.Errorf("%s is empty; remove it and the next start makes a new key", path)
	}
	return key, err
}

// errNoKey is the error of a file of a key that holds nothing but white space.
var errNoKey = errors.New("is empty; remove it, or put a key into it")

// readKeyFile returns the key that a file holds, without the white space around
// it.
func readKeyFile(path string) (string, error) {
	// What is no file, as a pipe or a folder, might never end or never begin.
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a file with a key in it; remove it, or put a file in its place", path)
	}
	if info.Size() > maxKeyBytes {
		return "", fmt.Errorf("%s is larger than %d bytes, so it is not a key; remove it, or put a key into it", path, maxKeyBytes)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(content))
	if key == "" {
		return "", fmt.Errorf("%s %w", path, errNoKey)
	}
	if err := gateway.CheckKey(key); err != nil {
		return "", fmt.Errorf("the key in %s %w; put one key alone into the file", path, err)
	}
	return key, nil
}

// ensureKeys returns the keys of each consumer: the first one, which the first
// call makes, and then the further ones in the order of their files.
func ensureKeys(data string) ([]apiKey, error) {
	// A folder that is there, as a mounted Secret, need not be writable.
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("create the folder of the keys: %w", err)
	}
	var keys []apiKey
	for _, consumer := range consumers {
		key, err := loadOrMakeKey(data, consumer)
		if err != nil {
			return nil, err
		}
		further, err := furtherKeys(data, consumer)
		if err != nil {
			return nil, err
		}
		keys = append(append(keys, apiKey{consumer, keyPath(data, consumer), key}), further...)
	}
	return distinctKeys(keys)
}

// furtherKeys returns the keys of a consumer that stand beside its first one. The
// hidden entries of a mounted Secret, such as ..data, have other names.
func furtherKeys(data, consumer string) ([]apiKey, error) {
	entries, err := os.ReadDir(data) // sorted
	if err != nil {
		return nil, fmt.Errorf("look for further keys of the %s: %w", consumer, err)
	}
	var keys []apiKey
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), keyFiles[consumer]+".") {
			continue
		}
		path := filepath.Join(data, entry.Name())
		key, err := readKeyFile(path)
		if err != nil {
			return nil, fmt.Errorf("a further key of the %s: %w", consumer, err)
		}
		keys = append(keys, apiKey{consumer, path, key})
	}
	return keys, nil
}

// distinctKeys leaves out a key that its consumer has already, as while one is
// being replaced. It refuses a key of both consumers: nobody could tell whether
// it may write.
func distinctKeys(keys []apiKey) ([]apiKey, error) {
	seen := make(map[string]apiKey)
	var distinct []apiKey
	for _, key := range keys {
		known, found := seen[key.value]
		switch {
		case !found:
			seen[key.value] = key
			distinct = append(distinct, key)
		case known.consumer != key.consumer:
			return nil, fmt.Errorf("%s and %s hold the same key, which can be of the %s or of the %s but not of both; put another key into one of them",
				known.path, key.path, known.consumer, key.consumer)
		}
	}
	return distinct, nil
}

// furtherFiles tells a person which keys are accepted beside the first ones, so
// that none is by mistake.
func furtherFiles(keys []apiKey) string {
	var paths []string
	for _, key := range keys {
		if filepath.Base(key.path) != keyFiles[key.consumer] {
			paths = append(paths, key.path)
		}
	}
	if len(paths) == 0 {
		return ""
	}
	return fmt.Sprintf("Accepted as well are the keys in %s.\n", strings.Join(paths, ", "))
}

// addKeys lets the consumers in with the keys.
func addKeys(config *gateway.Config, keys []apiKey) error {
	for _, key := range keys {
		if err := config.AddKey(key.consumer, key.value); err != nil {
			return fmt.Errorf("gateway configuration: %s: %w", key.path, err)
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
