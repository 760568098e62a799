// Command controlplane builds or downloads the programs that the tests against a real API server need, and prints their
// folder. Arguments name the programs; without any it provides all that those tests need.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"fountain.coach/fountainai/internal/controlplane/binaries"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	names := os.Args[1:]
	if len(names) == 0 {
		names = binaries.Names()
	}
	folder, err := binaries.Ensure(ctx, ".", os.Stderr, names...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
	fmt.Println(folder)
}
