// What operators ask of a database on a server.
package storage

import (
	"context"
	"sync"
	"time"
)

// sizeLife is how long a size is told again: metrics are scraped often, and
// adding up files costs the server something.
const sizeLife = 10 * time.Second

// sizeOnce keeps the size last seen.
type sizeOnce struct {
	lock  sync.Mutex
	bytes int64
	seen  time.Time
}

// bytes returns the size of the schema's tables and their indices as of a
// moment ago, that of before if the server does not answer.
func (p *postgres) bytes() int64 {
	const query = `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND c.relkind = 'r'`
	p.size.lock.Lock()
	defer p.size.lock.Unlock()
	if time.Since(p.size.seen) < sizeLife {
		return p.size.bytes
	}
	var bytes int64
	err := p.read(context.Background(), func(tx *Tx) error { return tx.QueryRow(query, nil, &bytes) })
	if p.size.seen = time.Now(); err == nil {
		p.size.bytes = bytes
	}
	return p.size.bytes
}

func (p *postgres) stats() Stats {
	return Stats{
		Queued:       int(p.writes.waiting.Load()),
		Reading:      len(p.reads.slots),
		MaxReading:   cap(p.reads.slots),
		DelayedReads: p.reads.delayed.Load(),
		SizeBytes:    p.bytes(),
	}
}
