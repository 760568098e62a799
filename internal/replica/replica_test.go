package replica

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/replica/replicatest"
	"fountain.coach/fountainai/internal/storage"
)

func TestParseSettings(t *testing.T) {
	for _, test := range []struct{ url, at, empty, want string }{
		{"", "", "", ""},
		{"s3://b/p", "2026-01-02T03:04:05Z", "true", ""},
		{"s3://b/p", "2026-01-02T04:04:05.5+01:00", "false", ""},
		{"s3://b/p", "yesterday", "", "2026-11-25T20:30:00Z"},
		{"s3://b/p", "2999-01-01T00:00:00Z", "", "has not come yet"},
		{"s3://b/p", "", "yes", "true or false"},
		{"", "2026-01-02T03:04:05Z", "", "go with --replica-url"},
		{"", "", "true", "go with --replica-url"},
	} {
		_, err := Parse(test.url, test.at, test.empty)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v", test, err)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	host, sftp := replicatest.SFTP(t)
	key, _ := replicatest.NewKey(t)
	s3 := replicatest.S3Env("http://127.0.0.1:1")
	without := func(env map[string]string, name string) map[string]string {
		less := map[string]string{}
		for other, value := range env {
			if other != name {
				less[other] = value
			}
		}
		return less
	}
	for _, test := range []struct {
		address string
		env     map[string]string
		want    string
	}{
		{"data/replica", nil, ""},
		{"file:///replica", nil, ""},
		{"file://elsewhere/replica", nil, "file:///PATH"},
		{"gs://bucket", nil, "want s3://"},
		{"https://user:secret@example.org", nil, "want s3://"},
		{"s3://bucket/prefix", s3, ""},
		{"s3://bucket?endpoint=http://127.0.0.1:9000&region=x&path-style=true", without(s3, "FOUNTAIN_S3_ENDPOINT"), ""},
		{"s3://bucket?endpoint=ftp://x", s3, "FOUNTAIN_S3_ENDPOINT"},
		{"s3://bucket?secret=x", s3, "only endpoint, region and path-style"},
		{"s3://id:secret@bucket", s3, "s3://BUCKET"},
		{"s3://bucket", without(s3, "AWS_SECRET_ACCESS_KEY"), "both AWS_ACCESS_KEY_ID"},
		{"sftp://fountain@" + host + "/x", sftp, ""},
		{"sftp://" + host + "/x", sftp, "sftp://USER@HOST"},
		{"sftp://fountain@" + host, sftp, "name a folder"},
		{"sftp://fountain:secret@" + host + "/x", sftp, "FOUNTAIN_SFTP_PASSWORD"},
		{"sftp://fountain@" + host + "/x", without(sftp, "FOUNTAIN_SFTP_KEY"), "no key"},
		{"sftp://fountain@" + host + "/x", without(sftp, "FOUNTAIN_SFTP_KNOWN_HOSTS"), "ssh-keyscan"},
		{"sftp://fountain@" + host + "/x", map[string]string{"FOUNTAIN_SFTP_KEY": "no key", "FOUNTAIN_SFTP_KNOWN_HOSTS": "x"}, "cannot be read"},
		{"sftp://fountain@" + host + "/x", map[string]string{"FOUNTAIN_SFTP_KEY": key, "FOUNTAIN_SFTP_KNOWN_HOSTS": "host what"}, "known hosts"},
		{"sftp://fountain@" + host + "/x", map[string]string{"FOUNTAIN_SFTP_KEY_FILE": "/nowhere"}, "FOUNTAIN_SFTP_KEY_FILE"},
	} {
		err := Check(test.address, func(name string) string { return test.env[name] })
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want …%s…", test.address, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: the password is in the error: %v", test.address, err)
		}
	}
}

// TestLostVolume is the whole life of a replica, on each kind of place.
func TestLostVolume(t *testing.T) {
	for kind, settings := range places(t) {
		t.Run(kind, func(t *testing.T) {
			path := newPath(t)
			first := begin(t, path, settings, Nothing)
			first.write(t, span(1, 100)...)
			first.reach(t)
			must(t, first.end())

			loseVolume(t, path)
			second := begin(t, path, settings, Restored)
			wantNumbers(t, second.DB, span(1, 100)...)
			second.write(t, span(101, 150)...)
			second.reach(t)
			must(t, second.end())
			must(t, storage.Check(t.Context(), path))

			third := begin(t, path, settings, Kept)
			third.write(t, 151)
			must(t, third.end()) // which sends the rest
			if got := restored(t, settings); len(got) != 151 {
				t.Errorf("the replica has %d numbers, want 151", len(got))
			}
		})
	}
}

// TestGoesOn: a restart, clean or not, needs no new snapshot.
func TestGoesOn(t *testing.T) {
	for kind, settings := range places(t) {
		t.Run(kind, func(t *testing.T) {
			path := newPath(t)
			next := 1
			for round := range 4 {
				s := begin(t, path, settings, map[bool]Outcome{true: Nothing, false: Kept}[round == 0])
				s.write(t, span(next, next+19)...)
				next += 20
				s.reach(t)
				if got, want := s.Status().Snapshots, int64(map[bool]int{true: 1, false: 0}[round == 0]); got != want {
					t.Errorf("start %d: %d snapshots, want %d", round, got, want)
				}
				must(t, s.end())
			}
			if got := restored(t, settings); len(got) != next-1 {
				t.Errorf("the replica has %d numbers, want %d", len(got), next-1)
			}
		})
	}
}

func TestNeverOverwritten(t *testing.T) {
	settings := fast(t.TempDir(), nil)
	other := begin(t, newPath(t), settings, Nothing)
	other.write(t, 1, 2, 3)
	other.reach(t)
	must(t, other.end())

	// A database that is there stays, though a time was asked for.
	path := newPath(t)
	db, err := storage.Open(t.Context(), path, testMigrations(), storage.Options{Logger: silent(), Service: service})
	must(t, err)
	must(t, insert(db, 77))
	must(t, db.Close())
	settings.RestoreAt = time.Now()
	if outcome, err := Restore(t.Context(), settings, service, path, testMigrations()); outcome != Kept || err != nil {
		t.Errorf("got %d, %v", outcome, err)
	}
	// It is another database than the replica's, which must not be mixed with it.
	_, _, err = open(t.Context(), path, settings)
	wantError(t, err, ErrForeign, "another database")
	db, err = storage.Open(t.Context(), path, testMigrations(), storage.Options{Logger: silent(), Service: service})
	must(t, err)
	defer db.Close()
	wantNumbers(t, db, 77)
	if got := restored(t, fast(settings.URL, nil)); len(got) != 3 {
		t.Errorf("the replica has %d numbers, want 3", len(got))
	}
}

func TestOtherService(t *testing.T) {
	settings := fast(t.TempDir(), nil)
	s := begin(t, newPath(t), settings, Nothing)
	s.write(t, 1)
	s.reach(t)
	must(t, s.end())
	// Somebody has renamed the folder.
	must(t, os.Rename(filepath.Join(settings.URL, service), filepath.Join(settings.URL, "letters")))
	path := newPath(t)
	_, err := Restore(t.Context(), settings, "letters", path, testMigrations())
	wantError(t, err, ErrForeign, "belongs to the service numbers, not to letters")
	// And has removed what says so: the database says it too.
	must(t, os.Remove(filepath.Join(settings.URL, "letters", ownerFile)))
	_, err = Restore(t.Context(), settings, "letters", path, testMigrations())
	wantError(t, err, storage.ErrForeign, "belongs to the service numbers")
	if !storage.IsEmpty(path) {
		t.Error("it was restored all the same")
	}
}

func TestUnreachableAtTheStart(t *testing.T) {
	host, env := replicatest.SFTP(t)
	stranger, public := replicatest.NewKey(t)
	folder := t.TempDir()
	s3 := replicatest.S3Env(replicatest.S3(t))
	wrong := map[string]string{}
	for name, value := range s3 {
		wrong[name] = value
	}
	wrong["AWS_ACCESS_KEY_ID"] = "another"
	for name, test := range map[string]struct {
		settings Settings
		want     string
	}{
		"no folder":         {fast(filepath.Join(folder, "not", "mounted"), nil), "make it, or mount its disk"},
		"nobody there":      {fast("s3://"+replicatest.Bucket+"/y", replicatest.S3Env("http://127.0.0.1:1")), "refused"},
		"no bucket":         {fast("s3://nowhere/y", s3), "no bucket nowhere"},
		"wrong key":         {fast("s3://"+replicatest.Bucket+"/y", wrong), "access key does not exist"},
		"sftp: wrong key":   {fast("sftp://fountain@"+host+folder, map[string]string{"FOUNTAIN_SFTP_KEY": stranger, "FOUNTAIN_SFTP_KNOWN_HOSTS": env["FOUNTAIN_SFTP_KNOWN_HOSTS"]}), "unable to authenticate"},
		"sftp: an impostor": {fast("sftp://fountain@"+host+folder, replicatest.SFTPEnv(host, env["FOUNTAIN_SFTP_KEY"], public)), "key mismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			_, _, err := open(t.Context(), path, test.settings)
			wantError(t, err, ErrUnreachable, test.want)
			if !strings.Contains(err.Error(), "FOUNTAIN_REPLICA_START_EMPTY") {
				t.Errorf("the error does not say what to do: %v", err)
			}
			if !storage.IsEmpty(path) {
				t.Error("there is a database")
			}
			test.settings.StartEmpty = true
			s, _, err := open(t.Context(), path, test.settings)
			must(t, err)
			s.write(t, 1)
			s.await(t, "the failure is told", func(status Status) bool { return status.State == Waiting && status.Failure != nil })
			if err := s.end(); err == nil {
				t.Error("the stop does not say that the replica lacks something")
			}
			// With a database there is no doubt, and no need for leave.
			test.settings.StartEmpty = false
			s = begin(t, path, test.settings, Kept)
			wantNumbers(t, s.DB, 1)
		})
	}
}

// TestStartedEmpty: a database begun without its replica is not mixed into it.
func TestStartedEmpty(t *testing.T) {
	proxy, settings := proxied(t)
	old := begin(t, newPath(t), settings, Nothing)
	old.write(t, span(1, 10)...)
	old.reach(t)
	must(t, old.end())

	proxy.Turn(replicatest.Cut)
	settings.StartEmpty = true
	fresh, _, err := open(t.Context(), newPath(t), settings)
	must(t, err)
	defer fresh.end()
	fresh.write(t, 99)
	proxy.Turn(replicatest.Open)
	fresh.await(t, "the other history is seen", func(s Status) bool { return errors.Is(s.Failure, ErrForeign) })
	if got := restored(t, settings); len(got) != 10 || got[99] {
		t.Errorf("the replica has %d numbers, want 10", len(got))
	}
}

// proxied are settings of a replica in a bucket behind a proxy.
func proxied(t *testing.T) (*replicatest.Proxy, Settings) {
	t.Helper()
	proxy := replicatest.NewProxy(t, strings.TrimPrefix(replicatest.S3(t), "http://"))
	return proxy, fast("s3://"+replicatest.Bucket+"/x", replicatest.S3Env("http://"+proxy.Address))
}

// filtered are settings of a replica in a bucket whose server lets answer see each
// request first, which returns whether that was the answer.
func filtered(t *testing.T, answer func(w http.ResponseWriter, r *http.Request) bool) Settings {
	t.Helper()
	target, err := url.Parse(replicatest.S3(t))
	must(t, err)
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.ErrorLog = log.New(io.Discard, "", 0) // clients that give up are no news
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answer(w, r) {
			forward.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return fast("s3://"+replicatest.Bucket+"/x", replicatest.S3Env(server.URL))
}
