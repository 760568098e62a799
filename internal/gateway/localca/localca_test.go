package localca

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	names = []string{"*.fountain.coach", "fountain.coach", "character.localhost", "localhost", "127.0.0.1", "::1"}
	start = time.Now()
)

func ensure(t *testing.T, dir string, names []string, now time.Time) Result {
	t.Helper()
	result, err := Ensure(dir, names, now)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// files reads all files of an authority.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	content := map[string]string{}
	for _, name := range []string{CACert, CAKey, Cert, Key} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		content[name] = string(text)
	}
	return content
}

func TestEnsureRenewsOnlyWhatItMust(t *testing.T) {
	cases := map[string]struct {
		names   []string
		later   time.Duration
		spoil   func(t *testing.T, dir string)
		renewed bool
	}{
		"the same again":         {names: names},
		"fewer names":            {names: names[:2]},
		"31 days left":           {names: names, later: leafLife - 31*24*time.Hour},
		"29 days left":           {names: names, later: leafLife - 29*24*time.Hour, renewed: true},
		"one name more":          {names: append([]string{"example.org"}, names...), renewed: true},
		"one address more":       {names: append([]string{"192.0.2.1"}, names...), renewed: true},
		"the key is gone":        {names: names, spoil: remove(Key), renewed: true},
		"the certificate is too": {names: names, spoil: remove(Cert, Key), renewed: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if first := ensure(t, dir, names, start); !first.MadeCA || !first.MadeLeaf {
				t.Fatalf("%+v", first)
			}
			before := files(t, dir)
			if c.spoil != nil {
				c.spoil(t, dir)
			}
			second := ensure(t, dir, c.names, start.Add(c.later))
			after := files(t, dir)
			if second.MadeCA || after[CACert] != before[CACert] || after[CAKey] != before[CAKey] {
				t.Error("the authority was replaced")
			}
			if second.MadeLeaf != c.renewed || (after[Cert] != before[Cert]) != c.renewed {
				t.Errorf("renewed: %v, want %v", second.MadeLeaf, c.renewed)
			}
			if _, err := tls.X509KeyPair([]byte(after[Cert]), []byte(after[Key])); err != nil {
				t.Error(err)
			}
		})
	}
}

func remove(names ...string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		for _, name := range names {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestEnsureVerifies(t *testing.T) {
	dir := t.TempDir()
	result := ensure(t, dir, names, start)
	roots := x509.NewCertPool()
	roots.AddCert(result.CA)
	for _, host := range []string{"character.fountain.coach", "fountain.coach", "character.localhost", "localhost", "127.0.0.1", "::1"} {
		if _, err := result.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots}); err != nil {
			t.Error(err)
		}
	}
	if _, err := result.Leaf.Verify(x509.VerifyOptions{DNSName: "example.org", Roots: roots}); err == nil {
		t.Error("the certificate is good for anyone")
	}
	for name, mode := range map[string]os.FileMode{CACert: 0o644, CAKey: 0o600, Cert: 0o644, Key: 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %o, want %o", name, info.Mode().Perm(), mode)
		}
	}
}

func TestEnsureRefuses(t *testing.T) {
	other := t.TempDir()
	ensure(t, other, names, start)
	foreign := files(t, other)
	place := func(names ...string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			for _, name := range names {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(foreign[name]), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	own := func(then func(t *testing.T, dir string)) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { ensure(t, dir, names, start); then(t, dir) }
	}
	cases := map[string]struct {
		prepare func(t *testing.T, dir string)
		later   time.Duration
		want    string
	}{
		"someone else's certificate, no authority": {prepare: place(Cert, Key), want: "was not made by the local authority"},
		"someone else's certificate":               {prepare: own(place(Cert, Key)), want: "was not made by the local authority"},
		"someone else's key":                       {prepare: place(Key), want: "without its certificate"},
		"no authority's key":                       {prepare: own(remove(CAKey)), want: "not whole"},
		"another authority's key":                  {prepare: own(place(CAKey)), want: "private key does not match"},
		"an authority at its end":                  {prepare: own(func(*testing.T, string) {}), later: caLife - renewal + time.Hour, want: "the local authority ends on"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c.prepare(t, dir)
			before := readAll(t, dir)
			_, err := Ensure(dir, names, start.Add(c.later))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one that says %q", err, c.want)
			}
			if !bytes.Equal(before, readAll(t, dir)) {
				t.Error("a refusal changed the folder")
			}
		})
	}
}

func readAll(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(append(all, entry.Name()...), text...)
	}
	return all
}
