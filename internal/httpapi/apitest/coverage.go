// Every operation must have a test: TestMain of a service calls Main.
package apitest

import (
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"

	"fountain.coach/fountainai/internal/httpapi"
)

var (
	seenLock sync.Mutex
	seen     = map[string]bool{}
)

// covered notes that an operation was exercised successfully.
func covered(operationID string) {
	seenLock.Lock()
	defer seenLock.Unlock()
	seen[operationID] = true
}

// Main runs the tests of a service and fails if one of its operations was not
// exercised with success by any of them. A run limited with -run, -skip, -list
// or to benchmarks is not held to that.
func Main(m *testing.M, definition httpapi.Definition) {
	code := m.Run()
	if code == 0 && complete() {
		code = uncovered(definition)
	}
	os.Exit(code)
}

func complete() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if value := flag.Lookup(name); value != nil && value.Value.String() != "" {
			return false
		}
	}
	return true
}

func uncovered(definition httpapi.Definition) int {
	document, err := httpapi.ParseDocument(definition.OpenAPI)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := 0
	for _, operation := range document.Operations {
		if !seen[operation.ID] {
			fmt.Fprintf(os.Stderr, "FAIL: no test exercises operation %s (%s %s)\n", operation.ID, operation.Method, operation.Path)
			code = 1
		}
	}
	return code
}
