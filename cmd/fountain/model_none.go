//go:build nomodel

// What the image of the fountain command leaves out: the doors for models.
package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"github.com/spf13/cobra"
)

func newAskCommand() *cobra.Command         { return leftOut("ask") }
func newMCPCommand() *cobra.Command         { return leftOut("mcp") }
func newOrchestrateCommand() *cobra.Command { return leftOut("orchestrate") }

// leftOut is a command that says where it is.
func leftOut(name string) *cobra.Command {
	return &cobra.Command{Use: name, Short: "Not in this build", Hidden: true, DisableFlagParsing: true, RunE: func(*cobra.Command, []string) error {
		return errors.New("this image leaves the command out: use the image fountainai/orchestrator, or build the fountain command from its source (make build)")
	}}
}

// page: fountain up in a container has no web page; the orchestrator serves it.
func (upOptions) page(context.Context, net.Addr, *slog.Logger) (http.Handler, error) { return nil, nil }
