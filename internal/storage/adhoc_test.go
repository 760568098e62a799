package storage

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAdhoc(t *testing.T) {
	if os.Getenv("ADHOC") == "" {
		t.Skip()
	}
	if url := os.Getenv("ADHOC_URL"); url != "" {
		r, w := 0, 0
		fmt.Sscanf(os.Getenv("ADHOC"), "%d/%d", &w, &r)
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}
		end := time.Now().Add(1500 * time.Millisecond)
		var mu sync.Mutex
		var lw, lr []time.Duration
		var g sync.WaitGroup
		run := func(path string, l *[]time.Duration) {
			g.Go(func() {
				var mine []time.Duration
				for time.Now().Before(end) {
					b := time.Now()
					resp, err := client.Post(url+path, "", nil)
					if err != nil || resp.StatusCode != 200 {
						t.Error(err, resp)
						return
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					mine = append(mine, time.Since(b))
				}
				mu.Lock()
				*l = append(*l, mine...)
				mu.Unlock()
			})
		}
		for range w {
			run("/w", &lw)
		}
		for range r {
			run("/r", &lr)
		}
		g.Wait()
		show := func(l []time.Duration) string {
			if len(l) == 0 {
				return "-"
			}
			slices.Sort(l)
			return fmt.Sprintf("%d/s p50 %v p99 %v", int(float64(len(l))/1.5), l[len(l)/2].Round(time.Microsecond), l[len(l)*99/100].Round(time.Microsecond))
		}
		fmt.Println("RESULT writes", show(lw), "reads", show(lr))
		return
	}
	n, _ := strconv.Atoi(os.Getenv("READERS"))
	db, err := Open(t.Context(), t.TempDir()+"/x.db", testMigrations(), Options{Logger: silent(), Readers: n})
	must(t, err)
	defer db.Close()
	for i := range 1000 {
		must(t, db.Write(t.Context(), func(_ context.Context, tx *Tx) error {
			_, err := tx.Exec(benchInsert, i, "INT.", benchBody)
			return err
		}))
	}
	commits := countCommits(t, db)
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/w" {
			if err := db.Write(r.Context(), func(_ context.Context, tx *Tx) error {
				_, err := tx.Exec(benchInsert, 1, "INT. THEATRE - NIGHT", benchBody)
				return err
			}); err != nil {
				http.Error(w, err.Error(), 500)
			}
			return
		}
		page, err := readPage(r.Context(), db, rand.IntN(800))
		if err != nil {
			http.Error(w, err.Error(), 500)
		}
		io.WriteString(w, strconv.Itoa(len(page)))
	}))
	for _, load := range strings.Fields(os.Getenv("ADHOC")) {
		cmd := exec.Command(os.Args[0], "-test.run", "TestAdhoc")
		cmd.Env = append(os.Environ(), "ADHOC_URL=http://"+l.Addr().String(), "ADHOC="+load, "GOMAXPROCS=2")
		before := commits.Load()
		out, err := cmd.CombinedOutput()
		line, _, _ := strings.Cut(string(out), "\nPASS")
		fmt.Println(os.Getenv("CFG"), load, line, "commits", commits.Load()-before, err)
	}
}
