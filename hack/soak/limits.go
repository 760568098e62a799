// What the machine allows: files and memory.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

const (
	// usualIdle and manyIdle are how many idle connections a short and a long
	// run holds.
	usualIdle = 20_000
	manyIdle  = 100_000
	longRun   = 10 * time.Minute
)

// raiseDescriptors lets this process and those it starts have as many files as
// the kernel allows a process, as far as its user may, and returns how many.
func raiseDescriptors() (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	most := limit.Max
	if text, err := os.ReadFile("/proc/sys/fs/nr_open"); err == nil {
		if number, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err == nil {
			most = number
		}
	}
	raised := unix.Rlimit{Cur: most, Max: most}
	if unix.Setrlimit(unix.RLIMIT_NOFILE, &raised) != nil { // only root may go beyond Max
		raised = unix.Rlimit{Cur: limit.Max, Max: limit.Max}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &raised); err != nil {
			return 0, err
		}
	}
	return int(min(raised.Cur, 1<<30)), nil
}

// idleTarget is how many idle connections are held: as many as wanted, unless
// the machine cannot. The program takes connections up to half of its files, and
// both ends of each are on this machine, at up to 128 KiB together.
func (s *soak) idleTarget(files int) int {
	wanted := s.options.idle
	if wanted == 0 {
		wanted = usualIdle
		if s.options.duration >= longRun {
			wanted = manyIdle
		}
	}
	possible := min(files/2-1000, int(availableMemory()/(128<<10)))
	if possible < wanted {
		s.progress("%d idle connections are wanted, this machine allows %d (files: %d, free memory: %d MiB)", wanted, possible, files, availableMemory()>>20)
		s.report.Skipped = append(s.report.Skipped, fmt.Sprintf("%d of %d idle connections", wanted-possible, wanted))
		return max(possible, 1)
	}
	return wanted
}

// availableMemory returns the bytes that programs may still take, or a guess
// where the system does not tell.
func availableMemory() uint64 {
	const guess = 1 << 30
	system, err := procfs.NewDefaultFS()
	if err != nil {
		return guess
	}
	memory, err := system.Meminfo()
	if err != nil || memory.MemAvailableBytes == nil {
		return guess
	}
	return *memory.MemAvailableBytes
}
