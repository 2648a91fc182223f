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

	"millrace/sql/catalog"
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
	`SELECT k, v FROM s`,
	`SELECT k, v FROM s WHERE v % 2 = 0 UNION ALL SELECT -k, v FROM s`,
}

// sharedPushes has clients of one push query come and go while its sources change.
type sharedPushes struct {
	t      *testing.T
	random *rand.Rand
	engine *Engine
	text   string
	writer Writer
	// stream are the rows that were inserted, live those of the table.
	stream [][]types.Datum
	live   map[int64]bool
	count  int64
}

// sharedClient is one of the clients, with the rows that it was given folded.
type sharedClient struct {
	cursor Cursor
	rows   map[string]int
	// from is how many rows the stream had when the client came.
	from int
}

// TestSharedPushes has every client see what its own query would give it, whenever it
// comes and however slow it is, while equal queries are computed once.
func TestSharedPushes(t *testing.T) {
	for _, shards := range []int{1, 8} {
		for _, text := range sharedQueries {
			for _, limit := range []int{pushMemberRows, 6} {
				t.Run(fmt.Sprintf("%d/%d/%s", shards, limit, text), func(t *testing.T) {
					for seed := range seeds(2, 40) {
						runSharedPushes(t, text, shards, limit, seed)
					}
				})
			}
		}
	}
}

func runSharedPushes(t *testing.T, text string, shards, limit int, seed uint64) {
	c := newCluster(t, seed, shards)
	e := startEngine(t, c)
	e.pushMemberRows = limit
	s := &sharedPushes{t: t, random: rand.New(rand.NewPCG(seed, 9)), engine: e, text: text, writer: e.NewWriter(), live: map[int64]bool{}}
	defer s.writer.Close()
	var clients []*sharedClient
	for range 60 {
		switch at := s.random.IntN(10); {
		case at < 4:
			s.write()
		case at < 6:
			clients = append(clients, s.join())
		case len(clients) == 0:
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
	if len(clients) > 1 && limit == pushMemberRows {
		s.meet(clients)
	}
	for _, client := range clients {
		client.cursor.Close()
	}
	if n := len(e.pushes.hosts); n > 0 {
		t.Errorf("seed %d: %d hosts are left", seed, n)
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
	changed := types.NewBatch([]types.Type{types.Int4, types.Int4, types.Int4})
	for _, id := range s.random.Perm(12)[:1+s.random.IntN(5)] {
		changed.AppendRow([]types.Datum{types.IntDatum(int64(id)), types.IntDatum(s.random.Int64N(3)), types.IntDatum(s.random.Int64N(9))}, 1)
	}
	s.insert(stream, rows)
	s.insert(table, changed)
}

func (s *sharedPushes) insert(relation *catalog.Relation, rows *types.Batch) {
	s.t.Helper()
	if err := s.writer.Write(s.t.Context(), []Rows{{Relation: relation, Batch: rows}}, false); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sharedPushes) query(options string) Cursor {
	s.t.Helper()
	q := plannedQuery(s.t, s.engine.Catalog(), s.text+" EMIT CHANGES"+options)
	cursor, err := s.engine.Query(s.t.Context(), q, &QueryEnv{Format: types.DefaultFormat(), Now: time.Unix(1_700_000_000, 0)})
	if err != nil {
		s.t.Fatal(err)
	}
	return cursor
}

func (s *sharedPushes) join() *sharedClient {
	return &sharedClient{cursor: s.query(""), rows: map[string]int{}, from: len(s.stream)}
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
	if strings.HasPrefix(s.text, "SELECT k, v") {
		for i := range batch.Len {
			client.rows[rowText(batch, i)]++
		}
		return
	}
	takeChanges(s.t, client.rows, batch)
}

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
	if !strings.HasPrefix(s.text, "SELECT k, v") {
		cursor, err := s.engine.Query(s.t.Context(), plannedQuery(s.t, s.engine.Catalog(), s.text), &QueryEnv{Format: types.DefaultFormat(), Now: time.Unix(1_700_000_000, 0)})
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
