//go:build nostack

package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// newStackCommand says where the commands for clusters are.
func newStackCommand() *cobra.Command {
	return &cobra.Command{Use: "stack", Short: "Not in this build", Hidden: true, RunE: func(*cobra.Command, []string) error {
		return errors.New("images leave the commands for clusters out; build the fountain command from its source (make build)")
	}}
}
