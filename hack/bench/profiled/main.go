// Command profiled runs a service, or the embedded gateway, with a CPU profile:
// profiled FILE NAME [flags of the service]. The profile is written at the end.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"

	"fountain.coach/fountainai/internal/gateway"
	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/localstack"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: profiled FILE SERVICE [flags], or: profiled FILE gateway CONFIG ADDRESS")
		os.Exit(2)
	}
	os.Exit(profile(os.Args[1], os.Args[2]))
}

func profile(path, name string) int {
	file, err := os.Create(path)
	if err == nil {
		err = pprof.StartCPUProfile(file)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "profiled:", err)
		return 1
	}
	defer file.Close()
	defer pprof.StopCPUProfile()
	if name == "gateway" {
		return serveGateway(os.Args[4], os.Args[3])
	}
	os.Args = append(os.Args[:1], os.Args[3:]...) // what is left is the service's command line
	for _, definition := range localstack.Definitions() {
		if definition.Name == name {
			return httpapi.Main(definition)
		}
	}
	fmt.Fprintf(os.Stderr, "profiled: no service %s\n", name)
	return 2
}

// serveGateway runs the gateway until it is told to stop.
func serveGateway(address, config string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	parsed, err := gateway.LoadConfig(config)
	if err != nil {
		fmt.Fprintln(os.Stderr, "profiled:", err)
		return 1
	}
	g := gateway.New(parsed, gateway.Options{AccessLog: io.Discard})
	defer g.Close()
	server := httpapi.NewServer(g, slog.Default())
	server.Addr = address
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Fprintln(os.Stderr, "profiled:", err)
		return 1
	}
	return 0
}
