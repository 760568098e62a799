// The flags of commands that talk to a running FountainAI.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"fountain.coach/fountainai/internal/client"
)

type remoteOptions struct {
	url  string
	key  string
	data string
	json bool
}

func (o *remoteOptions) addFlags(command *cobra.Command) {
	o.addConnectionFlags(command)
	command.Flags().BoolVar(&o.json, "json", false, "print JSON")
}

// addConnectionFlags adds the flags that say where a FountainAI is.
func (o *remoteOptions) addConnectionFlags(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&o.url, "url", envOr("FOUNTAIN_URL", "http://localhost:8000"), "address of the gateway (environment: FOUNTAIN_URL)")
	flags.StringVar(&o.key, "api-key", "", "API key (environment: FOUNTAIN_API_KEY, which keeps it out of the process list); else the key in --data is used")
	flags.StringVar(&o.data, "data", "data", "data folder of a fountain up on this machine, for its API key")
}

func envOr(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

// connect returns a client with the key that the flags, the environment or the
// data folder give.
func (o *remoteOptions) connect() (*client.Client, error) {
	key := o.key
	if key == "" {
		key = os.Getenv("FOUNTAIN_API_KEY")
	}
	if key == "" {
		var err error
		key, err = readKey(o.data, "writer")
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("no API key: set FOUNTAIN_API_KEY, or name the data folder of a running fountain up with --data (looked for %s)", keyPath(o.data, "writer"))
		}
		if err != nil {
			return nil, err
		}
	}
	return client.New(o.url, key)
}
