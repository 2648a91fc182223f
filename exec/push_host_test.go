package exec

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// sharedQueries are push queries over table t (id, g, x) and stream s (k, v), and what
// they give of a stream that says how many rows there are.
var sharedQueries = []string{
	`SELECT id, x FROM t`,
	`SELECT id, x FROM t WHERE x % 3 <> 1`,
	`SELECT g, x FROM t`,
	`SELECT g, count(*), sum(x) FROM t GROUP BY g`,
	`SELECT t.id, t.x, d.n FROM t JOIN (SELECT g, count(*) AS n FROM t GROUP BY g) AS d ON d.g = t.g`,
	`SELECT id, x FROM t ORDER BY x DESC, id LIMIT 4`,
	`SELECT k, count(*), sum(v) FROM s GROUP BY k`,
	`SELECT rowmark, id, x FROM t`,
	`SELECT rowmark, x FROM t`,
	`SELECT rowmark, g, count(*), sum(x) FROM t GROUP BY g`,
	`SELECT rowmark, k, v FROM s`,
	`SELECT k, v FROM s`,
	`SELECT k, v FROM s WHERE v % 2 = 0 UNION ALL SELECT -k, v FROM s`,
}

// sharedPushes has clients of one push query come and go while its sources change.
type sharedPushes struct {
	t      *testing.T
	random *rand.Rand
	engine *Engine
	text   string
	// marked says that the first column is rowmark, and buffer bounds what waits for a
	// client.
	marked bool
	buffer int64
	writer Writer
	// stream are the rows that were inserted, live those of the table.
	stream [][]types.Datum
	live   map[int64][]types.Datum
	count  int64
}

// sharedClient is one of the clients, with the rows that it was given folded.
type sharedClient struct {
	cursor Cursor
	rows   map[string]int
	// from is how many rows the stream had when the client came.
	from int
	// mark is that of the last row.
	mark string
}

// TestSharedPushes has every client see what its own query would give it, whenever it
// comes and however slow it is, while equal queries are computed once.
func TestSharedPushes(t *testing.T) {
	for _, shards := range []int{1, 8} {
		for _, text := range sharedQueries {
			for name, limits := range map[string]sharedLimits{"fast": {}, "slow": {one: 200}, "many": {all: 600}} {
				t.Run(fmt.Sprintf("%d/%s/%s", shards, name, text), func(t *testing.T) {
					for seed := range seeds(1, 40) {
						runSharedPushes(t, text, shards, limits, seed)
					}
				})
			}
		}
	}
}

// sharedLimits bound the bytes that wait for one client and for all, 0 for the usual
// bounds.
type sharedLimits struct{ one, all int64 }

func runSharedPushes(t *testing.T, text string, shards int, limits sharedLimits, seed uint64) {
	c := newCluster(t, seed, shards)
	e := startEngine(t, c)
	if limits.all > 0 {
		e.pushes.budget.limit = limits.all
	}
	s := &sharedPushes{t: t, buffer: limits.one, marked: strings.HasPrefix(text, "SELECT rowmark"), random: rand.New(rand.NewPCG(seed, 9)), engine: e, text: text, writer: e.NewWriter(), live: map[int64][]types.Datum{}}
	defer s.writer.Close()
	var clients []*sharedClient
	for range 60 {
		switch at := s.random.IntN(10); {
		case at < 4:
			s.write()
		case at < 6:
			clients = append(clients, s.join())
		case len(clients) == 0:
		case at == 6 && s.marked && s.random.IntN(2) == 0:
			s.resume(clients[s.random.IntN(len(clients))])
		case at == 6:
			i := s.random.IntN(len(clients))
			clients[i].cursor.Close()
			clients = slices.Delete(clients, i, i+1)
		default:
			s.read(clients[s.random.IntN(len(clients))])
		}
	}
	s.write()
	for i, client := range clients {
		s.settle(client, fmt.Sprintf("seed %d, client %d", seed, i))
	}
	if limits == (sharedLimits{}) {
		s.meet(clients)
	}
	for _, client := range clients {
		client.cursor.Close()
	}
	if n := len(e.pushes.hosts); n > 0 {
		t.Errorf("seed %d: %d hosts are left", seed, n)
	}
	if n := e.pushes.budget.used.Load() + e.pushes.budget.holders.Load(); n != 0 {
		t.Errorf("seed %d: %d bytes and holders are left", seed, n)
	}
	for _, l := range e.loops {
		if n := len(l.feed.subscribers) + len(l.feed.waiting); n > 0 {
			t.Errorf("seed %d: %d subscribers of shard %d are left", seed, n, l.number)
		}
	}
}

// write inserts rows of the stream and changes some of the table.
func (s *sharedPushes) write() {
	stream, table := s.engine.Catalog().Lookup("public", "s"), s.engine.Catalog().Lookup("public", "t")
	rows := types.NewBatch([]types.Type{types.Int4, types.Int4})
	for range 1 + s.random.IntN(4) {
		s.count++
		row := []types.Datum{types.IntDatum(s.random.Int64N(3)), types.IntDatum(s.count)}
		rows.AppendRow(row, 1)
		s.stream = append(s.stream, row)
	}
	columns := []types.Type{types.Int4, types.Int4, types.Int4}
	changed, gone := types.NewBatch(columns), types.NewBatch(columns)
	for _, i := range s.random.Perm(12)[:1+s.random.IntN(5)] {
		id := int64(i)
		if old := s.live[id]; old != nil && s.random.IntN(3) == 0 {
			gone.AppendRow(old, 1)
			delete(s.live, id)
			continue
		}
		s.live[id] = []types.Datum{types.IntDatum(id), types.IntDatum(s.random.Int64N(3)), types.IntDatum(s.random.Int64N(9))}
		changed.AppendRow(s.live[id], 1)
	}
	s.put(Rows{Relation: stream, Batch: rows})
	s.put(Rows{Relation: table, Batch: changed})
	s.put(Rows{Relation: table, Batch: gone, Operation: OperationDelete})
}

func (s *sharedPushes) put(rows Rows) {
	s.t.Helper()
	if rows.Batch.Len == 0 {
		return
	}
	if err := s.writer.Write(s.t.Context(), []Rows{rows}, false); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sharedPushes) query(options string) Cursor {
	s.t.Helper()
	q := plannedQuery(s.t, s.engine.Catalog(), s.text+" EMIT CHANGES"+options)
	cursor, err := s.engine.Query(s.t.Context(), q, &QueryEnv{Format: types.DefaultFormat(), Now: time.Unix(1_700_000_000, 0), PushBuffer: s.buffer})
	if err != nil {
		s.t.Fatal(err)
	}
	return cursor
}

func (s *sharedPushes) join() *sharedClient {
	return &sharedClient{cursor: s.query(""), rows: map[string]int{}, from: len(s.stream)}
}

// resume breaks a client off and has it go on behind its last row.
func (s *sharedPushes) resume(client *sharedClient) {
	if client.mark != "" {
		client.cursor.Close()
		client.cursor = s.query(" WITH (resume = '" + client.mark + "')")
	}
}

// read gives a client what there is, for a moment.
func (s *sharedPushes) read(client *sharedClient) {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Millisecond)
	defer cancel()
	for range 1 + s.random.IntN(3) {
		s.next(ctx, client)
	}
}

// next takes rows. A client that was too slow goes on behind the mark that it is told.
func (s *sharedPushes) next(ctx context.Context, client *sharedClient) {
	batch, err := client.cursor.Next(ctx)
	switch {
	case err == nil:
		s.take(client, batch)
	case ctx.Err() != nil:
	case sqlerr.CodeOf(err) == sqlerr.ConfigurationLimitExceeded:
		var failure *sqlerr.Error
		_, mark, found := "", "", false
		if errors.As(err, &failure) {
			_, mark, found = strings.Cut(failure.Hint, "resume = '")
		}
		if !found {
			s.t.Fatalf("no mark to resume behind: %v, %q", err, failure.Hint)
		}
		mark, _, _ = strings.Cut(mark, "'")
		client.cursor.Close()
		client.cursor = s.query(" WITH (resume = '" + mark + "')")
	default:
		s.t.Fatal(err)
	}
}

func (s *sharedPushes) take(client *sharedClient, batch *types.Batch) {
	if s.marked {
		client.mark = batch.Columns[0].Strs[batch.Len-1]
		batch = &types.Batch{Len: batch.Len, Columns: batch.Columns[1:]}
	}
	if s.appendOnly() {
		for i := range batch.Len {
			client.rows[rowText(batch, i)]++
		}
		return
	}
	takeChanges(s.t, client.rows, batch)
}

// appendOnly reports whether the query is of the stream's rows, which it gives from the
// time on that a client comes.
func (s *sharedPushes) appendOnly() bool { return strings.Contains(s.text, "k, v FROM s") }

// settle reads until a client has what there is.
func (s *sharedPushes) settle(client *sharedClient, name string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	want := s.want(client)
	for !cmp.Equal(want, client.rows) {
		s.next(ctx, client)
		if ctx.Err() != nil {
			s.t.Fatalf("%s (-want +given):\n%s", name, cmp.Diff(want, client.rows))
		}
	}
}

// want is the result by a pull query: of a stream, over the rows since the client came.
func (s *sharedPushes) want(client *sharedClient) map[string]int {
	rows := map[string]int{}
	if !s.appendOnly() {
		cursor, err := s.engine.Query(s.t.Context(), plannedQuery(s.t, s.engine.Catalog(), strings.Replace(s.text, "rowmark, ", "", 1)), &QueryEnv{Format: types.DefaultFormat(), Now: time.Unix(1_700_000_000, 0)})
		if err != nil {
			s.t.Fatal(err)
		}
		defer cursor.Close()
		for {
			batch, err := cursor.Next(s.t.Context())
			if err != nil {
				return rows
			}
			for i := range batch.Len {
				rows[rowText(batch, i)]++
			}
		}
	}
	for _, row := range s.stream[client.from:] {
		k, v := row[0].Int, row[1].Int
		switch union := strings.Contains(s.text, "UNION"); {
		case !union:
			rows[fmt.Sprintf("%d|%d", k, v)]++
		case v%2 == 0:
			rows[fmt.Sprintf("%d|%d", k, v)]++
			fallthrough
		default:
			rows[fmt.Sprintf("%d|%d", -k, v)]++
		}
	}
	return rows
}

// meet reads until all clients are members of one host, which works for all of them.
func (s *sharedPushes) meet(clients []*sharedClient) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	alone := func(client *sharedClient) bool { return client.cursor.(*pushCursor).member == nil }
	for slices.ContainsFunc(clients, alone) {
		for _, client := range clients {
			moment, done := context.WithTimeout(ctx, time.Millisecond)
			s.next(moment, client)
			done()
		}
		if ctx.Err() != nil {
			s.t.Fatalf("some clients have not come to the host")
		}
	}
	if n := len(s.engine.pushes.hosts); n != 1 {
		s.t.Errorf("%d hosts for one query", n)
	}
}

// TestSlowPushesAreBounded has clients of one query take nothing while rows change many
// times: what waits is what the changes amount to, and a client that comes late to it
// sees the last values and no row that is gone.
func TestSlowPushesAreBounded(t *testing.T) {
	c := newCluster(t, 1, 2)
	e := startEngine(t, c)
	s := &sharedPushes{t: t, random: rand.New(rand.NewPCG(1, 9)), engine: e, text: `SELECT id, x FROM t`, buffer: 4 << 10, writer: e.NewWriter(), live: map[int64][]types.Datum{}}
	defer s.writer.Close()
	s.write()
	var clients []*sharedClient
	for range 5 {
		clients = append(clients, s.join())
	}
	for _, client := range clients {
		s.settle(client, "in the beginning")
	}
	s.meet(clients)
	// Each client has its bound. Beside that there may be the unit that is being given, and
	// what the units of one client become, before they are let go.
	most := int64(len(clients)+2) * s.buffer
	for range sized(500, 5000) {
		s.write()
		if used := e.pushes.budget.used.Load(); used > most {
			t.Fatalf("%d bytes wait for %d clients", used, len(clients))
		}
	}
	for _, client := range clients {
		s.settle(client, "in the end")
		client.cursor.Close()
	}
}
