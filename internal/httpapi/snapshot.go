// Snapshot: a consistent copy of the database over HTTP, for backups where the
// database's volume belongs to the service alone.
package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"fountain.coach/fountainai/internal/httpapi/problem"
	"fountain.coach/fountainai/internal/storage"
)

const (
	// snapshotTokenEnv has no flag beside it: command lines are seen by all.
	snapshotTokenEnv = "FOUNTAIN_SNAPSHOT_TOKEN"
	// minSnapshotToken is the shortest token; with it goes the whole database.
	minSnapshotToken = 16
	snapshotType     = "application/vnd.sqlite3"
	// snapshotRetry is the Retry-After in seconds while another copy is made.
	snapshotRetry = "10"
)

// checkSnapshotToken refuses what could be guessed or cannot stand in a header.
func checkSnapshotToken(token string) error {
	switch {
	case token == "":
		return nil
	case len(token) < minSnapshotToken:
		return fmt.Errorf("%s has %d characters; it opens the whole database, so it needs %d or more", snapshotTokenEnv, len(token), minSnapshotToken)
	case !isPlain(token):
		return fmt.Errorf("%s may hold only printable ASCII characters, without spaces", snapshotTokenEnv)
	}
	return nil
}

// serveSnapshot adds the endpoint, if there is a token for it.
func (a *API) serveSnapshot(token string) {
	if token == "" {
		return
	}
	want := sha256.Sum256([]byte(token))
	busy := make(chan struct{}, 1)
	a.paths.add(http.MethodGet, "/snapshot", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Sums are of one length, so that the time tells nothing of the token.
		given := sha256.Sum256([]byte(bearer(r)))
		if subtle.ConstantTimeCompare(given[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			problem.Write(w, r, problem.New(http.StatusUnauthorized, "unauthorized",
				"A snapshot needs Authorization: Bearer with the service's "+snapshotTokenEnv+"."))
			return
		}
		select {
		case busy <- struct{}{}:
			defer func() { <-busy }()
		default:
			w.Header().Set("Retry-After", snapshotRetry)
			problem.Write(w, r, problem.New(http.StatusTooManyRequests, "snapshot_under_way",
				"Another snapshot is under way; one at a time is made. Try again when it is done."))
			return
		}
		if err := a.sendSnapshot(w, r); err != nil {
			a.handleError(w, r, err)
		}
	}))
}

func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// sendSnapshot copies the database and sends the copy.
func (a *API) sendSnapshot(w http.ResponseWriter, r *http.Request) (err error) {
	started := time.Now()
	paced := &pacedWriter{writer: w, controller: http.NewResponseController(w)}
	if err := paced.takeOver(); err != nil {
		return err
	}
	copied, err := a.db.TemporaryCopy(r.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, copied.Close()) }()
	digest, size, err := measure(r.Context(), copied)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", snapshotType)
	header.Set("Content-Length", strconv.FormatInt(size, 10))
	header.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(digest)+":")
	header.Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return nil
	}
	if _, err := io.Copy(paced, copied); err != nil {
		return err
	}
	a.logger.Info("snapshot sent", slog.Int64("bytes", size), slog.Duration("took", time.Since(started)))
	return nil
}

// measure reads the copy to its end and rewinds it.
func measure(ctx context.Context, copied storage.TemporaryCopy) (digest []byte, size int64, err error) {
	hash := sha256.New()
	if size, err = io.Copy(hash, copied); err == nil {
		_, err = copied.Seek(0, io.SeekStart)
	}
	return hash.Sum(nil), size, errors.Join(err, ctx.Err())
}

// pacedWriter gives every piece of a long answer the time that the server gives
// a whole one: a client that reads gets all of it, one that stalls is cut off.
type pacedWriter struct {
	writer     io.Writer
	controller *http.ResponseController
}

// takeOver lifts the server's own limits on the connection. The request has been
// read; past its time-out net/http would take the client for gone.
func (p *pacedWriter) takeOver() error {
	return errors.Join(
		ignoreUnsupported(p.controller.SetReadDeadline(time.Time{})),
		ignoreUnsupported(p.controller.SetWriteDeadline(time.Time{})))
}

func (p *pacedWriter) Write(piece []byte) (int, error) {
	if err := ignoreUnsupported(p.controller.SetWriteDeadline(time.Now().Add(writeTime))); err != nil {
		return 0, err
	}
	return p.writer.Write(piece)
}

// ignoreUnsupported passes over connections that have no deadlines.
func ignoreUnsupported(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
