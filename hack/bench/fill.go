// Filling tables.
package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
)

// fill creates rows characters with several clients at once, in batches where
// the server has them.
func fill(ctx context.Context, address string, rows, batch int) error {
	var lock sync.Mutex
	var failures []error
	var clients sync.WaitGroup
	for client := range 4 {
		clients.Go(func() {
			for from := client * batch; from < rows; from += 4 * batch {
				if err := create(ctx, address, from, min(batch, rows-from)); err != nil {
					lock.Lock()
					failures = append(failures, err)
					lock.Unlock()
					return
				}
			}
		})
	}
	clients.Wait()
	return errors.Join(failures...)
}

func create(ctx context.Context, address string, from, count int) error {
	items := make([]map[string]string, count)
	for i := range items {
		items[i] = map[string]string{"name": fmt.Sprintf("Character %d", from+i), "description": "Somebody in a story."}
	}
	path, body := "/characters/batch", any(map[string]any{"items": items})
	if count == 1 {
		path, body = "/characters", items[0]
	}
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("POST %s: %s", path, response.Status)
	}
	return nil
}

// fillFastAPI creates rows characters in its database. It has no batches, and by
// single requests a million would take hours.
func fillFastAPI(ctx context.Context, database string, rows int) error {
	pool, err := sql.Open("sqlite", "file:"+database+"?_pragma=busy_timeout(10000)")
	if err != nil {
		return err
	}
	defer pool.Close()
	_, err = pool.ExecContext(ctx, `WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < $1)
		INSERT INTO characters (name, description) SELECT 'Character ' || n, 'Somebody in a story.' FROM numbers`, rows)
	return err
}
