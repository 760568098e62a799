// Package localstack runs the five services in this process, on a network of
// their own, for one machine and for tests.
package localstack

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/replica"
	"fountain.coach/fountainai/services/centralsequence"
	"fountain.coach/fountainai/services/character"
	"fountain.coach/fountainai/services/scriptmanagement"
	"fountain.coach/fountainai/services/sessioncontext"
	"fountain.coach/fountainai/services/storyfactory"
)

// Stack is the five services, reached from inside the process.
type Stack struct {
	network *network
	// Instances are the services by name.
	Instances map[string]*httpapi.Instance
}

// Definitions returns the services, which find each other where kong.yml finds
// them, on a network that nobody serves yet.
func Definitions() []httpapi.Definition { return definitions(newNetwork()) }

func definitions(inside *network) []httpapi.Definition {
	peers := &storyfactory.Peers{
		Character:        "http://character:8000",
		ScriptManagement: "http://scriptmanagement:8000",
		SessionContext:   "http://sessioncontext:8000",
		Transport:        inside,
	}
	return []httpapi.Definition{
		centralsequence.Definition(), character.Definition(), scriptmanagement.Definition(),
		sessioncontext.Definition(), storyfactory.Definition(peers),
	}
}

// DatabasePath is where the database of a service is in a data folder.
func DatabasePath(data, service string) string { return filepath.Join(data, service+".db") }

// Open opens the databases in a data folder, making those that are missing.
// kept says where their replicas are kept, if anywhere.
func Open(ctx context.Context, data string, logger *slog.Logger, kept replica.Settings) (*Stack, error) {
	return OpenDatabases(ctx, func(service string) string { return "file:" + DatabasePath(data, service) }, logger, kept)
}

// OpenDatabases opens the database whose URL each service is given. Replicas are
// kept of files only.
func OpenDatabases(ctx context.Context, databaseURL func(service string) string, logger *slog.Logger, kept replica.Settings) (*Stack, error) {
	s := &Stack{network: newNetwork(), Instances: map[string]*httpapi.Instance{}}
	all := definitions(s.network)
	opened := make([]*httpapi.Instance, len(all))
	var group errgroup.Group
	for i, definition := range all {
		group.Go(func() (err error) {
			opened[i], err = httpapi.Open(ctx, definition, databaseURL(definition.Name),
				httpapi.Options{Logger: logger.With("service", definition.Name), Replica: kept})
			return err
		})
	}
	err := group.Wait()
	for i, instance := range opened {
		if instance != nil && err != nil {
			err = errors.Join(err, instance.Close())
		}
		s.Instances[all[i].Name] = instance
	}
	if err != nil {
		return s, err
	}
	for name, instance := range s.Instances {
		s.network.add(address(name), instance.API)
	}
	return s, nil
}

// Transport hands requests to the services by their addresses in kong.yml, such
// as character:8000, as long as they run. A name that is not among them has no
// address: the error is a *net.DNSError.
func (s *Stack) Transport() http.RoundTripper { return s.network }

// Serve runs the services until front ends, which is given ctx: what stands
// before the services stops first, so that they see every request that it has
// let in to its end.
func (s *Stack) Serve(ctx context.Context, front func(context.Context) error) error {
	err := front(ctx)
	var services errgroup.Group
	for name, instance := range s.Instances {
		services.Go(func() error { return errors.Join(s.network.stop(address(name)), instance.Close()) })
	}
	return errors.Join(err, services.Wait())
}

// address is where kong.yml finds a service.
func address(service string) string { return service + ":8000" }
