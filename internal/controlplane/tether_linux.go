// The programs of a control plane end with the test, even when the test panics or is killed: envtest starts this very
// executable under the name of the program, which asks the kernel for a signal at the death of its parent and then becomes
// the program.
package controlplane

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

const tetherFolder = "programs"

// tethered returns what to start instead of program. It is kept in folder.
func tethered(folder, program string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(folder, tetherFolder)
	if err := os.MkdirAll(filepath.Join(dir, "real"), 0o700); err != nil {
		return "", err
	}
	name := filepath.Base(program)
	if err := os.Symlink(program, filepath.Join(dir, "real", name)); err != nil {
		return "", err
	}
	link := filepath.Join(dir, name)
	return link, os.Symlink(self, link)
}

func init() {
	dir, name := filepath.Split(os.Args[0])
	if filepath.Base(dir) != tetherFolder || !slices.Contains([]string{"etcd", "kube-apiserver"}, name) {
		return
	}
	err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
	if err == nil {
		err = unix.Exec(filepath.Join(dir, "real", name), os.Args, os.Environ())
	}
	fmt.Fprintf(os.Stderr, "cannot become %s: %v\n", name, err)
	os.Exit(1)
}
