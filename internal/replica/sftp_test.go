package replica

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/pkg/sftp"
)

// TestRename: where the server does not rename over a file, one that is there makes
// way, but only then: a rename that fails otherwise loses nothing.
func TestRename(t *testing.T) {
	must(t, sftp.SetSFTPExtensions("hardlink@openssh.com"))
	defer func() {
		must(t, sftp.SetSFTPExtensions("hardlink@openssh.com", "posix-rename@openssh.com", "statvfs@openssh.com"))
	}()
	near, far := net.Pipe()
	server, err := sftp.NewServer(far)
	must(t, err)
	go func() { _ = server.Serve() }()
	client, err := sftp.NewClientPipe(near, near)
	must(t, err)
	defer func() { _ = near.Close(); _ = far.Close(); _ = client.Wait() }()

	folder := t.TempDir()
	name := func(name string) string { return filepath.Join(folder, name) }
	read := func(name string) string {
		file, err := client.Open(name)
		must(t, err)
		defer file.Close()
		content, err := io.ReadAll(file)
		must(t, err)
		return string(content)
	}
	must(t, os.WriteFile(name("kept"), []byte("kept"), 0o600))
	if err := rename(client, name("missing"), name("kept")); err == nil {
		t.Error("what is not there was renamed")
	}
	if got := read(name("kept")); got != "kept" {
		t.Errorf("got %q", got)
	}
	// This server renames over a file, but not over a folder.
	must(t, os.Mkdir(name("there"), 0o700))
	must(t, rename(client, name("kept"), name("there")))
	if got := read(name("there")); got != "kept" {
		t.Errorf("got %q", got)
	}
}
