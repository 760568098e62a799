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
		os.Exit(tell(err))
	}
}

// withStatus is an outcome with an exit status of its own. Without an error
// there is nothing to say: the status is the answer.
type withStatus struct {
	error
	status int
}

func (w withStatus) Error() string {
	if w.error == nil {
		return "something would change"
	}
	return w.error.Error()
}

func (w withStatus) Unwrap() error { return w.error }

// tell prints an error and returns the exit status that goes with it.
func tell(err error) int {
	var outcome withStatus
	if !errors.As(err, &outcome) {
		outcome = withStatus{err, 1}
	}
	if outcome.error != nil {
		fmt.Fprintln(os.Stderr, "fountain:", err)
	}
	return outcome.status
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
		newBackupCommand(), newRestoreCommand(), newMigrateCommand(), newStatusCommand(), newKeyCommand(), newCertsCommand(), newKongCommand(),
		newGatewayCommand(), newHealthcheckCommand(), newDNSCommand(), newStackCommand(), newAskCommand(), newOrchestrateCommand(), newMCPCommand())
	return root
}

// serviceNames are the five services in the order a person meets them.
var serviceNames = []string{"centralsequence", "character", "scriptmanagement", "sessioncontext", "storyfactory"}
