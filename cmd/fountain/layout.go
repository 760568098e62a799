// Where the databases are: all in one folder, or each in a folder of its own,
// as with one volume per service.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"fountain.coach/fountainai/internal/localstack"
)

// databasePath is where fountain up keeps the database of a service.
func databasePath(data, service string) string { return localstack.DatabasePath(data, service) }

// findDatabase returns where the database of a service is or, when there is
// none, where it belongs: data/<service>/<service>.db if that folder exists, and
// data/<service>.db if not.
func findDatabase(data, service string) (string, error) {
	flat := databasePath(data, service)
	nested := filepath.Join(data, service, service+".db")
	_, flatErr := os.Stat(flat)
	_, nestedErr := os.Stat(nested)
	switch {
	case flatErr == nil && nestedErr == nil:
		return "", fmt.Errorf("there are both %s and %s; move the one that is not in use elsewhere", flat, nested)
	case flatErr == nil:
		return flat, nil
	case nestedErr == nil:
		return nested, nil
	}
	if folder, err := os.Stat(filepath.Dir(nested)); err == nil && folder.IsDir() {
		return nested, nil
	}
	return flat, nil
}
