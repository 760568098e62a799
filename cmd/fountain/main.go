// Command fountain runs FountainAI on one machine and moves screenplays in and
// out of any FountainAI.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"fountain.coach/fountainai/internal/httpapi"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once, should stopping take long.
	context.AfterFunc(ctx, stop)
	if err := newCommand().ExecuteContext(ctx); err != nil {
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			err = errors.New("interrupted; run the same command again to go on")
		}
		fmt.Fprintln(os.Stderr, "fountain:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "fountain",
		Short:         "FountainAI: five services for the elements of screenplays, behind one gateway",
		Version:       httpapi.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newUpCommand(), newImportCommand(), newExportCommand(),
		newBackupCommand(), newRestoreCommand(), newStatusCommand(), newKeyCommand(), newCertsCommand(), newKongCommand(),
		newGatewayCommand(), newHealthcheckCommand(), newDNSCommand())
	return root
}

// serviceNames are the five services in the order a person meets them.
var serviceNames = []string{"centralsequence", "character", "scriptmanagement", "sessioncontext", "storyfactory"}
