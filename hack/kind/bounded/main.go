// Command bounded is an OCI runtime for machines on which root does not have every capability, such as a container
// itself: it takes from what a container asks for the capabilities that nobody here can give, which runc refuses to do
// without, and becomes runc.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/moby/sys/capability"
)

const runc = "/usr/sbin/runc"

func main() {
	err := bound(os.Args[1:])
	if err == nil {
		err = syscall.Exec(runc, append([]string{runc}, os.Args[1:]...), os.Environ())
	}
	fmt.Fprintln(os.Stderr, "bounded:", err)
	os.Exit(1)
}

// bound rewrites the file in which a command of runc, given by its arguments, finds the capabilities of the process to
// start.
func bound(args []string) error {
	switch command := slices.IndexFunc(args, func(arg string) bool { return arg == "create" || arg == "run" || arg == "exec" }); {
	case command < 0:
		return nil
	case args[command] == "exec":
		file := option(args[command:], "--process", "-p")
		if file == "" {
			return nil
		}
		return rewrite(file, func(process map[string]any) map[string]any { return process })
	default:
		bundle := option(args[command:], "--bundle", "-b")
		return rewrite(filepath.Join(bundle, "config.json"), func(spec map[string]any) map[string]any {
			process, _ := spec["process"].(map[string]any)
			return process
		})
	}
}

// option returns the value of an option, which has two names, or "".
func option(args []string, long, short string) string {
	for i, arg := range args {
		if value, found := strings.CutPrefix(arg, long+"="); found {
			return value
		}
		if (arg == long || arg == short) && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

func rewrite(file string, process func(map[string]any) map[string]any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var document map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	have, err := bounding()
	if err != nil {
		return err
	}
	sets, _ := process(document)["capabilities"].(map[string]any)
	for set, wanted := range sets {
		list, _ := wanted.([]any)
		sets[set] = slices.DeleteFunc(list, func(name any) bool { return !have[fmt.Sprint(name)] })
	}
	if data, err = json.Marshal(document); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o600)
}

// bounding returns the capabilities that this process can hand on, as "CAP_CHOWN".
func bounding() (map[string]bool, error) {
	self, err := capability.NewPid2(0)
	if err != nil {
		return nil, err
	}
	if err := self.Load(); err != nil {
		return nil, fmt.Errorf("cannot read the capabilities of this process: %w", err)
	}
	have := map[string]bool{}
	for _, c := range capability.ListKnown() {
		have["CAP_"+strings.ToUpper(c.String())] = self.Get(capability.BOUNDING, c)
	}
	return have, nil
}
