package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"

	"millrace/log"
	"millrace/tables"
)

// testReplica is a replica of a shard without Raft: the test stores and applies the
// entries of the log.
type testReplica struct {
	t       testing.TB
	fs      vfs.FS
	wal     *log.WAL
	files   *log.FileCache
	store   *tables.Store
	machine *machine
	shard   *Shard
	cancel  context.CancelFunc
	ctx     context.Context
	// index is that of the last entry in the log.
	index uint64
}

// testReplicaLogger drops what is expected here.
var testReplicaLogger = slog.New(slog.DiscardHandler)

// openReplica opens the replica in a file system.
func openReplica(t testing.TB, fs vfs.FS) (r *testReplica, err error) {
	r = &testReplica{t: t, fs: fs}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.files = log.NewFileCache(fs, 50)
	if err := errors.Join(fs.MkdirAll("shard", 0o755), syncDir(fs, "")); err != nil {
		return nil, err
	}
	if r.wal, err = log.OpenWAL(log.WALOptions{FS: fs, Dir: "wal", FileBytes: 64 << 10, Logger: testReplicaLogger}); err != nil {
		return nil, err
	}
	r.store, err = tables.Open(tables.Options{FS: fs, Dir: "tables", CacheBytes: 1 << 20, MemTableBytes: 64 << 10, ImportFileBytes: 500, Logger: testReplicaLogger})
	if err != nil {
		return nil, err
	}
	snapshots := newSnapshotStore(fs, "shard")
	newest, err := snapshots.newest()
	if err != nil {
		return nil, err
	}
	state, base := &shardState{}, machineBase{}
	if newest != nil {
		if state, err = decodeShardState(newest.content); err != nil {
			return nil, err
		}
		base = machineBase{index: newest.meta.Index, state: state.stateIndex}
	}
	mark, err := readSeedMark(fs, "shard")
	if err != nil {
		return nil, err
	}
	if mark != nil {
		state.partitions = mark.partitions
	}
	partitions, err := openPartitions(log.PartitionOptions{
		FS: fs, Dir: "shard", Files: r.files, SegmentBytes: 2 << 10, Logger: testReplicaLogger,
	}, state.partitions)
	if err != nil {
		return nil, err
	}
	group := r.wal.Group(7)
	last, err := group.LastIndex()
	if err != nil {
		return nil, err
	}
	r.index = max(base.index, last)
	if last > 0 && last < base.index {
		if err := dropSuperseded(&groupFiles{log: group, snapshot: newest, end: last}); err != nil {
			return nil, err
		}
		last = 0
	}
	r.shard = &Shard{id: 3, tables: r.store.Shard(3), partitions: partitions}
	r.machine, err = newMachine(&machine{
		shard: 3, tables: r.shard.tables, partitions: partitions, log: group, snapshots: snapshots,
		host: r, logger: testReplicaLogger,
	}, base, r.index, mark)
	if err != nil {
		return nil, err
	}
	r.shard.machine = r.machine
	snapshots.received = r.machine.received
	for index := base.index + 1; index <= last; index++ {
		var entry raft.Log
		if err := group.GetLog(index, &entry); err != nil {
			return nil, err
		}
		r.give(&entry)
	}
	return r, nil
}

// close closes the replica.
func (r *testReplica) close() {
	r.t.Helper()
	r.cancel()
	if err := errors.Join(r.shard.partitions.close(), r.files.Close(), r.wal.Close(), r.store.Close()); err != nil {
		r.t.Error(err)
	}
}

// append adds an entry to the log.
func (r *testReplica) append(entry *raft.Log) {
	r.t.Helper()
	if err := r.wal.Group(7).StoreLog(entry); err != nil {
		r.t.Error(err)
	}
	r.index = entry.Index
}

// give hands an entry over, as Raft does when it is committed.
func (r *testReplica) give(entry *raft.Log) {
	r.t.Helper()
	if entry.Type != raft.LogCommand {
		return
	}
	got := r.machine.Apply(entry).(answer)
	var seeding *SeedingError
	if got.err != nil && !errors.As(got.err, &seeding) {
		r.t.Errorf("entry %d: %v", entry.Index, got.err)
	}
}

// checkpoint takes a snapshot, as Raft does.
func (r *testReplica) checkpoint() (content []byte, index uint64) {
	r.t.Helper()
	index = r.index
	snapshot, err := r.machine.Snapshot()
	if err != nil {
		r.t.Error(err)
		return nil, 0
	}
	sink, err := r.machine.snapshots.Create(raft.SnapshotVersionMax, index, 1, raft.Configuration{}, 0, nil)
	if err == nil {
		err = snapshot.Persist(sink)
	}
	if err != nil {
		r.t.Error(err)
		return nil, 0
	}
	return sink.(*snapshotSink).content, index
}

// install installs a snapshot that another node has sent, as Raft does.
func (r *testReplica) install(content []byte, index uint64) {
	r.t.Helper()
	sink, err := r.machine.snapshots.Create(raft.SnapshotVersionMax, index, 1, raft.Configuration{}, 0, nil)
	if err == nil {
		_, err = sink.Write(content)
	}
	if err = errors.Join(err, sink.Close()); err != nil {
		r.t.Error(err)
		return
	}
	if err := r.machine.Restore(io.NopCloser(bytes.NewReader(content))); err != nil {
		r.t.Error(err)
	}
	group := r.wal.Group(7)
	first, _ := group.FirstIndex()
	last, _ := group.LastIndex()
	if first > 0 {
		if err := group.DeleteRange(first, last); err != nil {
			r.t.Error(err)
		}
	}
	r.index = index
}

func (r *testReplica) logGrew(int64)             {}
func (r *testReplica) checkpointSoon()           {}
func (r *testReplica) compactSoon()              {}
func (r *testReplica) flushTables(int) error     { return r.store.Flush(r.ctx) }
func (r *testReplica) diskFull() error           { return nil }
func (r *testReplica) retry(func() bool)         {}
func (r *testReplica) stopping() <-chan struct{} { return r.ctx.Done() }
func (r *testReplica) damaged(int, error)        {}
func (r *testReplica) seedSoon()                 {}
func (r *testReplica) slowly() *pace             { return &pace{} }

func (r *testReplica) background(run func(ctx context.Context)) bool {
	if r.ctx.Err() != nil {
		return false
	}
	go run(r.ctx)
	return true
}

// seedUniverse is a source with a model of what it has, and a replica to be seeded.
type seedUniverse struct {
	t        *testing.T
	r        *rand.Rand
	source   *testReplica
	server   *seedSource
	state    modelState
	base     uint64
	entries  []*raft.Log
	numbered int
	// received counts the bytes that were copied.
	received atomic.Int64
}

// newSeedUniverse returns a source that has applied some entries.
func newSeedUniverse(t *testing.T, seed uint64, entries int) *seedUniverse {
	source, err := openReplica(t, vfs.NewMem())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.close)
	u := &seedUniverse{
		t: t, r: rand.New(rand.NewPCG(seed, 9)), source: source,
		server: newSeedSource(source.store, &pace{}),
		state:  modelState{rows: map[string]string{}, streams: map[uint64]modelStream{}},
	}
	u.server.frameBytes = 300
	t.Cleanup(func() { u.server.close() })
	for range entries {
		u.step(nil)
	}
	return u
}

// step gives the source and another replica the next entry.
func (u *seedUniverse) step(other *testReplica) {
	entry := &raft.Log{Index: u.source.index + 1, Term: 1, Type: raft.LogCommand}
	switch u.r.IntN(12) {
	case 0:
		entry.Type = raft.LogBarrier
	case 1:
		wrong, _ := randomEntry(u.r, u.base+1000, u.state, u.numbered)
		entry.Data = wrong.AppendTo(nil)
	default:
		u.numbered++
		encoded, next := randomEntry(u.r, u.base, u.state, u.numbered)
		u.state, u.base = next, entry.Index
		entry.Data = encoded.AppendTo(nil)
	}
	u.take(entry, other)
}

// apply gives the source and another replica a command.
func (u *seedUniverse) apply(command []byte, other *testReplica) (index uint64) {
	entry := &raft.Log{Index: u.source.index + 1, Term: 1, Type: raft.LogCommand, Data: command}
	u.take(entry, other)
	return entry.Index
}

// take gives the source and another replica an entry.
func (u *seedUniverse) take(entry *raft.Log, other *testReplica) {
	u.entries = append(u.entries, entry)
	for _, replica := range []*testReplica{u.source, other} {
		if replica != nil {
			replica.append(entry)
			replica.give(entry)
		}
	}
}

// forget has the source lose what it keeps for lost connections, as if it were another node.
func (u *seedUniverse) forget() {
	u.server.close()
	u.server = newSeedSource(u.source.store, &pace{})
	u.server.frameBytes = 300
}

// receiver begins, or goes on, to copy what a replica lacks.
func (u *seedUniverse) receiver(replica *testReplica) *seedReceiver {
	return newSeedReceiver(replica.machine, replica.store, replica.machine.want.Load(), &u.received)
}

// cut is a connection that is lost after a number of bytes.
type cut struct {
	net.Conn
	left *atomic.Int64
}

func (c cut) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.left.Add(-int64(n)) < 0 {
		return 0, errors.Join(errors.New("the connection is lost"), c.Conn.Close())
	}
	return n, err
}

// copy copies over one connection that is lost after a number of bytes.
func (u *seedUniverse) copy(receiver *seedReceiver, bytes int64) error {
	here, there := net.Pipe()
	var serving sync.WaitGroup
	serving.Go(func() {
		defer there.Close()
		_ = u.server.serve(u.source.ctx, there, func(int) *machine { return u.source.machine })
	})
	var left atomic.Int64
	left.Store(bytes)
	err := receiver.receive(testContext(u.t), cut{here, &left})
	_ = here.Close()
	serving.Wait()
	return err
}

// check compares a replica with the model.
func (u *seedUniverse) check(replica *testReplica) {
	u.t.Helper()
	if err := replica.shard.Whole(); err != nil {
		u.t.Error(err)
		return
	}
	if got := replica.shard.Applied(); got != u.base {
		u.t.Errorf("the replica is at index %d, the model at %d", got, u.base)
	}
	if difference := u.state.diff(readState(u.t, replica.shard)); difference != "" {
		u.t.Error(difference)
	}
}

// TestSeed copies a replica to one that is empty and lacks the beginning of the log,
// while entries go on, over connections that are lost, from sources that forget, to
// receivers that are started again.
func TestSeed(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			u := newSeedUniverse(t, seed, int(seed)*7)
			content, index := u.source.checkpoint()
			for range u.r.IntN(10) {
				u.step(nil)
			}
			fs := vfs.NewMem()
			replica, err := openReplica(t, fs)
			if err != nil {
				t.Fatal(err)
			}
			replica.install(content, index)
			for _, entry := range u.entries[index:] {
				replica.append(entry)
				replica.give(entry)
			}
			if _, err := replica.shard.Partition(1); !errors.Is(err, ErrNotLeader) {
				t.Fatalf("reading a replica that is not whole: %v", err)
			}
			receiver := u.receiver(replica)
			lost := 0
			for bytes := int64(100); ; bytes *= 2 {
				err := u.copy(receiver, bytes)
				if err == nil {
					break
				}
				lost++
				if lost > 30 {
					t.Fatal(err)
				}
				for range u.r.IntN(3) {
					u.step(replica)
				}
				if u.r.IntN(3) == 0 {
					u.forget()
				}
				if u.r.IntN(3) == 0 {
					if u.r.IntN(2) == 0 {
						if err := receiver.suspend(); err != nil {
							t.Fatal(err)
						}
					}
					replica.close()
					if replica, err = openReplica(t, fs); err != nil {
						t.Fatal(err)
					}
					receiver = u.receiver(replica)
				}
			}
			if err := replica.machine.waitApplied(testContext(t), u.base); err != nil {
				t.Fatal(err)
			}
			u.check(replica)
			for range 20 {
				u.step(replica)
			}
			u.check(replica)
			// What it has is durable.
			replica.close()
			replica, err = openReplica(t, fs)
			if err != nil {
				t.Fatal(err)
			}
			u.check(replica)
			if names, err := fs.List("shard"); err != nil {
				t.Fatal(err)
			} else {
				for _, name := range names {
					if name == seedMarkFile || name == importDir {
						t.Errorf("%s is left", name)
					}
				}
			}
			replica.close()
		})
	}
}

// TestSeedGoesOn interrupts a copy again and again: with its source lost, or the receiver
// started again, little of it is copied twice.
func TestSeedGoesOn(t *testing.T) {
	for _, restart := range []bool{false, true} {
		u := newSeedUniverse(t, 1, 0)
		random := rand.NewChaCha8([32]byte{})
		for i := range 400 {
			value := make([]byte, 300)
			_, _ = random.Read(value) // never fails
			entry := log.Entry{BaseIndex: u.base, Writes: []log.Write{setRow(modelTable, fmt.Sprintf("row %03d", i), string(value))}}
			u.state.rows[fmt.Sprintf("row %03d", i)] = string(value)
			u.base = u.apply(entry.AppendTo(nil), nil)
		}
		content, index := u.source.checkpoint()
		fs := vfs.NewMem()
		replica, err := openReplica(t, fs)
		if err != nil {
			t.Fatal(err)
		}
		replica.install(content, index)
		receiver, interruptions := u.receiver(replica), 0
		for u.copy(receiver, 20_000) != nil {
			interruptions++
			u.step(replica)
			u.forget()
			if restart {
				replica.close()
				if replica, err = openReplica(t, fs); err != nil {
					t.Fatal(err)
				}
				receiver = u.receiver(replica)
			}
		}
		u.check(replica)
		if whole := int64(400 * 300); interruptions < 4 || u.received.Load() > whole*13/10 {
			t.Errorf("restart %v: %d bytes were copied of %d, with %d interruptions", restart, u.received.Load(), whole, interruptions)
		}
		replica.close()
	}
}

// TestSeedCrash cuts the power at every file operation of a replica that has some of the
// shard, is left behind and is seeded: it comes back as it was, marked or whole, and can
// be seeded on.
func TestSeedCrash(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			u := newSeedUniverse(t, seed, 0)
			base := vfs.NewCrashableMem()
			replica, err := openReplica(t, base)
			if err != nil {
				t.Fatal(err)
			}
			for range 20 {
				u.step(replica)
			}
			if seed%2 == 0 {
				replica.checkpoint()
			}
			replica.close()
			for range 60 {
				u.step(nil)
			}
			content, index := u.source.checkpoint()
			for range 5 {
				u.step(nil)
			}
			for operation := int64(1); ; operation++ {
				random := rand.New(rand.NewPCG(seed, uint64(operation)))
				fs := base.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: random})
				crashed := u.liveAndCrash(fs, operation, random, content, index)
				if crashed == nil {
					t.Log(operation-1, "crashes")
					return
				}
				u.liveAndCrash(crashed, 0, nil, content, index)
				if t.Failed() {
					t.Fatal("after the crash at operation ", operation)
				}
			}
		})
	}
}

// liveAndCrash opens a replica, has it seeded and checks it. It returns what the disk has
// when the power is cut at an operation; nil when that has not come.
func (u *seedUniverse) liveAndCrash(current *vfs.MemFS, operation int64, random *rand.Rand, content []byte, index uint64) *vfs.MemFS {
	u.t.Helper()
	var crashed atomic.Pointer[vfs.MemFS]
	var operations atomic.Int64
	fs := errorfs.Wrap(current, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsRead && operations.Add(1) == operation {
			// All or nothing: Pebble relies on the order in which it makes the files of one
			// folder while it opens.
			crashed.Store(current.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100 * random.IntN(2), RNG: random}))
		}
		return nil
	}))
	replica, err := openReplica(u.t, fs)
	if err != nil {
		u.t.Fatal(err)
	}
	defer replica.close()
	if replica.index < index {
		replica.install(content, index)
	}
	for _, entry := range u.entries[replica.index:] {
		replica.append(entry)
		replica.give(entry)
	}
	if replica.machine.want.Load() != nil {
		if err := u.copy(u.receiver(replica), 1<<40); err != nil {
			u.t.Error(err)
			return nil
		}
	}
	u.check(replica)
	return crashed.Load()
}

// TestSeedOfRemovedRows copies a partition whose rows have all been removed since to a
// replica that still has some of them.
func TestSeedOfRemovedRows(t *testing.T) {
	u := newSeedUniverse(t, 1, 0)
	fs := vfs.NewMem()
	replica, err := openReplica(t, fs)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { replica.close() }()
	both := log.Entry{Appends: []log.Append{{Object: 1, Batch: recordBatch(0, "a", "b")}}}
	base := u.apply(both.AppendTo(nil), replica)
	base = u.put(log.Entry{BaseIndex: base, Appends: []log.Append{{Object: 1, Batch: recordBatch(2, "c")}}})
	u.base = u.put(log.Entry{BaseIndex: base, Truncates: []log.Truncate{{Object: 1, Start: 3}}})
	replica.install(u.source.checkpoint())
	if err := u.copy(u.receiver(replica), 1<<20); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if next := nextOffset(t, replica.shard, 1); next != 3 {
			t.Fatalf("the partition goes on at offset %d", next)
		}
		if values := partitionValues(t, replica.shard, 1); len(values) > 0 {
			t.Fatalf("the partition has %q", values)
		}
		replica.close()
		if replica, err = openReplica(t, fs); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSeedDuringASnapshot has a replica cease to be whole while a snapshot of it is being
// written, which still comes to be the newest one: a copy must not be of an earlier state,
// since nothing would lead from that to the snapshot's.
func TestSeedDuringASnapshot(t *testing.T) {
	u := newSeedUniverse(t, 1, 0)
	replica, err := openReplica(t, vfs.NewMem())
	if err != nil {
		t.Fatal(err)
	}
	defer replica.close()
	row := func(base uint64, value string, to *testReplica) uint64 {
		entry := log.Entry{BaseIndex: base, Writes: []log.Write{setRow(1, value, value)}}
		return u.apply(entry.AppendTo(nil), to)
	}
	base := row(0, "a", replica)
	base = row(base, "b", replica)
	// The source is behind by one entry.
	ahead := log.Entry{BaseIndex: base, Writes: []log.Write{setRow(1, "c", "c")}}
	last := &raft.Log{Index: base + 1, Term: 1, Type: raft.LogCommand, Data: ahead.AppendTo(nil)}
	replica.append(last)
	replica.give(last)
	snapshot, err := replica.machine.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := replica.machine.lack(0, "a test", ""); err != nil {
		t.Fatal(err)
	}
	sink, err := replica.machine.snapshots.Create(raft.SnapshotVersionMax, last.Index, 1, raft.Configuration{}, 0, nil)
	if err == nil {
		err = snapshot.Persist(sink)
	}
	if err != nil {
		t.Fatal(err)
	}
	receiver := u.receiver(replica)
	if err := u.copy(receiver, 1<<20); !errors.Is(err, errRefused) {
		t.Fatalf("copying an earlier state: %v", err)
	}
	u.source.append(last)
	u.source.give(last)
	if err := u.copy(receiver, 1<<20); err != nil {
		t.Fatal(err)
	}
	if rows := tableRows(t, replica.shard.Tables(), 1); len(rows) != 3 {
		t.Fatalf("rows %v", rows)
	}
}
