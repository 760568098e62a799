package storage

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
)

func BenchmarkHTTP(b *testing.B) {
	for _, writers := range []int{1, 8, 64, 256} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			db := openTest(b, Options{})
			commits := countCommits(b, db)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				err := db.Write(r.Context(), func(_ context.Context, tx *Tx) error {
					_, err := tx.Exec(benchInsert, 1, "INT. THEATRE - NIGHT", benchBody)
					return err
				})
				if err != nil {
					http.Error(w, err.Error(), 500)
				}
			}))
			defer srv.Close()
			tr := &http.Transport{MaxIdleConnsPerHost: 1000}
			client := &http.Client{Transport: tr}
			var next atomic.Int64
			var group sync.WaitGroup
			b.ResetTimer()
			for range writers {
				group.Go(func() {
					for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
						resp, err := client.Post(srv.URL, "", nil)
						if err != nil {
							b.Error(err)
							continue
						}
						io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
				})
			}
			group.Wait()
			reportRates(b, int(commits.Load()))
			b.StopTimer()
			tr.CloseIdleConnections()
		})
	}
}
