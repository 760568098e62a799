// fountain backup --from: the databases as the services hand them out over HTTP.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"fountain.coach/fountainai/internal/httpapi/problem"
)

const (
	snapshotTokenEnv = "FOUNTAIN_SNAPSHOT_TOKEN"
	// placeholder stands for the service's name in --from.
	placeholder = "{service}"
	// copyPatience is how long a service may take to make its copy.
	copyPatience = 15 * time.Minute
	// stallPatience is how long a download may stand still.
	stallPatience = time.Minute
	// askAgain is the time until a service that cannot be connected to is asked again.
	askAgain = time.Second / 2
)

// remoteServices are services that hand out their databases.
type remoteServices struct {
	address string // with placeholder
	token   string
	client  *http.Client
	stall   time.Duration
	wait    time.Duration // for a service that nobody can connect to yet
}

func newRemoteServices(address, token string, wait time.Duration) (*remoteServices, error) {
	parsed, err := url.Parse(strings.ReplaceAll(address, placeholder, "service"))
	switch {
	case err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" ||
		parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "":
		return nil, fmt.Errorf("--from %q: want an address, as http://%s:8000", address, placeholder)
	case !strings.Contains(address, placeholder):
		return nil, fmt.Errorf("--from %q: %s must stand where the name of the service goes, as http://%[2]s:8000", address, placeholder)
	case strings.TrimSpace(token) == "":
		return nil, fmt.Errorf("--from needs %s, the token that the services were started with", snapshotTokenEnv)
	}
	client := &http.Client{
		// Not through a proxy: the token is for the services alone.
		Transport:     &http.Transport{ResponseHeaderTimeout: copyPatience, DisableCompression: true, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &remoteServices{
		address: strings.TrimSuffix(address, "/"), token: strings.TrimSpace(token), client: client, stall: stallPatience, wait: wait,
	}, nil
}

func (r *remoteServices) String() string { return r.address }

// copyTo asks one service after the other, in freezeOrder: one that answers has
// made its copy. The downloads go on beside the next ones' copying, so that the
// five are as close to one moment as they can be.
func (r *remoteServices) copyTo(ctx context.Context, dir string, done func()) error {
	defer r.client.CloseIdleConnections()
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range freezeOrder {
		response, err := r.await(ctx, name)
		if err != nil {
			group.Go(func() error { return fmt.Errorf("snapshot of %s: %w", name, err) })
			break
		}
		group.Go(func() error {
			if err := r.download(response, filepath.Join(dir, name+".db")); err != nil {
				return fmt.Errorf("snapshot of %s: %w", name, err)
			}
			done()
			return nil
		})
	}
	return group.Wait()
}

// await asks a service, again and again while nobody can connect to it and the time to wait is not over: it may just be
// starting, and a network that enforces policies refuses a new pod until it has heard of it.
func (r *remoteServices) await(ctx context.Context, name string) (*http.Response, error) {
	for deadline := time.Now().Add(r.wait); ; {
		response, err := r.ask(ctx, name)
		var refused *net.OpError
		if !errors.As(err, &refused) || refused.Op != "dial" || !time.Now().Add(askAgain).Before(deadline) {
			return response, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(askAgain):
		}
	}
}

func (r *remoteServices) ask(ctx context.Context, name string) (*http.Response, error) {
	address := strings.ReplaceAll(r.address, placeholder, name) + "/snapshot"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+r.token)
	response, err := r.client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		return nil, refusal(address, response)
	}
	return response, nil
}

// refusal says what a service answered, and what to do.
func refusal(address string, response *http.Response) error {
	text := response.Status
	var p problem.Problem
	if json.NewDecoder(io.LimitReader(response.Body, 64<<10)).Decode(&p) == nil && p.Detail != "" {
		text += ": " + p.Detail
	}
	switch response.StatusCode {
	case http.StatusUnauthorized:
		text += " The token in " + snapshotTokenEnv + " is not the one of this service."
	case http.StatusNotFound:
		text += " A service hands out snapshots only when it was started with " + snapshotTokenEnv + "."
	}
	return fmt.Errorf("%s answered %s", address, text)
}

// download writes the answer to a file and checks that it is what was sent.
func (r *remoteServices) download(response *http.Response, destination string) error {
	defer response.Body.Close()
	want, found := strings.CutPrefix(response.Header.Get("Repr-Digest"), "sha-256=")
	if !found || response.ContentLength < 0 {
		return errors.New("the answer has no Content-Length or no Repr-Digest with sha-256; whatever sent it is not a service of FountainAI")
	}
	file, err := os.OpenFile(destination, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, hash), watch(response.Body, r.stall))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if got := ":" + base64.StdEncoding.EncodeToString(hash.Sum(nil)) + ":"; got != want {
		return fmt.Errorf("the download is damaged: its digest is sha-256=%s, the service says sha-256=%s", got, want)
	}
	return nil
}

// stallWatch closes a body from which nothing comes any more.
type stallWatch struct {
	body     io.ReadCloser
	timer    *time.Timer
	patience time.Duration
}

func watch(body io.ReadCloser, patience time.Duration) *stallWatch {
	return &stallWatch{body: body, patience: patience, timer: time.AfterFunc(patience, func() { _ = body.Close() })}
}

func (s *stallWatch) Read(piece []byte) (int, error) {
	s.timer.Reset(s.patience)
	n, err := s.body.Read(piece)
	if stopped := s.timer.Stop(); !stopped && err != nil && err != io.EOF {
		err = fmt.Errorf("nothing came for %s: %w", s.patience, err)
	}
	return n, err
}
