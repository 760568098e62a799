// Replicas: on a database server the services of the tests are three processes'
// worth of handlers, each with connections and memory of its own.
package apitest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
)

// replicaCount is how many there are on a server.
const replicaCount = 3

// openAll opens as many instances of the service as the database takes.
func openAll(definition httpapi.Definition, database string, options httpapi.Options) ([]*httpapi.Instance, error) {
	count := 1
	if storage.IsServer(database) {
		count = replicaCount
	}
	var all []*httpapi.Instance
	for range count {
		instance, err := httpapi.Open(context.Background(), definition, database, options)
		if err != nil {
			for _, opened := range all {
				err = errors.Join(err, opened.DB.Close())
			}
			return nil, err
		}
		all = append(all, instance)
	}
	return all, nil
}

func (s *Service) replicas() []*httpapi.Instance {
	return append([]*httpapi.Instance{s.Instance}, s.beside...)
}

// replicate returns a handler that gives each request to the next replica, as
// the gateway does.
func (s *Service) replicate() http.Handler {
	var turn atomic.Uint64
	all := s.replicas()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all[turn.Add(1)%uint64(len(all))].API.ServeHTTP(w, r)
	})
}

// Alone returns the service as its first replica answers, for what a process
// remembers by itself: which peers it leaves alone for a while.
func (s *Service) Alone() *Service {
	s.t.Helper()
	server := httptest.NewServer(s.Instance.API)
	s.t.Cleanup(server.Close)
	alone := *s
	alone.URL = server.URL
	return &alone
}
