//go:build !linux

package main

import (
	"errors"
	"os/exec"
)

// runInOwnNetwork fails: only Linux has network namespaces, and dockerd.
func runInOwnNetwork(*exec.Cmd) error {
	return errors.New("no Docker engine answers; start Docker and try again")
}
