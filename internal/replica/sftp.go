// A replica on another machine that SFTP reaches.
package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pkg/sftp"
	"github.com/superfly/ltx"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
	"golang.org/x/sync/errgroup"
)

// server is a folder of another machine. It has one connection, made when it is
// needed and made anew after a failure.
type server struct {
	user, host, root string
	access           []ssh.AuthMethod
	hostKey          ssh.HostKeyCallback
	// algorithms are the kinds of key that known_hosts has of the host.
	algorithms []string

	mutex  sync.Mutex
	client *sftp.Client
	conn   *ssh.Client
}

// serverAt takes the key from FOUNTAIN_SFTP_KEY or the file FOUNTAIN_SFTP_KEY_FILE
// (or FOUNTAIN_SFTP_PASSWORD), and the server's own from lines as ssh-keyscan
// prints them in FOUNTAIN_SFTP_KNOWN_HOSTS or FOUNTAIN_SFTP_KNOWN_HOSTS_FILE.
func serverAt(address, service string, getenv func(string) string) (place, error) {
	s, err := parseServer(address, service)
	if err != nil {
		return nil, err
	}
	if s.access, err = sftpAccess(getenv); err != nil {
		return nil, fmt.Errorf("replica %s: %w", s, err)
	}
	if err := s.knownHosts(getenv); err != nil {
		return nil, fmt.Errorf("replica %s: %w", s, err)
	}
	return s, nil
}

func sftpAccess(getenv func(string) string) ([]ssh.AuthMethod, error) {
	key := []byte(getenv("FOUNTAIN_SFTP_KEY"))
	if file := getenv("FOUNTAIN_SFTP_KEY_FILE"); file != "" && len(key) == 0 {
		var err error
		if key, err = os.ReadFile(file); err != nil {
			return nil, fmt.Errorf("FOUNTAIN_SFTP_KEY_FILE: %w", err)
		}
	}
	var access []ssh.AuthMethod
	if len(key) > 0 {
		// A variable often has lost the last line's end, which the format wants.
		signer, err := ssh.ParsePrivateKey(append(key, '\n'))
		if err != nil {
			return nil, fmt.Errorf("the private key in FOUNTAIN_SFTP_KEY or FOUNTAIN_SFTP_KEY_FILE cannot be read (it must have no passphrase): %w", err)
		}
		access = append(access, ssh.PublicKeys(signer))
	}
	if password := getenv("FOUNTAIN_SFTP_PASSWORD"); password != "" {
		access = append(access, ssh.Password(password))
	}
	if len(access) == 0 {
		return nil, errors.New("no key: set FOUNTAIN_SFTP_KEY_FILE or FOUNTAIN_SFTP_KEY, or FOUNTAIN_SFTP_PASSWORD")
	}
	return access, nil
}

// knownHosts reads the keys by which the server is known.
func (s *server) knownHosts(getenv func(string) string) error {
	lines, file := getenv("FOUNTAIN_SFTP_KNOWN_HOSTS"), getenv("FOUNTAIN_SFTP_KNOWN_HOSTS_FILE")
	if lines == "" && file == "" {
		return errors.New("the server's own key is checked: put what ssh-keyscan prints of it into FOUNTAIN_SFTP_KNOWN_HOSTS, or name a file with FOUNTAIN_SFTP_KNOWN_HOSTS_FILE")
	}
	if lines != "" {
		// The package reads files only, and at once.
		written, err := os.CreateTemp("", "known_hosts-")
		if err != nil {
			return fmt.Errorf("FOUNTAIN_SFTP_KNOWN_HOSTS waits in the folder for temporary files, which TMPDIR names; or use FOUNTAIN_SFTP_KNOWN_HOSTS_FILE: %w", err)
		}
		defer os.Remove(written.Name())
		_, err = io.WriteString(written, strings.ReplaceAll(lines, "\r", "")+"\n")
		if err := errors.Join(err, written.Close()); err != nil {
			return err
		}
		file = written.Name()
	}
	var err error
	if s.hostKey, err = knownhosts.New(file); err != nil {
		return fmt.Errorf("the known hosts in FOUNTAIN_SFTP_KNOWN_HOSTS or FOUNTAIN_SFTP_KNOWN_HOSTS_FILE: %w", err)
	}
	s.algorithms = s.knownAlgorithms()
	return nil
}

// knownAlgorithms finds out which kinds of key are known of the host, since a
// server that has several must show one of those. The check tells when it is
// asked about a key that cannot be right.
func (s *server) knownAlgorithms() []string {
	var mismatch *knownhosts.KeyError
	if err := s.hostKey(s.host, &net.TCPAddr{IP: net.IPv4zero}, noKey{}); !errors.As(err, &mismatch) {
		return nil
	}
	var kinds []string
	for _, known := range mismatch.Want {
		kind := known.Key.Type()
		if kind == ssh.KeyAlgoRSA {
			kinds = append(kinds, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

// noKey is the key of no host.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return nil }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }

func (s *server) String() string { return "sftp://" + s.user + "@" + s.host + s.root }

// level agrees with Litestream's SFTP replica.
func (*server) level(number int) string { return "ltx/" + strconv.Itoa(number) }

func (s *server) path(name string) string { return path.Join(s.root, name) }

// connected returns the connection, making it if there is none.
func (s *server) connected(ctx context.Context) (*sftp.Client, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	ctx, cancel := context.WithTimeout(ctx, smallTalk)
	defer cancel()
	plain, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.host)
	if err != nil {
		return nil, err
	}
	// What follows knows no context: closing the connection ends it.
	defer context.AfterFunc(ctx, func() { _ = plain.Close() })()
	secured, channels, requests, err := ssh.NewClientConn(plain, s.host, &ssh.ClientConfig{
		User: s.user, Auth: s.access, HostKeyCallback: s.hostKey, HostKeyAlgorithms: s.algorithms,
	})
	if err != nil {
		_ = plain.Close()
		return nil, why(ctx, err)
	}
	s.conn = ssh.NewClient(secured, channels, requests)
	if s.client, err = sftp.NewClient(s.conn); err != nil {
		_ = s.conn.Close()
		return nil, why(ctx, err)
	}
	return s.client, nil
}

// with runs run on the connection, which a failure or the end of ctx closes: an
// answer about a file is no failure.
func (s *server) with(ctx context.Context, doing string, run func(client *sftp.Client) error) error {
	client, err := s.connected(ctx)
	if err != nil {
		return fmt.Errorf("%s %s: %w", doing, s, err)
	}
	stop := context.AfterFunc(ctx, func() { s.drop(client) })
	defer stop()
	if err = why(ctx, run(client)); err == nil {
		return nil
	}
	var status *sftp.StatusError
	if !errors.As(err, &status) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		s.drop(client)
	}
	return fmt.Errorf("%s %s: %w", doing, s, err)
}

// drop closes the connection, if it is still the one in use.
func (s *server) drop(client *sftp.Client) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.client == client && client != nil {
		_ = s.conn.Close()
		s.client, s.conn = nil, nil
	}
}

func (s *server) put(ctx context.Context, name string, content io.Reader, made time.Time, confirm confirmation) (size int64, err error) {
	ctx, watched, stop := watch(ctx, content)
	defer stop()
	partial, begun := partialName(name), false
	err = s.with(ctx, "write to", func(client *sftp.Client) error {
		if err := client.MkdirAll(path.Dir(s.path(name))); err != nil {
			return err
		}
		begun = true
		if size, err = upload(client, s.path(partial), watched); err == nil {
			err = client.Chtimes(s.path(partial), made, made)
		}
		if err == nil {
			err = confirm(ctx)
		}
		if err == nil {
			err = rename(client, s.path(partial), s.path(name))
		}
		return err
	})
	if err != nil && begun {
		// The end of ctx has closed the connection: this takes another one then.
		tidying, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
		defer cancel()
		_ = s.remove(tidying, []string{partial})
	}
	return size, err
}

// tidyTime bounds how long an upload that has failed is cleared away. What cannot be
// goes a day later; see isLeft.
const tidyTime = 2 * time.Second

func upload(client *sftp.Client, name string, content io.Reader) (int64, error) {
	file, err := client.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return 0, err
	}
	size, err := io.Copy(file, content)
	if _, can := client.HasExtension("fsync@openssh.com"); can && err == nil {
		err = file.Sync()
	}
	return size, errors.Join(err, file.Close())
}

// rename replaces a file that is there, also where the server cannot at once: there
// is none for a moment then.
func rename(client *sftp.Client, from, to string) error {
	if _, can := client.HasExtension("posix-rename@openssh.com"); can {
		return client.PosixRename(from, to)
	}
	err := client.Rename(from, to)
	if !inTheWay(client, err, to) {
		return err
	}
	if removed := client.Remove(to); removed != nil {
		return err
	}
	return client.Rename(from, to)
}

// inTheWay reports whether a rename failed because there is a file of the new name.
// The protocol's version 3, which most servers speak, only says that it failed.
func inTheWay(client *sftp.Client, err error, to string) bool {
	const failure, exists = 4, 11
	var status *sftp.StatusError
	if !errors.As(err, &status) || status.Code != failure && status.Code != exists {
		return false
	}
	_, missing := client.Lstat(to)
	return missing == nil
}

func (s *server) open(ctx context.Context, name string, offset, size int64) (content io.ReadCloser, err error) {
	within, cancel := context.WithTimeout(ctx, smallTalk)
	defer cancel()
	err = s.with(within, "read "+name+" from", func(client *sftp.Client) error {
		file, err := client.Open(s.path(name))
		if err != nil {
			return err
		}
		if _, err := file.Seek(offset, io.SeekStart); err != nil {
			return errors.Join(err, file.Close())
		}
		// A read that stands still, or is not wanted any more, takes the connection
		// with it.
		content = &download{pull(ctx, limited(file, size), func() { s.drop(client) }), []func() error{file.Close}}
		return nil
	})
	return content, err
}

func (s *server) list(ctx context.Context, below string, exact bool) (found []object, err error) {
	within, cancel := context.WithTimeout(ctx, smallTalk)
	defer cancel()
	err = s.with(within, "list", func(client *sftp.Client) error {
		entries, err := client.ReadDirContext(within, s.path(below))
		if err != nil {
			return ignoreMissing(err)
		}
		for _, entry := range entries {
			if entry.Mode().IsRegular() {
				found = append(found, object{below + "/" + entry.Name(), entry.Size(), entry.ModTime()})
			}
		}
		return nil
	})
	if exact && err == nil {
		err = s.lookInto(ctx, found)
	}
	return found, err
}

// lookInto replaces the times of files, which are whole seconds, by those that
// stand in them. The first that is not answered within smallTalk ends it.
func (s *server) lookInto(ctx context.Context, files []object) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(stats)
	for i := range files {
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, smallTalk)
			defer cancel()
			content, err := s.open(ctx, files[i].name, 0, ltx.HeaderSize)
			if err != nil {
				return err
			}
			if header, _, err := ltx.PeekHeader(content); err == nil {
				files[i].made = time.UnixMilli(header.Timestamp)
			}
			return content.Close()
		})
	}
	return group.Wait()
}

func (s *server) remove(ctx context.Context, names []string) error {
	for _, name := range names {
		ctx, cancel := context.WithTimeout(ctx, smallTalk)
		err := s.with(ctx, "remove from", func(client *sftp.Client) error { return ignoreMissing(client.Remove(s.path(name))) })
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *server) close() error {
	s.mutex.Lock()
	client := s.client
	s.mutex.Unlock()
	s.drop(client)
	return nil
}
