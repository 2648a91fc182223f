package cluster

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"millrace/log"
	"millrace/tables"
)

// modelShard is what a shard has to contain after each of the entries that were
// proposed to it.
type modelShard struct {
	mu sync.Mutex
	// states[k] is the content after the first k entries that took effect.
	states []modelState
	// acknowledged is the number of entries that were.
	acknowledged int
	// checked is the number of entries that the last check found.
	checked int
}

// modelState is a shard's content.
type modelState struct {
	rows    map[string]string
	streams map[uint64]modelStream
}

// modelStream is a partition's content.
type modelStream struct {
	start  int64
	values []string // from offset 0 on
}

func (s modelState) clone() modelState {
	return modelState{rows: maps.Clone(s.rows), streams: maps.Clone(s.streams)}
}

const (
	modelTable    = 1000
	modelCounter  = "~entries"
	modelStreams  = 3
	modelRowRange = 50
)

// randomEntry returns an entry on top of a state and the state it leads to.
func randomEntry(r *rand.Rand, base uint64, state modelState, number int) (log.Entry, modelState) {
	next := state.clone()
	entry := log.Entry{BaseIndex: base}
	set := func(key, value string) {
		next.rows[key] = value
		entry.Writes = append(entry.Writes, setRow(modelTable, key, value))
	}
	if r.IntN(6) == 0 {
		from := fmt.Sprintf("row %02d", r.IntN(modelRowRange))
		to := from + "~"
		maps.DeleteFunc(next.rows, func(key, _ string) bool { return key >= from && key < to })
		entry.Writes = append(entry.Writes, log.Write{
			Kind: log.DeleteRange,
			Key:  tables.AppendRowKey(nil, modelTable, []byte(from)), Value: tables.AppendRowKey(nil, modelTable, []byte(to)),
		})
	}
	set(fmt.Sprintf("row %02d", r.IntN(modelRowRange)), fmt.Sprint(number, strings.Repeat(" long", r.IntN(40))))
	set(modelCounter, fmt.Sprint(number))
	for range r.IntN(3) {
		object := 1 + r.Uint64N(modelStreams)
		stream := next.streams[object]
		value := fmt.Sprintf("%d in %d%s", number, object, strings.Repeat(".", r.IntN(300)))
		entry.Appends = append(entry.Appends, log.Append{Object: object, Batch: recordBatch(int64(len(stream.values)), value)})
		stream.values = append(slices.Clip(stream.values), value)
		next.streams[object] = stream
	}
	for object, stream := range next.streams {
		switch r.IntN(20) {
		case 0:
			stream.start += r.Int64N(int64(len(stream.values)) - stream.start + 1)
			next.streams[object] = stream
			entry.Truncates = append(entry.Truncates, log.Truncate{Object: object, Start: stream.start})
		case 1:
			delete(next.streams, object)
			entry.Truncates = append(entry.Truncates, log.Truncate{Object: object, Start: dropAll})
		case 2, 3:
			// Its records have no keys: it writes segments anew and removes nothing.
			entry.Compacts = append(entry.Compacts, log.Compact{Object: object, Before: int64(len(stream.values))})
		}
	}
	return entry, next
}

// readState reads what a shard contains.
func readState(t *testing.T, shard *Shard) modelState {
	t.Helper()
	state := modelState{rows: tableRows(t, shard.Tables(), modelTable), streams: make(map[uint64]modelStream)}
	for object := uint64(1); object <= modelStreams; object++ {
		p, err := shard.Partition(object)
		if err != nil {
			t.Fatal(err)
		}
		if p == nil {
			continue
		}
		values, err := readValues(p)
		if err != nil {
			t.Fatal(err)
		}
		state.streams[object] = modelStream{start: p.StartOffset(), values: values}
	}
	return state
}

// diff tells how a state read differs from the model's; "" when it does not.
func (s modelState) diff(got modelState) string {
	if !maps.Equal(s.rows, got.rows) {
		return fmt.Sprintf("rows %v, want %v", got.rows, s.rows)
	}
	if len(s.streams) != len(got.streams) {
		return fmt.Sprintf("streams %v, want %v", got.streams, s.streams)
	}
	for object, want := range s.streams {
		stream := got.streams[object]
		if stream.start != want.start || !slices.Equal(stream.values, want.values[want.start:]) {
			return fmt.Sprintf("stream %d starts at %d with %q, want %d and %q", object, stream.start, stream.values, want.start, want.values[want.start:])
		}
	}
	return ""
}

// TestPowerCut cuts the power at random file operations, at any moment of a
// node's life, and loses a random part of what was not synced.
func TestPowerCut(t *testing.T) {
	universes, cuts := 20, 11
	if testing.Short() {
		universes = 3
	}
	var checkpoints atomic.Int64
	t.Cleanup(func() {
		if checkpoints.Load() < int64(universes) {
			t.Errorf("%d checkpoints are too few to say anything", checkpoints.Load())
		}
	})
	for seed := range universes {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			u := newPowerCutUniverse(uint64(seed), t)
			u.run(cuts)
			checkpoints.Add(u.checkpoints)
		})
	}
}

// powerCutUniverse is a node whose power is cut again and again.
type powerCutUniverse struct {
	t       *testing.T
	r       *rand.Rand
	fs      *vfs.MemFS
	shards  [2]*modelShard
	catalog modelCatalog
	// checkpoints counts those that were taken.
	checkpoints int64
	entries     int
}

// modelCatalog are the commands proposed to the catalog.
type modelCatalog struct {
	mu           sync.Mutex
	commands     []string
	acknowledged int
}

func newPowerCutUniverse(seed uint64, t *testing.T) *powerCutUniverse {
	u := &powerCutUniverse{t: t, r: rand.New(rand.NewPCG(seed, 1)), fs: vfs.NewCrashableMem()}
	for i := range u.shards {
		u.shards[i] = &modelShard{states: []modelState{{rows: map[string]string{}, streams: map[uint64]modelStream{}}}}
	}
	return u
}

// run cuts the power a number of times.
func (u *powerCutUniverse) run(cuts int) {
	for range cuts {
		u.live()
		if u.t.Failed() {
			return
		}
	}
	u.t.Log(u.checkpoints, "checkpoints,", u.entries, "entries,", len(u.catalog.commands), "commands")
}

// live starts the node, checks it, works on it until the power is cut, and
// leaves what the disk then has.
func (u *powerCutUniverse) live() {
	var crashed atomic.Pointer[vfs.MemFS]
	// A start takes some hundred operations: one cut in three is about there.
	remaining := atomic.Int64{}
	remaining.Store(1 + u.r.Int64N([]int64{500, 2000, 5000}[u.r.IntN(3)]))
	crashRandom := rand.New(rand.NewPCG(u.r.Uint64(), 2))
	percent := []int{0, 20, 50, 80, 100}[u.r.IntN(5)]
	var acknowledged [len(u.shards)]int
	var acknowledgedCommands int
	base := u.fs
	fs := errorfs.Wrap(base, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsRead || remaining.Add(-1) != 0 {
			return nil
		}
		// What is acknowledged by now must survive.
		for i, model := range u.shards {
			model.mu.Lock()
			acknowledged[i] = model.acknowledged
			model.mu.Unlock()
		}
		u.catalog.mu.Lock()
		acknowledgedCommands = u.catalog.acknowledged
		u.catalog.mu.Unlock()
		crashed.Store(base.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: crashRandom}))
		return nil
	}))
	options := testOptions(u.t, fs, "data", len(u.shards))
	options.SnapshotBytes = 8 << 10
	options.LogFileBytes = 16 << 10
	options.SegmentBytes = 2 << 10
	options.MemTableBytes = 64 << 10
	node, err := Open(testContext(u.t), options)
	if err != nil {
		u.t.Fatal(err)
	}
	defer func() {
		u.checkpoints += node.checkpointer.count.Load()
		if err := node.Close(); err != nil {
			u.t.Error(err)
		}
		if u.fs = crashed.Load(); u.fs == nil {
			u.t.Error("the power was never cut")
		}
		for i, model := range u.shards {
			model.acknowledged = acknowledged[i]
		}
		u.catalog.acknowledged = acknowledgedCommands
	}()
	if err := node.Ready(testContext(u.t)); err != nil {
		u.t.Error(err)
		return
	}
	u.check(node, options.Catalog.(*testCatalog))
	if u.t.Failed() {
		return
	}
	var writers sync.WaitGroup
	for i, model := range u.shards {
		seed := u.r.Uint64()
		writers.Go(func() { u.write(node, i, model, rand.New(rand.NewPCG(seed, 3)), &crashed) })
	}
	writers.Wait()
}

// write proposes random entries to a shard, and sometimes a command to the
// catalog, until the power is cut.
func (u *powerCutUniverse) write(node *Node, i int, model *modelShard, r *rand.Rand, crashed *atomic.Pointer[vfs.MemFS]) {
	shard := node.Shard(i)
	base := shard.Applied()
	for crashed.Load() == nil {
		if i == 0 && r.IntN(10) == 0 && !u.command(node) {
			return
		}
		if r.IntN(10) == 0 {
			wrong, _ := randomEntry(r, base+1, model.states[len(model.states)-1], -1)
			if applied, err := shard.Propose(wrong.AppendTo(nil)); err != nil || applied.Accepted {
				u.t.Errorf("an entry with a wrong base: %+v, %v", applied, err)
				return
			}
		}
		number := len(model.states)
		entry, next := randomEntry(r, base, model.states[number-1], number)
		model.mu.Lock()
		model.states = append(model.states, next)
		model.mu.Unlock()
		applied, err := shard.Propose(entry.AppendTo(nil))
		if err != nil || !applied.Accepted {
			u.t.Errorf("shard %d, entry %d: %+v, %v", shard.ID(), number, applied, err)
			return
		}
		base = applied.Index
		model.mu.Lock()
		model.acknowledged = number
		model.mu.Unlock()
	}
}

// command proposes a command to the catalog.
func (u *powerCutUniverse) command(node *Node) bool {
	u.catalog.mu.Lock()
	command := fmt.Sprint(len(u.catalog.commands))
	u.catalog.commands = append(u.catalog.commands, command)
	u.catalog.mu.Unlock()
	if _, _, err := node.ProposeCatalog(testContext(u.t), []byte(command)); err != nil {
		u.t.Error(err)
		return false
	}
	u.catalog.mu.Lock()
	defer u.catalog.mu.Unlock()
	u.catalog.acknowledged = len(u.catalog.commands)
	return true
}

// check compares a node that has just started with the model, and cuts the
// model to what the node has.
func (u *powerCutUniverse) check(node *Node, catalog *testCatalog) {
	for i, model := range u.shards {
		got := readState(u.t, node.Shard(i))
		number := 0
		if text := got.rows[modelCounter]; text != "" {
			if _, err := fmt.Sscan(text, &number); err != nil {
				u.t.Error(err)
				return
			}
		}
		if number < model.acknowledged || number >= len(model.states) {
			u.t.Errorf("shard %d has %d entries, %d were acknowledged of %d", i, number, model.acknowledged, len(model.states)-1)
			return
		}
		if difference := model.states[number].diff(got); difference != "" {
			u.t.Errorf("shard %d after %d entries: %s", i, number, difference)
			return
		}
		u.entries += number - model.checked
		model.checked = number
		// The power may be cut while the node is being checked.
		model.mu.Lock()
		model.states = model.states[:number+1]
		model.acknowledged = number
		model.mu.Unlock()
	}
	commands := catalog.list()
	if len(commands) < u.catalog.acknowledged || len(commands) > len(u.catalog.commands) ||
		!slices.Equal(commands, u.catalog.commands[:len(commands)]) {
		u.t.Errorf("the catalog has %d commands, %d were acknowledged: %q", len(commands), u.catalog.acknowledged, commands)
		return
	}
	u.catalog.mu.Lock()
	u.catalog.commands, u.catalog.acknowledged = commands, len(commands)
	u.catalog.mu.Unlock()
}
