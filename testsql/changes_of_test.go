package testsql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// TestChangesOfMissesNothing makes a changelog of a large table while clients
// change its rows, and kills the node while the changelog's query reads what was
// there. Played back, the changelog gives the table; every change that was made
// after the query was is in it, and none twice.
func TestChangesOfMissesNothing(t *testing.T) {
	for _, shards := range []int{1, 8} {
		t.Run(fmt.Sprintf("%d shards", shards), func(t *testing.T) {
			c := &changesOf{t: t, dir: t.TempDir(), shards: strconv.Itoa(shards)}
			c.start()
			harness.Exec(t, c.connect(), `CREATE TABLE t (id INT PRIMARY KEY, v INT)`)
			harness.Exec(t, c.connect(), fmt.Sprintf(`INSERT INTO t SELECT g, 0 FROM generate_series(1, %d) AS g`, changedRows))
			for round := range 2 {
				c.change(func() {
					if round == 0 {
						harness.Exec(t, c.connect(), `CREATE STREAM log AS SELECT rowop, * FROM CHANGES OF t`)
						c.created.Store(true)
					}
				})
				c.process.Kill()
				c.start()
			}
			c.check()
		})
	}
}

// changedRows are the rows that the table begins with, and changesMade the changes
// of one round.
const (
	changedRows = 20_000
	changesMade = 600
)

// changesOf is a run of the test.
type changesOf struct {
	t           *testing.T
	dir, shards string
	process     *harness.Process
	created     atomic.Bool
	// next numbers the values written; wanted are those that were acknowledged and
	// whose statements began when the changelog was there.
	next   atomic.Int64
	mu     sync.Mutex
	wanted []int64
}

func (c *changesOf) start() {
	c.process = harness.StartProcess(c.t, c.dir, "--shards", c.shards)
}

func (c *changesOf) connect() *pgx.Conn { return harness.Connect(c.t, c.process.URL()) }

// change has clients change rows, and calls begun when some were changed. It
// returns when enough were.
func (c *changesOf) change(begun func()) {
	ctx, stop := context.WithCancel(c.t.Context())
	defer stop()
	var made atomic.Int64
	some, enough := make(chan struct{}), make(chan struct{})
	var wait sync.WaitGroup
	for range 4 {
		connection := c.connect()
		random := rand.New(rand.NewPCG(uint64(c.next.Add(1)), 1))
		wait.Go(func() {
			for ctx.Err() == nil {
				c.changeOne(ctx, connection, random)
				switch made.Add(1) {
				case changesMade / 4:
					close(some)
				case changesMade:
					close(enough)
				}
			}
		})
	}
	<-some
	begun()
	<-enough
	stop()
	wait.Wait()
}

// changeOne changes one row, or one row several times in a transaction.
func (c *changesOf) changeOne(ctx context.Context, connection *pgx.Conn, random *rand.Rand) {
	created := c.created.Load()
	id, value := random.IntN(changedRows)+1, c.next.Add(1)
	statement := `INSERT INTO t VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET v = excluded.v`
	if random.IntN(4) == 0 {
		if _, err := connection.Exec(ctx, `DELETE FROM t WHERE id = $1`, id); err != nil {
			return // interrupted, or beaten by another
		}
	}
	if _, err := connection.Exec(ctx, statement, id, value); err == nil && created {
		c.mu.Lock()
		c.wanted = append(c.wanted, value)
		c.mu.Unlock()
	}
}

// check plays the changelog back.
func (c *changesOf) check() {
	connection := c.connect()
	rows, err := connection.Query(c.t.Context(), `SELECT rowop, id, v FROM log ORDER BY rowpartition, rowoffset`)
	if err != nil {
		c.t.Fatal(err)
	}
	table, seen := map[int64]int64{}, map[int64]int{}
	var op string
	var id, value int64
	_, err = pgx.ForEachRow(rows, []any{&op, &id, &value}, func() error {
		current, there := table[id]
		switch {
		case there == (op == "insert"):
			return fmt.Errorf("%s of row %d, whose presence is %v", op, id, there)
		case op == "delete" && value != current:
			return fmt.Errorf("a delete of row %d with value %d, which was %d", id, value, current)
		case op == "delete":
			delete(table, id)
		default:
			table[id] = value
			seen[value]++
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, value := range c.wanted {
		if seen[value] != 1 {
			c.t.Errorf("value %d was seen %d times", value, seen[value])
		}
	}
	rows, err = connection.Query(c.t.Context(), `SELECT id, v FROM t`)
	if err != nil {
		c.t.Fatal(err)
	}
	count := 0
	_, err = pgx.ForEachRow(rows, []any{&id, &value}, func() error {
		count++
		if current, there := table[id]; !there || current != value {
			return fmt.Errorf("row %d has value %d, and in the changelog %d, %v", id, value, current, there)
		}
		return nil
	})
	if err != nil || count != len(table) {
		c.t.Fatalf("%d rows, %d in the changelog: %v", count, len(table), err)
	}
}
