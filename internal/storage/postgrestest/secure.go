package postgrestest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// Secure restarts the server so that it also listens on 127.0.0.1, with TLS and
// passwords alone, and returns the port.
func (s *Server) Secure(t testing.TB, certificate, key []byte) (port string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	settings := fmt.Sprintf("listen_addresses = '127.0.0.1'\nport = %d\nssl = on\npassword_encryption = 'scram-sha-256'\n", s.port)
	err = errors.Join(
		s.write("server.crt", string(certificate)), s.write("server.key", string(key)),
		s.write("pg_hba.conf", "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"),
		s.write("postgresql.auto.conf", settings))
	if err != nil {
		t.Fatal(err)
	}
	s.Halt()
	s.Restart(t)
	return strconv.Itoa(s.port)
}

// Standby restarts the server as one that only follows another, and so answers
// reads and nothing else.
func (s *Server) Standby(t testing.TB) {
	t.Helper()
	if err := s.write("standby.signal", ""); err != nil {
		t.Fatal(err)
	}
	s.Halt()
	s.Restart(t)
}

// write writes a file of the cluster, which its owner alone reads.
func (s *Server) write(name, content string) error {
	path := filepath.Join(s.data(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil || s.owner == nil {
		return err
	}
	return os.Chown(path, int(s.owner.Uid), int(s.owner.Gid))
}
