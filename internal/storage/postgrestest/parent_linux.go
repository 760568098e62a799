package postgrestest

import (
	"os/exec"
	"syscall"
)

// endWithParent ends the server with the thread that starts it, so that a test
// binary that is killed leaves none behind.
func endWithParent(server *exec.Cmd) { server.SysProcAttr.Pdeathsig = syscall.SIGQUIT }
