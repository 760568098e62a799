// Idempotency-Key: a POST repeated with the same key is carried out once.
package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	"fountain.coach/fountainai/internal/httpapi/problem"
	"fountain.coach/fountainai/internal/storage"
)

const (
	idempotencyHeader = "Idempotency-Key"
	// consumerHeader is where the gateway says whose request it is.
	consumerHeader = "X-Consumer-Username"
	// replayedHeader marks an answer that was given before.
	replayedHeader = "Idempotency-Replayed"
	// idempotencyLife is how long an answer is kept.
	idempotencyLife = 24 * time.Hour
	// maxConsumer is the longest name of a consumer, in bytes, that is kept as it is.
	maxConsumer = 255
	// purgeEvery is how often expired answers are deleted.
	purgeEvery = time.Minute
)

// keptHeaders are the headers of an answer that belong to its content; others,
// as the request id, belong to the request it is sent for.
var keptHeaders = []string{"Content-Type", "Etag", "Location", "Link", "Cache-Control"}

// errNotKept undoes a write whose answer is not remembered.
var errNotKept = errors.New("answer not kept")

// once carries r out unless its key was used before. The handler runs inside
// the transaction that stores its answer, so neither exists without the other,
// and two requests with one key follow each other, whichever replica gets them.
//
// Only success is remembered. A refusal (4xx) changed nothing, so carrying the
// request out again does no harm, and a client that has removed the cause, as
// by creating the script that was missing, may use its key again. A failure
// (5xx) is what keys are for: the client repeats until it knows.
func (a *API) once(w http.ResponseWriter, r *http.Request, body []byte, next http.Handler) {
	var given *answer
	err := a.db.Write(r.Context(), func(ctx context.Context, tx *storage.Tx) error {
		record := newIdempotencyRecord(r, body)
		var err error
		if given, err = record.find(tx, a.expiry()); given != nil || err != nil {
			return err
		}
		given = newAnswer(w)
		given.observation.failure = nil // of a run that another request came between
		next.ServeHTTP(given, again(r, body).WithContext(ctx))
		given.WriteHeader(http.StatusOK) // unless the handler has said otherwise
		switch failure := given.observation.failure; {
		case failure != nil:
			return failure // Write says what kind of failure it is
		case given.status >= http.StatusBadRequest:
			return errNotKept
		}
		if err := a.purge(tx); err != nil {
			return err
		}
		return record.keep(tx, given, a.clock())
	})
	if err != nil && !errors.Is(err, errNotKept) {
		a.handleError(w, r, err)
		return
	}
	given.send(w)
}

// again returns r as if nobody had read its body: on a database that is shared
// the handler runs again when another request came between.
func again(r *http.Request, body []byte) *http.Request {
	if len(body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return r
}

type idempotencyRecord struct {
	consumer    string
	key         string
	fingerprint []byte
}

// newIdempotencyRecord names the request: keys of different consumers (as the
// gateway tells them apart) never meet.
func newIdempotencyRecord(r *http.Request, body []byte) idempotencyRecord {
	hash := sha256.New()
	hash.Write([]byte(r.Method + " " + r.URL.RequestURI() + "\n"))
	hash.Write(body)
	return idempotencyRecord{
		consumer:    consumerOf(r),
		key:         r.Header.Get(idempotencyHeader),
		fingerprint: hash.Sum(nil),
	}
}

// consumerOf returns a name for the consumer that any database can look up: the
// gateway's names are short and plain, and others are known by their hash.
func consumerOf(r *http.Request) string {
	name := r.Header.Get(consumerHeader)
	if len(name) <= maxConsumer && utf8.ValidString(name) {
		return name
	}
	hash := sha256.Sum256([]byte(name))
	return hex.EncodeToString(hash[:])
}

// find returns the answer given since expiry, nil if there is none.
func (i idempotencyRecord) find(tx *storage.Tx, expiry int64) (*answer, error) {
	const query = `SELECT fingerprint, status, header, body FROM idempotency_keys
		WHERE consumer = $1 AND idempotency_key = $2 AND created_at >= $3`
	var fingerprint, body []byte
	var header string
	earlier := &answer{header: http.Header{}}
	err := tx.QueryRow(query, []any{i.consumer, i.key, expiry}, &fingerprint, &earlier.status, &header, &body)
	if storage.IsNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(fingerprint, i.fingerprint) {
		return nil, problem.New(http.StatusUnprocessableEntity, "idempotency_key_reused",
			"This Idempotency-Key was used with another request in the last 24 hours; use a new key for a new request.")
	}
	if err := json.Unmarshal([]byte(header), &earlier.header); err != nil {
		return nil, err
	}
	earlier.header.Set(replayedHeader, "true")
	earlier.body.Write(body)
	return earlier, nil
}

func (i idempotencyRecord) keep(tx *storage.Tx, given *answer, now time.Time) error {
	kept := http.Header{}
	for _, name := range keptHeaders {
		if values := given.header.Values(name); len(values) > 0 {
			kept[name] = values
		}
	}
	header, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	const insert = `INSERT INTO idempotency_keys
		(consumer, idempotency_key, fingerprint, status, header, body, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (consumer, idempotency_key) DO UPDATE SET fingerprint = excluded.fingerprint,
			status = excluded.status, header = excluded.header, body = excluded.body, created_at = excluded.created_at`
	body := append([]byte{}, given.body.Bytes()...) // an empty body is not NULL
	_, err = tx.Exec(insert, i.consumer, i.key, i.fingerprint, given.status, string(header), body, now.UnixMilli())
	return err
}

// purge deletes expired answers now and then.
func (a *API) purge(tx *storage.Tx) error {
	now := a.clock().UnixMilli()
	last := a.lastPurge.Load()
	if now-last < purgeEvery.Milliseconds() || !a.lastPurge.CompareAndSwap(last, now) {
		return nil
	}
	_, err := tx.Exec("DELETE FROM idempotency_keys WHERE created_at < $1", a.expiry())
	return err
}

// expiry is when an answer was given that is just too old now.
func (a *API) expiry() int64 { return a.clock().Add(-idempotencyLife).UnixMilli() }
