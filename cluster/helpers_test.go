package cluster

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/log"
	"millrace/tables"
)

// testCatalog is a catalog that remembers its commands.
type testCatalog struct {
	mu       sync.Mutex
	commands []string
}

func (c *testCatalog) Apply(_ uint64, command []byte) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commands = append(c.commands, string(command))
	return len(c.commands)
}

func (c *testCatalog) Snapshot() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var data []byte
	for _, command := range c.commands {
		data = binary.AppendUvarint(data, uint64(len(command)))
		data = append(data, command...)
	}
	return data, nil
}

func (c *testCatalog) Restore(data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commands = nil
	for len(data) > 0 {
		length, n := binary.Uvarint(data)
		if n <= 0 || length > uint64(len(data)-n) {
			return errors.New("malformed catalog")
		}
		c.commands = append(c.commands, string(data[n:n+int(length)]))
		data = data[n+int(length):]
	}
	return nil
}

// list returns the commands applied so far.
func (c *testCatalog) list() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.commands)
}

// testLogger writes log lines to the test, when it is verbose, until it ends.
func testLogger(t testing.TB) *slog.Logger {
	level := slog.LevelError + 1
	if testing.Verbose() {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: level}))
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(line []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimRight(line, "\n"))
	return len(line), nil
}

// testOptions are options for a small node.
func testOptions(t testing.TB, fs vfs.FS, dir string, shards int) Options {
	return Options{
		FS:              fs,
		Dir:             dir,
		Shards:          shards,
		Catalog:         &testCatalog{},
		TableCacheBytes: 1 << 20,
		MemTableBytes:   1 << 20,
		Logger:          testLogger(t),
	}
}

// testContext ends when the test has taken too long.
func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// startNode opens a node and waits until it is ready.
func startNode(t testing.TB, options Options) *Node {
	t.Helper()
	node, err := Open(testContext(t), options)
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Ready(testContext(t)); err != nil {
		t.Fatal(errors.Join(err, node.Close()))
	}
	return node
}

// closeNode closes a node that must close without an error.
func closeNode(t testing.TB, node *Node) {
	t.Helper()
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
}

// recordBatch returns a batch of records with the given values, whose first
// offset is base.
func recordBatch(base int64, values ...string) []byte {
	var b log.BatchBuilder
	b.Reset()
	for _, value := range values {
		b.Append(1_700_000_000_000+base, nil, []byte(value))
	}
	batch := bytes.Clone(b.Finish(-1, -1, -1, log.CompressionNone))
	log.SetBaseOffset(batch, base)
	return batch
}

// nextOffset is the offset that an object's next batch begins with.
func nextOffset(t testing.TB, shard *Shard, object uint64) int64 {
	t.Helper()
	p, err := shard.Partition(object)
	if err != nil {
		t.Fatal(err)
	}
	if p == nil {
		return 0
	}
	return p.NextOffset()
}

// partitionValues reads the values of all records of an object's partition.
func partitionValues(t testing.TB, shard *Shard, object uint64) []string {
	t.Helper()
	p, err := shard.Partition(object)
	if err != nil {
		t.Fatal(err)
	}
	if p == nil {
		return nil
	}
	values, err := readValues(p)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// readValues reads the values of all records of a partition.
func readValues(p *log.Partition) ([]string, error) {
	var values []string
	for offset := p.StartOffset(); offset < p.NextOffset(); {
		data, err := p.Read(offset, 1<<20, nil)
		if err != nil {
			return nil, err
		}
		for len(data) > 0 {
			batch, rest, err := log.ParseBatch(data)
			if err != nil {
				return nil, err
			}
			records := batch.Records()
			for records.Next() {
				if r := records.Record(); r.Offset >= offset {
					values = append(values, string(r.Value))
				}
			}
			if err := records.Err(); err != nil {
				return nil, err
			}
			data, offset = rest, batch.NextOffset()
		}
	}
	return values, nil
}

// tableRows reads all rows of an object.
func tableRows(t testing.TB, reader tables.Reader, object uint64) map[string]string {
	t.Helper()
	prefix := tables.AppendObjectPrefix(nil, tables.KindRow, object)
	it, err := reader.Scan(prefix, tables.PrefixEnd(nil, prefix))
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]string)
	for it.Next() {
		_, key, err := tables.ParseRowKey(it.Key())
		if err != nil {
			t.Fatal(err)
		}
		rows[string(key)] = string(it.Value())
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// propose proposes an entry that must be accepted.
func propose(t testing.TB, shard *Shard, entry log.Entry) uint64 {
	t.Helper()
	applied, err := shard.Propose(entry.AppendTo(nil))
	if err != nil {
		t.Fatal(err)
	}
	if !applied.Accepted {
		t.Fatalf("entry with base %d was not accepted at state %d", entry.BaseIndex, shard.Applied())
	}
	return applied.Index
}

// setRow is a write that gives a row its value.
func setRow(object uint64, key, value string) log.Write {
	return log.Write{Kind: log.Set, Key: tables.AppendRowKey(nil, object, []byte(key)), Value: []byte(value)}
}

// entryWith is an entry with one batch of one value and one row.
func entryWith(t testing.TB, shard *Shard, base uint64, object uint64, value string) log.Entry {
	return log.Entry{
		BaseIndex: base,
		Appends:   []log.Append{{Object: object, Batch: recordBatch(nextOffset(t, shard, object), value)}},
		Writes:    []log.Write{setRow(object, value, fmt.Sprint(base))},
	}
}

// waitFor returns when a condition holds that nothing signals.
func waitFor(t testing.TB, condition func() bool) {
	t.Helper()
	ctx := testContext(t)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("waited in vain")
		}
	}
}
