// Every answer that a document promises must be given in some test: TestMain of
// a service calls Main.
package apitest

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"

	"fountain.coach/fountainai/internal/httpapi"
)

// ofGateway are the statuses that only the gateway answers with.
var ofGateway = []string{"401", "403", "429"}

var (
	seenLock sync.Mutex
	seen     = map[string]map[string]bool{} // operation, status
)

// covered notes that an operation was answered with a status.
func covered(operationID, status string) {
	seenLock.Lock()
	defer seenLock.Unlock()
	if seen[operationID] == nil {
		seen[operationID] = map[string]bool{}
	}
	seen[operationID][status] = true
}

// Main runs the tests of a service on each engine, and fails if one of its
// operations was not answered by any of them with each status that the document
// lists, apart from those that only the gateway gives. A run limited with -run,
// -skip, -list or to benchmarks is not held to that.
func Main(m *testing.M, definition httpapi.Definition) {
	if os.Getenv(asReplica) != "" {
		os.Exit(httpapi.Main(definition))
	}
	os.Exit(OnBoth(m, func() int {
		if !complete() {
			return 0
		}
		defer clear(seen)
		return uncovered(definition, os.Stderr)
	}))
}

func complete() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if value := flag.Lookup(name); value != nil && value.Value.String() != "" {
			return false
		}
	}
	return true
}

// uncovered says on report what was not seen, and returns the exit code.
func uncovered(definition httpapi.Definition, report io.Writer) int {
	document, err := httpapi.ParseDocument(definition.OpenAPI)
	if err != nil {
		fmt.Fprintln(report, err)
		return 1
	}
	code := 0
	for _, operation := range document.Operations {
		for _, status := range slices.Sorted(maps.Keys(operation.Responses)) {
			if !seen[operation.ID][status] && !slices.Contains(ofGateway, status) {
				fmt.Fprintf(report, "FAIL: no test gets %s of operation %s (%s %s)\n", status, operation.ID, operation.Method, operation.Path)
				code = 1
			}
		}
	}
	return code
}
