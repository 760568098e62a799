package main

import (
	"os/exec"
	"runtime"
	"syscall"
)

// runInOwnNetwork runs a command in a network namespace of its own; it ends with this process.
func runInOwnNetwork(cmd *exec.Cmd) error {
	runtime.LockOSThread() // the parent-death signal comes when the thread ends
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGTERM}
	return cmd.Run()
}
