package postgrestest

import (
	"os/exec"
	"slices"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// endWithParent ends the server with the thread that starts it, so that a test
// binary that is killed leaves none behind.
func endWithParent(server *exec.Cmd) { server.SysProcAttr.Pdeathsig = syscall.SIGQUIT }

// killChildren kills what a process has started and waits until all of it has ended.
func killChildren(parent int) {
	running := runningChildren(parent)
	for _, child := range running {
		_ = syscall.Kill(child, syscall.SIGKILL)
	}
	for deadline := time.Now().Add(patience); len(running) > 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		running = runningChildren(parent)
	}
}

func runningChildren(parent int) (children []int) {
	processes, _ := procfs.AllProcs()
	for _, process := range processes {
		if stat, err := process.Stat(); err == nil && stat.PPID == parent && !slices.Contains([]string{"Z", "X"}, stat.State) {
			children = append(children, process.PID)
		}
	}
	return children
}
