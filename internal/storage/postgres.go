// PostgreSQL: the same stores on a server that many replicas of a service share.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// connectTime bounds the making of a connection, unless the URL has a
	// connect_timeout.
	connectTime = 5 * time.Second
	// idleTime is how long the server waits for the next statement of a
	// transaction: a replica that hangs in the middle of one keeps others
	// waiting no longer.
	idleTime = 15 * time.Second
	// connectionLife is how long a connection is used, so that a server that
	// has moved, or come back, gets its share.
	connectionLife = 30 * time.Minute
	// applicationName, followed by the service's name, is what connections are called
	// on the server; a copy looks for them by it.
	applicationName = "fountainai "
	// defaultConnections lets five services with three replicas each stay below
	// the hundred connections that a server takes by default.
	defaultConnections = 6
)

// transactionTime bounds a transaction from its first statement on, and the
// beginning and the end of one. With a server that says nothing any more a request
// fails after that. Tests are less patient.
var transactionTime = 30 * time.Second

// IsServer reports whether databaseURL names a database server and not a file.
func IsServer(databaseURL string) bool {
	return strings.HasPrefix(databaseURL, "postgres://") || strings.HasPrefix(databaseURL, "postgresql://")
}

// postgres is a schema in a PostgreSQL database.
type postgres struct {
	config *pgx.ConnConfig
	schema string
	pool   *sql.DB
	// Reads have connections of their own, so that writes that wait for each
	// other do not keep them waiting too.
	reads, writes *readers
	// alone is the statement with which a write has the database for itself,
	// together that with which it shares it; "" on servers without LOCK TABLE.
	alone, together string
	observer        atomic.Pointer[func(Commit)]
	size            sizeOnce
}

// parsePostgres reads a URL. service names the schema if the URL does not. The
// error does not hold the password.
func parsePostgres(databaseURL, service string) (p *postgres, connections int, err error) {
	config, err := parseURL(databaseURL)
	if err != nil {
		return nil, 0, fmt.Errorf("database URL: %w; want postgres://USER@HOST:5432/DATABASE?sslmode=verify-full", err)
	}
	connections = defaultConnections
	if given, found := config.RuntimeParams["pool_max_conns"]; found {
		delete(config.RuntimeParams, "pool_max_conns")
		if connections, err = strconv.Atoi(given); err != nil || connections < 2 || connections > 1000 {
			return nil, 0, fmt.Errorf("database URL: pool_max_conns=%s: want a number from 2 to 1000", given)
		}
	}
	p = &postgres{config: config}
	if p.schema, err = schemaName(config.RuntimeParams["search_path"], service); err != nil {
		return nil, 0, err
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTime
	}
	config.DialFunc = (&net.Dialer{Timeout: config.ConnectTimeout, KeepAlive: 15 * time.Second}).DialContext
	p.setParameters(service)
	return p, connections, nil
}

// parseURL does not repeat the URL in its error, which may hold a password
// in a place where nobody looks for one.
func parseURL(databaseURL string) (*pgx.ConnConfig, error) {
	_, rest, _ := strings.Cut(databaseURL, "://")
	// The user and the password end here, whatever they were meant to be.
	if end := strings.IndexAny(rest, "@/"); end >= 0 && strings.Contains(rest[end+1:], "@") {
		return nil, errors.New("@ and / in a user or a password, and @ in what follows the host, are written %40 and %2F")
	}
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		_, reason, _ := strings.Cut(err.Error()[strings.LastIndex(err.Error(), "`")+1:], ": ")
		return nil, errors.New(reason)
	}
	return config, nil
}

// setParameters sets what the server is told when a connection is made.
func (p *postgres) setParameters(service string) {
	parameters := p.config.RuntimeParams
	parameters["search_path"] = p.schema
	if parameters["idle_in_transaction_session_timeout"] == "" {
		parameters["idle_in_transaction_session_timeout"] = strconv.FormatInt(idleTime.Milliseconds(), 10)
	}
	// A name that the user has given comes second: by the first part a copy tells
	// that the service runs.
	parameters["application_name"] = strings.TrimSpace(applicationName + service + " " + parameters["application_name"])
	// Without it a backslash in a string is not one.
	parameters["standard_conforming_strings"] = "on"
}

// plainName is a name that SQL takes without quotes.
var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

func schemaName(searchPath, service string) (string, error) {
	switch {
	case searchPath != "" && !plainName.MatchString(searchPath):
		return "", fmt.Errorf("database URL: search_path=%s: want the name of one schema, in small letters, digits and _", searchPath)
	case searchPath != "":
		return searchPath, nil
	case service != "":
		return service, nil
	}
	return "public", nil
}

// openPostgres opens the schema and brings it to the newest migrations.
func openPostgres(ctx context.Context, databaseURL string, migrations fs.FS, options Options) (*DB, error) {
	if options.Unfolded {
		return nil, ErrNoFile
	}
	p, connections, err := parsePostgres(databaseURL, options.Service)
	if err != nil {
		return nil, err
	}
	db := &DB{path: p.name(), logger: options.Logger, postgres: p}
	if db.logger == nil {
		db.logger = slog.Default()
	}
	p.connect(connections)
	if err := db.openServer(ctx, migrations, options.Service); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	// From now on connections are the lenders', and one that they close is closed.
	p.pool.SetMaxIdleConns(0)
	return db, nil
}

// connect leaves it to the lenders how many connections there are: to open the
// database takes one more than they have, if they have few.
func (p *postgres) connect(connections int) {
	p.pool = stdlib.OpenDB(*p.config)
	p.reads = newLender(p.pool, connections-connections/2)
	p.writes = newLender(p.pool, connections/2)
}

func newLender(pool *sql.DB, size int) *readers {
	return &readers{pool: pool, slots: make(chan struct{}, size), closed: make(chan struct{})}
}

// name is the database's address without user and password.
func (p *postgres) name() string {
	host := p.config.Host
	if !strings.HasPrefix(host, "/") {
		host = net.JoinHostPort(host, strconv.Itoa(int(p.config.Port)))
	}
	query := url.Values{"search_path": {p.schema}}
	return "postgres://" + host + "/" + url.PathEscape(p.config.Database) + "?" + query.Encode()
}

// openServer prepares the schema while no other replica does.
func (db *DB) openServer(ctx context.Context, migrations fs.FS, service string) (err error) {
	unlock, err := db.postgres.lockSchema(ctx, 0)
	if err != nil {
		return fmt.Errorf("open database %s: %w", db.path, explainServer(err))
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := db.postgres.createSchema(ctx); err != nil {
		return fmt.Errorf("open database %s: %w", db.path, explainServer(err))
	}
	if err := db.prepareServer(ctx, migrations, service); err != nil {
		return err
	}
	db.postgres.takeTurns(ctx)
	db.secret, err = loadSecret(ctx, db)
	return err
}

// lockSchema makes replicas that start at once prepare the schema one after the
// other. It waits no longer than patience, if that is not 0. The lock is the
// transaction's: it goes with it, also if the process ends.
func (p *postgres) lockSchema(ctx context.Context, patience time.Duration) (unlock func() error, err error) {
	tx, err := p.pool.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	unlock = func() error {
		if err := tx.Rollback(); ctx.Err() == nil {
			return err
		}
		return nil // the end of ctx has ended the transaction, too
	}
	// The settings hold for the transaction, whatever the URL says.
	const (
		wait = "SELECT set_config('idle_in_transaction_session_timeout', '0', TRUE), set_config('lock_timeout', $1, TRUE)"
		lock = "SELECT pg_advisory_xact_lock(hashtext('fountainai'), hashtext($1))"
	)
	if _, err = tx.ExecContext(ctx, wait, strconv.FormatInt(patience.Milliseconds(), 10)); err == nil {
		_, err = tx.ExecContext(ctx, lock, p.schema)
	}
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	return unlock, nil
}

// createSchema asks first: who may not create one may still use one.
func (p *postgres) createSchema(ctx context.Context) error {
	var found bool
	const lookup = "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)"
	if err := p.pool.QueryRowContext(ctx, lookup, p.schema).Scan(&found); err != nil || found {
		return err
	}
	if _, err := p.pool.ExecContext(ctx, "CREATE SCHEMA "+p.schema); err != nil {
		return fmt.Errorf("create the schema (or let its owner run CREATE SCHEMA %s AUTHORIZATION %s): %w", p.schema, p.config.User, err)
	}
	return nil
}

func (db *DB) prepareServer(ctx context.Context, migrations fs.FS, service string) error {
	if err := postgresDialect.refuseUnfinished(ctx, db.postgres.pool, db.path); err != nil {
		return err
	}
	if service != "" {
		if err := postgresDialect.checkOwner(ctx, db.postgres.pool, db.path, service, migrations); err != nil {
			return err
		}
	}
	err := postgresDialect.migrate(ctx, db.postgres.pool, db.path, migrations, db.logger)
	if err != nil || service == "" {
		return err
	}
	return postgresDialect.markOwner(ctx, db.postgres.pool, db.path, service)
}

// takeTurns finds out whether the server has the locks that let a write that
// was disturbed run alone. Without them it is tried again after a pause.
func (p *postgres) takeTurns(ctx context.Context) {
	const lock = "; LOCK TABLE storage_probe IN "
	if _, err := p.pool.ExecContext(ctx, "BEGIN"+lock+"ROW SHARE MODE; ROLLBACK", pgx.QueryExecModeSimpleProtocol); err == nil {
		p.together, p.alone = lock+"ROW SHARE MODE", lock+"EXCLUSIVE MODE"
	}
}

// close waits for what is under way.
func (p *postgres) close() error {
	return errors.Join(p.reads.drain(), p.writes.drain(), p.pool.Close())
}

// lend lends a connection on which a transaction has begun with begin. An old
// connection that turns out to be broken, as after a restart of the server, is
// replaced by a new one; a server that does not answer is not asked again.
func (p *postgres) lend(ctx context.Context, from *readers, begin string) (*connection, error) {
	if err := from.enter(ctx); err != nil {
		return nil, err
	}
	for {
		lent := from.pop()
		isNew := lent == nil
		if isNew {
			var err error
			if lent, err = p.newConnection(ctx, from); err != nil {
				<-from.slots
				return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
			}
		}
		lent.forgetMany()
		_, err := lent.simple(begin)
		if err == nil {
			return lent, nil
		}
		if isNew || !lent.isLost() || pgconn.Timeout(err) {
			err = lent.explain(err)
			p.giveBack(from, lent, false)
			return nil, err
		}
		_ = lent.close()
	}
}

// newConnection connects for a caller that waits as long as it likes: what it
// takes is bounded by the connect time-out.
func (p *postgres) newConnection(ctx context.Context, from *readers) (*connection, error) {
	lent, err := newConnection(context.WithoutCancel(ctx), from.pool)
	if err != nil {
		return nil, err
	}
	lent.server, lent.until = true, time.Now().Add(connectionLife)
	return lent, nil
}

// giveBack ends the transaction, unless it has ended, and keeps the connection
// if it is sound and not too old.
func (p *postgres) giveBack(to *readers, lent *connection, ended bool) {
	if !ended {
		_, err := lent.simple("ROLLBACK")
		ended = err == nil
	}
	to.giveBack(lent, ended && time.Now().Before(lent.until))
}

const beginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

// read runs run in a transaction that sees one snapshot.
func (p *postgres) read(ctx context.Context, run ReadFunc) error {
	lent, err := p.lend(ctx, p.reads, beginRead)
	if err != nil {
		return err
	}
	tx, cancel := newServerTx(ctx, lent)
	defer cancel()
	defer func() {
		tx.ended.Store(true)
		p.giveBack(p.reads, lent, false)
	}()
	return run(tx)
}

// newServerTx bounds the transaction's time. That its client gives up does not
// end it: a connection that is cut off in a statement would be lost with it.
func newServerTx(ctx context.Context, lent *connection) (*Tx, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), transactionTime)
	return &Tx{connection: lent, ctx: ctx}, cancel
}

// simple runs statements in one message and returns the tag of the last.
func (c *connection) simple(statements string) (tag string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), transactionTime)
	defer cancel()
	err = c.conn.Raw(func(driverConn any) error {
		results, err := driverConn.(*stdlib.Conn).Conn().PgConn().Exec(ctx, statements).ReadAll()
		if err == nil && len(results) > 0 {
			tag = results[len(results)-1].CommandTag.String()
		}
		return err
	})
	return tag, err
}

// isLost reports whether the connection to the server has broken.
func (c *connection) isLost() bool {
	if !c.server {
		return false
	}
	lost := true
	_ = c.conn.Raw(func(driverConn any) error {
		lost = driverConn.(*stdlib.Conn).Conn().IsClosed()
		return nil
	})
	return lost
}

// explain is explain for errors of a connection: one that broke tells of no
// statement.
func (c *connection) explain(err error) error {
	if err == nil || !c.server {
		return err
	}
	if err = explainServer(err); !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrFull) && c.isLost() {
		return fmt.Errorf("%w: the connection to the server broke: %w", ErrUnavailable, err)
	}
	return err
}

// serverCode returns the SQLSTATE of an error, "" if it has none.
func serverCode(err error) string {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return failure.Code
	}
	return ""
}
