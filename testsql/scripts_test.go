package testsql

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
	"millrace/testsql/script"
)

var rewrite = flag.Bool("rewrite", false, "write what the server answers into the scripts")

// scriptNode is a node that scripts restart.
type scriptNode struct {
	t       *testing.T
	options node.Options
	node    *node.Node
	clock   *harness.Clock
}

func (s *scriptNode) URL() string { return harness.NodeURL(s.node.Addr()) }

func (s *scriptNode) Advance(d time.Duration) { s.clock.Advance(d) }

// Settle waits for the queries first, since what they give is what pushes wait for.
func (s *scriptNode) Settle(ctx context.Context) error {
	connection, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	for _, atRest := range []string{
		`SELECT count(*) = 0 FROM millrace.queries WHERE state IN ('lagging', 'backfilling')`,
		`SELECT count(*) = 0 FROM pg_stat_activity WHERE state = 'active' AND wait_event_type IS NULL AND pid <> pg_backend_pid()`,
	} {
		for deadline := time.Now().Add(time.Minute); ; {
			var yes bool
			if err := connection.QueryRow(ctx, atRest).Scan(&yes); err != nil {
				return err
			}
			if yes {
				break
			}
			if time.Now().After(deadline) {
				return errors.New("the node does not come to rest: not " + atRest)
			}
		}
	}
	return nil
}

func (s *scriptNode) Restart() error {
	if err := s.node.Close(); err != nil {
		return err
	}
	s.node = harness.StartNode(s.t, s.options)
	return nil
}

// newScriptNode starts a node whose clock is the real one until it is put forward.
func newScriptNode(t *testing.T, shards int) *scriptNode {
	return startScriptNode(t, shards, &harness.Clock{})
}

// startScriptNode starts a node by a clock.
func startScriptNode(t *testing.T, shards int, clock *harness.Clock) *scriptNode {
	s := &scriptNode{t: t, clock: clock, options: node.Options{Dir: t.TempDir(), Shards: shards, Now: clock.Now, After: clock.After}}
	s.node = harness.StartNode(t, s.options)
	return s
}

// TestScripts runs every script with 1 and with 8 shards, and once more with
// restarts at random places.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("scripts/*.slt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		records := readScript(t, file)
		options := script.Options{Rewrite: *rewrite && !isCommon(file)}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			t.Run("1 shard", func(t *testing.T) {
				harness.SkipRaced(t)
				runScript(t, file, records, 1, options)
			})
			t.Run("8 shards", func(t *testing.T) { runScript(t, file, records, 8, options) })
			t.Run("restarts", func(t *testing.T) {
				harness.SkipRaced(t)
				runWithRestarts(t, file, records)
			})
		})
	}
}

func readScript(t *testing.T, file string) []*script.Record {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	records, err := script.Parse(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return records
}

// scriptClock returns the clock for a script. What a script expects must not depend on
// how fast the machine is, so time passes by its clock records and very slowly besides,
// except where PostgreSQL, which has none, expects the same.
func scriptClock(file string) *harness.Clock {
	if isCommon(file) {
		return &harness.Clock{}
	}
	return &harness.Clock{Slowness: 20}
}

func runScript(t *testing.T, file string, records []*script.Record, shards int, options script.Options) {
	if err := script.Run(t.Context(), startScriptNode(t, shards, scriptClock(file)), records, options); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if options.Rewrite {
		writeScript(t, file, records)
	}
}

// writeScript puts what a server answered into a script.
func writeScript(t *testing.T, file string, records []*script.Record) {
	t.Helper()
	var out bytes.Buffer
	if err := script.Write(&out, records); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// runWithRestarts restarts the node before some of the records. Scripts that
// depend on the life of a session (pushes, settings, transactions) run without.
func runWithRestarts(t *testing.T, file string, records []*script.Record) {
	for _, record := range records {
		if record.Kind == script.Push || bytes.HasPrefix([]byte(record.SQL), []byte("SET ")) || bytes.HasPrefix([]byte(record.SQL), []byte("BEGIN")) {
			return
		}
	}
	random := rand.New(rand.NewPCG(uint64(len(records)), 3))
	places := random.Perm(len(records))[:min(3, len(records))]
	server := startScriptNode(t, 4, scriptClock(file))
	at := -1
	err := script.Run(t.Context(), server, records, script.Options{Before: func(*script.Record) (bool, error) {
		at++
		if !slices.Contains(places, at) {
			return false, nil
		}
		return true, server.Restart()
	}})
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
