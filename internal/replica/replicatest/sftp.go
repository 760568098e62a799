package replicatest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// SFTP starts an SFTP server for the user "fountain" on the files of this machine.
// It returns its host and port, and the environment of a client that may enter.
func SFTP(t testing.TB) (host string, env map[string]string) {
	t.Helper()
	key, own := newKey(t), newKey(t)
	config := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, offered ssh.PublicKey) (*ssh.Permissions, error) {
		if c.User() == "fountain" && string(offered.Marshal()) == string(key.signer.PublicKey().Marshal()) {
			return nil, nil
		}
		return nil, errors.New("not this key")
	}}
	config.AddHostKey(own.signer)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn, config)
		}
	}()
	host = listener.Addr().String()
	return host, SFTPEnv(host, key.text, own.signer.PublicKey())
}

// SFTPEnv is the environment of a client that has the private key and knows the
// server at host by its public one.
func SFTPEnv(host, private string, public ssh.PublicKey) map[string]string {
	return map[string]string{
		"FOUNTAIN_SFTP_KEY":         private,
		"FOUNTAIN_SFTP_KNOWN_HOSTS": knownhosts.Line([]string{knownhosts.Normalize(host)}, public),
	}
}

type keyPair struct {
	signer ssh.Signer
	text   string
}

// NewKey returns a private key that no server knows, and its public half.
func NewKey(t testing.TB) (private string, public ssh.PublicKey) {
	key := newKey(t)
	return key.text, key.signer.PublicKey()
}

func newKey(t testing.TB) keyPair {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{signer, string(pem.EncodeToMemory(block))}
}

// serve is one connection.
func serve(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for each := range channels {
		channel, requests, err := each.Accept()
		if err != nil {
			return
		}
		go func() {
			for request := range requests {
				_ = request.Reply(request.Type == "subsystem" && string(request.Payload[4:]) == "sftp", nil)
			}
		}()
		go func() {
			if server, err := sftp.NewServer(channel); err == nil && server.Serve() == io.EOF {
				_ = server.Close()
			}
			_ = channel.Close()
		}()
	}
}
