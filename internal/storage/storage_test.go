package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	sqlite "modernc.org/sqlite"
)

func TestPath(t *testing.T) {
	cases := []struct{ url, want, wrong string }{
		{url: "data/x.db", want: "data/x.db"},
		{url: "./data//x.db", want: "data/x.db"},
		{url: "/var/lib/x.db", want: "/var/lib/x.db"},
		{url: "file:data/x.db", want: "data/x.db"},
		{url: "file:/abs/x.db", want: "/abs/x.db"},
		{url: "file:///abs/x.db", want: "/abs/x.db"},
		{url: "file://data/x.db", want: "data/x.db"},
		{url: "file:my drafts/é 100%25.db", want: "my drafts/é 100%.db"},
		{url: "file:my%20drafts/x.db", want: "my drafts/x.db"},
		{url: "my%20drafts/100%.db", want: "my%20drafts/100%.db"},
		{url: "file:100%.db", wrong: "%25"},
		{url: "", wrong: "file:PATH"},
		{url: "file:", wrong: "file:PATH"},
		{url: "file:x.db?mode=ro", wrong: "without options"},
		{url: "x.db#top", wrong: "without options"},
		{url: ":memory:", wrong: "file:PATH"},
		{url: "file::memory:", wrong: "file:PATH"},
		{url: "postgres://will:hamlet@db/x", wrong: "only SQLite files"},
	}
	for _, c := range cases {
		got, err := Path(c.url)
		if c.wrong == "" && (err != nil || got != c.want) {
			t.Errorf("Path(%q) = %q, %v; want %q", c.url, got, err, c.want)
		}
		if c.wrong != "" && !strings.Contains(fmt.Sprint(err), c.wrong) {
			t.Errorf("Path(%q) gave error %v; want one that says %q", c.url, err, c.wrong)
		}
		if strings.Contains(fmt.Sprint(err), "hamlet") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

func TestOpenUnderAnyName(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"x.db", "my drafts/x y.db", "Ünïcödé/脚本.db", "100%/50%20.db", "a&b=c;d+e/x:y.db", "quote'd \"x\".db"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(folder, name)
			db := openTestAt(t, path)
			store(t, db, 1)
			copied := path + " copy.db"
			must(t, db.Backup(t.Context(), copied))
			must(t, db.Close())
			wantStored(t, openTestAt(t, path), 1)
			wantStored(t, openTestAt(t, copied), 1)
			for _, file := range []string{path, copied} {
				if _, err := os.Stat(file); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestOpenRelative(t *testing.T) {
	t.Chdir(t.TempDir())
	db := openTestAt(t, "file:data/x.db")
	store(t, db, 1)
	must(t, db.Close())
	wantStored(t, openTestAt(t, "data/x.db"), 1)
}

func TestFilesArePrivate(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	folder := filepath.Join(t.TempDir(), "data")
	db := openTestAt(t, filepath.Join(folder, "x.db"))
	store(t, db, 1)
	must(t, db.Backup(t.Context(), filepath.Join(folder, "copy.db")))
	wantMode(t, folder, 0o700)
	files, err := os.ReadDir(folder)
	must(t, err)
	if len(files) != 5 {
		t.Errorf("found %v; want x.db, its -wal, -shm and .lock, and copy.db", files)
	}
	for _, file := range files {
		wantMode(t, filepath.Join(folder, file.Name()), 0o600)
	}
}

func wantMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	if got := info.Mode().Perm(); got != want {
		t.Errorf("%s has mode %o; want %o", path, got, want)
	}
}

// Without these an acknowledged write would not survive a power cut, which no
// test here can cause.
func TestPragmas(t *testing.T) {
	db := openTest(t)
	want := map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"}
	must(t, db.Write(t.Context(), func(_ context.Context, tx *Tx) error {
		for pragma, value := range want {
			var got string
			must(t, tx.QueryRow("PRAGMA "+pragma, nil, &got))
			if got != value {
				t.Errorf("%s is %s; want %s", pragma, got, value)
			}
		}
		return nil
	}))
	if !sqlite.FdatasyncEnabled() && runtime.GOOS == "linux" {
		t.Error("commits use fsync, which is slower and no safer than fdatasync")
	}
}

func TestCloseFoldsTheLog(t *testing.T) {
	db := openTest(t)
	store(t, db, 1, 2)
	must(t, db.Read(t.Context(), func(*Tx) error { return nil }))
	must(t, db.Close())
	must(t, db.Close())
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(db.path + suffix); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", suffix, err)
		}
	}
	wantSound(t, db.path)
	wantStored(t, openTestAt(t, db.path), 1, 2)
}

func TestOneProcessPerDatabase(t *testing.T) {
	db := openTest(t)
	store(t, db, 1)
	wantInUse(t, db.path, true)

	_, err := openAt(db.path)
	wantError(t, err, ErrInUse)
	if !strings.Contains(err.Error(), fmt.Sprintf("pid %d", os.Getpid())) {
		t.Errorf("the error does not name this process: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link.db")
	must(t, os.Symlink(db.path, link))
	_, err = openAt(link)
	wantError(t, err, ErrInUse)

	output, err := childCommand(t, "open", db.path).CombinedOutput()
	if err == nil || !strings.Contains(string(output), ErrInUse.Error()) {
		t.Errorf("another process got %v, %s; want %v", err, output, ErrInUse)
	}
	store(t, db, 2)
	wantStored(t, db, 1, 2)

	must(t, db.Close())
	wantInUse(t, db.path, false)
	output, err = childCommand(t, "open", db.path).CombinedOutput()
	if err != nil {
		t.Errorf("after Close another process got %v, %s", err, output)
	}
	wantStored(t, openTestAt(t, db.path), 1, 2, 77)
}

// childOpen is a second process that wants the database.
func childOpen(path string) error {
	db, err := openAt(path)
	if err != nil {
		return err
	}
	return errors.Join(db.Write(context.Background(), insertNumber(77)), db.Close())
}

func wantInUse(t *testing.T, path string, want bool) {
	t.Helper()
	if got, err := InUse(path); err != nil || got != want {
		t.Errorf("InUse = %t, %v; want %t", got, err, want)
	}
}

func TestInUseOfNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	wantInUse(t, path, false)
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) > 0 {
		t.Errorf("looking has left %v", files)
	}
}

// Who only looks must not keep an opening process out.
func TestInUseDisturbsNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	must(t, openTestAt(t, path).Close())
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(time.Millisecond):
					if _, err := InUse(path); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for range 10 {
		db, err := openAt(path)
		must(t, err)
		must(t, db.Close())
	}
	close(done)
	group.Wait()
}

func TestStaleLockFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	must(t, os.WriteFile(path+".lock", []byte("999999\n"), 0o600))
	wantInUse(t, path, false)
	store(t, openTestAt(t, path), 1)
}

func TestUnusableFiles(t *testing.T) {
	cases := []struct {
		name    string
		prepare func(t *testing.T, path string)
		says    string
	}{
		{"not a database", func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte(strings.Repeat("INT. THEATRE - NIGHT\n", 400)), 0o600))
		}, "not a SQLite database"},
		{"a header alone", func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte("SQLite format 3\x00"+strings.Repeat("\xff", 4080)), 0o600))
		}, "not a SQLite database"},
		{"a damaged schema", func(t *testing.T, path string) {
			must(t, openTestAt(t, path).Close())
			overwrite(t, path, 100, 400)
		}, "damaged"},
		{"a folder", func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o700)) }, "unable to open"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			c.prepare(t, path)
			before, _ := os.ReadFile(path)
			_, err := openAt(path)
			wantError(t, err, ErrUnavailable)
			if !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %q; want an error that says %q and names the file", err, c.says)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("the file has changed")
			}
			wantInUse(t, path, false)
		})
	}
}

// overwrite damages length bytes of a file.
func overwrite(t *testing.T, path string, offset, length int64) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	_, err = file.WriteAt([]byte(strings.Repeat("\xa5", int(length))), offset)
	must(t, errors.Join(err, file.Close()))
}

func TestDamageIsFound(t *testing.T) {
	db := openTest(t)
	for i := range int64(2000) {
		store(t, db, i)
	}
	must(t, db.Close())
	wantSound(t, db.path)
	info, err := os.Stat(db.path)
	must(t, err)
	overwrite(t, db.path, info.Size()-3*4096, 2*4096)
	if err := Check(t.Context(), db.path); err == nil {
		t.Error("Check finds nothing wrong with a damaged database")
	}
	damaged := openTestAt(t, db.path)
	wantError(t, damaged.Read(t.Context(), func(tx *Tx) error {
		_, err := numbersIn(tx)
		return err
	}), ErrUnavailable)
}

func TestReadOnlyFolder(t *testing.T) {
	folder := worldReadableFolder(t)
	path := filepath.Join(folder, "x.db")
	db := openTestAt(t, path)
	store(t, db, 1)
	must(t, db.Close())
	must(t, os.Chmod(path, 0o444))
	must(t, os.Chmod(path+".lock", 0o444))
	must(t, os.Chmod(folder, 0o555))
	t.Cleanup(func() { _ = os.Chmod(folder, 0o755) })

	output, err := asNobody(t, childCommand(t, "open", path)).CombinedOutput()
	if err == nil || !strings.Contains(string(output), "permission denied") || !strings.Contains(string(output), path) {
		t.Errorf("opening gave %v, %s; want a permission error that names the file", err, output)
	}
	// A backup of it is fine all the same.
	output, err = asNobody(t, childCommand(t, "copy", path)).CombinedOutput()
	if err != nil {
		t.Errorf("copying gave %v, %s", err, output)
	}
	if files, _ := os.ReadDir(folder); len(files) != 2 {
		t.Errorf("found %v; want x.db and x.db.lock only", files)
	}
}

// childCopy is a process that may only read the database.
func childCopy(path string) error {
	if used, err := InUse(path); err != nil || used {
		return fmt.Errorf("InUse: %t, %w", used, err)
	}
	folder, err := os.MkdirTemp("", "copy")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	snapshot, err := OpenSnapshot(context.Background(), path)
	if err != nil {
		return err
	}
	copied := filepath.Join(folder, "copy.db")
	err = errors.Join(snapshot.CopyTo(copied, nil), snapshot.Close())
	return errors.Join(err, Check(context.Background(), copied), Check(context.Background(), path))
}

// worldReadableFolder is a folder that another user can reach, as those of
// TempDir are not.
func worldReadableFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "storage")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	must(t, os.Chmod(folder, 0o755))
	return folder
}

// asNobody makes the command run as a user whom permissions bind, if the
// tests run as root, and from a copy of this binary that such a user can run.
func asNobody(t *testing.T, command *exec.Cmd) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 {
		return command
	}
	binary, err := os.ReadFile(os.Args[0])
	must(t, err)
	command.Path = filepath.Join(worldReadableFolder(t), "storage.test")
	must(t, os.WriteFile(command.Path, binary, 0o755))
	command.Dir = "/"
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	return command
}
