// Package postgrestest runs a real PostgreSQL for tests: Debian's programs, or those
// in the folder that FOUNTAIN_TEST_POSTGRES names, in a temporary folder, on a socket
// that only this machine reaches.
package postgrestest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
)

// require makes it a failure that PostgreSQL is not installed; else its tests are
// skipped then, and say so.
const require = "FOUNTAIN_REQUIRE_POSTGRES"

// place names the folder of another version's initdb and postgres, for tests to run
// on that instead of Debian's.
const place = "FOUNTAIN_TEST_POSTGRES"

// patience is how long a server may take to start or stop on a busy machine.
const patience = 2 * time.Minute

// Server is a PostgreSQL server that ends with the test binary.
type Server struct {
	folder  string
	bin     string
	owner   *syscall.Credential
	command *exec.Cmd
	ended   chan struct{}
	names   atomic.Int64
	// port is in the socket's name; 0 stands for PostgreSQL's own.
	port int
}

var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Run runs the tests of a package and ends the server that they shared. TestMain
// calls it where a test asks for a URL.
func Run(m *testing.M) int {
	defer Stop()
	return m.Run()
}

// Stop ends the server that the tests of this binary share, if one has been
// started.
func Stop() {
	shared.once.Do(func() { shared.err = errors.New("the tests are over") })
	if shared.server != nil {
		shared.server.remove()
	}
}

// URL returns the address of a schema that nobody else has, on the server that
// the tests of this binary share.
func URL(t testing.TB) string {
	t.Helper()
	return Shared(t).URL()
}

// Shared returns that server.
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = start() })
	if shared.err != nil {
		missing(t, shared.err)
	}
	return shared.server
}

// Start returns a server of the test's own, which it may stop as it likes.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := start()
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(s.remove)
	return s
}

// Available returns nil if PostgreSQL's programs are there, or an error that says
// how to get them; skip says that tests are skipped then, unless they were asked for.
func Available() (skip bool, err error) {
	_, err = programs()
	return err != nil && os.Getenv(require) != "1" && os.Getenv(place) == "", err
}

func missing(t testing.TB, err error) {
	t.Helper()
	if skip, _ := Available(); skip {
		t.Skipf("%v (skipped; %s=1 makes it a failure)", err, require)
	}
	t.Fatal(err)
}

// programs returns the folder of initdb and postgres.
func programs() (string, error) {
	if folder := os.Getenv(place); folder != "" {
		if _, err := os.Stat(filepath.Join(folder, "initdb")); err != nil {
			return "", fmt.Errorf("%s: %w", place, err)
		}
		return folder, nil
	}
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	for _, folder := range append(folders, "/usr/local/bin", "/usr/bin") {
		if _, err := os.Stat(filepath.Join(folder, "initdb")); err == nil {
			return folder, nil
		}
	}
	return "", errors.New("PostgreSQL is not installed: apt-get install postgresql")
}

// Durable starts a server outside of tests, one that keeps what it has committed
// through a power cut, as those of tests do not. remove ends it.
func Durable() (s *Server, remove func(), err error) {
	s, err = startWith("max_connections = 300\nlisten_addresses = ''\n")
	if err != nil {
		return nil, nil, err
	}
	return s, s.remove, nil
}

// start starts a server for tests: nothing of it has to survive the machine.
func start() (*Server, error) {
	return startWith("fsync = off\nfull_page_writes = off\nmax_connections = 300\nlisten_addresses = ''\nshared_buffers = 32MB\n")
}

func startWith(settings string) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	// Short, since the path of a socket must be.
	folder, err := os.MkdirTemp("/tmp", "pg")
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder, bin: bin}
	if err := s.prepare(settings); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	if err := s.start(); err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

// prepare makes the cluster.
func (s *Server) prepare(settings string) error {
	if err := s.disown(); err != nil {
		return err
	}
	initdb := exec.Command(filepath.Join(s.bin, "initdb"), "--pgdata", s.data(), "--username", "fountain", "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	initdb.Dir = s.folder
	if output, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, output)
	}
	file, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "%sunix_socket_directories = '%s'\n", settings, s.folder)
	return errors.Join(err, file.Close())
}

// disown gives the folder to a user under whom PostgreSQL consents to run.
func (s *Server) disown() error {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		s.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return errors.Join(uidErr, gidErr, os.Chown(s.folder, int(uid), int(gid)))
	}
	return errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

// start starts the server and waits until it takes connections.
func (s *Server) start() error {
	log, err := os.OpenFile(filepath.Join(s.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	s.command = exec.Command(filepath.Join(s.bin, "postgres"), "-D", s.data())
	s.command.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	endWithParent(s.command)
	s.command.Stdout, s.command.Stderr, s.command.Dir = log, log, s.folder
	s.ended = make(chan struct{})
	started := make(chan error)
	go func() {
		// The server goes when the thread that started it does, so that one has
		// to stay.
		runtime.LockOSThread()
		err := s.command.Start()
		started <- err
		if err == nil {
			_ = s.command.Wait()
		}
		close(s.ended)
	}()
	if err := <-started; err != nil {
		return err
	}
	return s.await()
}

func (s *Server) await() error {
	pool, err := sql.Open("pgx", s.address("postgres", nil))
	if err != nil {
		return err
	}
	defer pool.Close()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if err = pool.Ping(); err == nil {
			return nil
		}
		select {
		case <-s.ended:
			log, _ := os.ReadFile(filepath.Join(s.folder, "log"))
			return fmt.Errorf("postgres ended: %s", log)
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("postgres does not answer: %w", err)
		}
	}
}

func (s *Server) address(database string, query url.Values) string {
	if query == nil {
		query = url.Values{}
	}
	query.Set("host", s.folder)
	if s.port != 0 {
		query.Set("port", strconv.Itoa(s.port))
	}
	return "postgres://fountain@/" + database + "?" + query.Encode()
}

// URL returns the address of a schema that nobody else has.
func (s *Server) URL() string {
	return s.Schema("test_" + strconv.FormatInt(s.names.Add(1), 10))
}

// Schema returns the address of a schema.
func (s *Server) Schema(name string) string {
	return s.address("postgres", url.Values{"search_path": {name}, "sslmode": {"disable"}})
}

// Database makes a new database, with the options that CREATE DATABASE has, and
// returns its address, without a schema.
func (s *Server) Database(t testing.TB, options string) string {
	t.Helper()
	name := "database_" + strconv.FormatInt(s.names.Add(1), 10)
	s.Exec(t, "CREATE DATABASE "+name+" "+options)
	return s.address(name, nil)
}

// Exec runs a statement as the owner of the server.
func (s *Server) Exec(t testing.TB, statement string) {
	t.Helper()
	s.asOwner(t, func(pool *sql.DB) error {
		_, err := pool.ExecContext(context.Background(), statement)
		return err
	})
}

// Value scans the one value that query returns, asked as the owner of the server,
// into value.
func (s *Server) Value(t testing.TB, query string, value any) {
	t.Helper()
	s.asOwner(t, func(pool *sql.DB) error { return pool.QueryRowContext(context.Background(), query).Scan(value) })
}

func (s *Server) asOwner(t testing.TB, run func(pool *sql.DB) error) {
	t.Helper()
	pool, err := sql.Open("pgx", s.address("postgres", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := run(pool); err != nil {
		t.Fatal(err)
	}
}

// Major returns the server's major version, as 15.
func (s *Server) Major(t testing.TB) (major int) {
	t.Helper()
	s.Value(t, "SELECT current_setting('server_version_num')::int / 10000", &major)
	return major
}

// Kill ends the server at once, as a power cut would, and waits for its end.
func (s *Server) Kill() {
	// Those of its processes that serve clients would outlive it for a moment and
	// answer. Stopped it begins no others, and does not see those end.
	_ = s.command.Process.Signal(syscall.SIGSTOP)
	killChildren(s.command.Process.Pid)
	s.signal(syscall.SIGKILL)
}

// Halt ends the server as its operator would, cutting off its clients.
func (s *Server) Halt() { s.signal(syscall.SIGINT) }

func (s *Server) signal(signal syscall.Signal) {
	_ = s.command.Process.Signal(signal)
	<-s.ended
}

// Restart starts the server again after Kill or Halt.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	// The processes of a server that was killed see that it is gone, and go;
	// until then the new one does not start.
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = s.start(); err == nil {
			return
		}
		if !strings.Contains(err.Error(), "shared memory") && !strings.Contains(err.Error(), "lock file") {
			break
		}
	}
	t.Fatal(err)
}

func (s *Server) remove() {
	if s.command != nil && s.command.Process != nil {
		s.signal(syscall.SIGQUIT)
	}
	_ = os.RemoveAll(s.folder)
}

// Environ returns the variables with which PostgreSQL's own programs, and whoever
// is given the URL postgres:///DATABASE, find the server.
func (s *Server) Environ() []string {
	return []string{"PGHOST=" + s.folder, "PGUSER=fountain", "PATH=" + s.bin + ":" + os.Getenv("PATH")}
}
