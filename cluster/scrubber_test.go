package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"

	"millrace/log"
)

// verifyEqual compares the replicas of a shard, which must all answer, and tells whether
// they contain the same.
func (c *testCluster) verifyEqual(shard int) bool {
	c.t.Helper()
	states, err := c.running()[0].VerifyShard(testContext(c.t), shard)
	if err != nil {
		c.t.Fatal(err)
	}
	equal := len(states) == len(c.running())
	for _, state := range states {
		equal = equal && state.Err == nil && state.Index == states[0].Index && state.Hash == states[0].Hash
	}
	return equal
}

func TestClusterVerifyShard(t *testing.T) {
	c := newTestCluster(t, 3, 2)
	load := c.load()
	for range 5 {
		load.waitMore(20)
		for shard := range 2 {
			if !c.verifyEqual(shard) {
				t.Fatalf("shard %d differs", shard)
			}
		}
	}
	load.finish()

	// A replica that has silently changed is found and copied anew.
	leader := c.waitLeader(1)
	follower := c.running()[0]
	if follower == leader {
		follower = c.running()[1]
	}
	batch := follower.Shard(0).Tables().NewBatch()
	batch.Set(setRow(loadObject, "a value", "").Key, []byte("never written"))
	if err := batch.Commit(follower.Shard(0).Applied()); err != nil {
		t.Fatal(err)
	}
	if c.verifyEqual(0) {
		t.Fatal("the change was not found")
	}
	if err := leader.Scrub(testContext(t)); err == nil || !strings.Contains(err.Error(), "is not like those") {
		t.Fatalf("scrubbing: %v", err)
	}
	waitFor(t, func() bool { return follower.seeder.count.Load() == 1 && follower.Shard(0).Whole() == nil })
	if !c.verifyEqual(0) {
		t.Fatal("the replicas still differ")
	}
}

// TestClusterScrubFindsDamage damages files that nobody reads.
func TestClusterScrubFindsDamage(t *testing.T) {
	c := newTestClusterWith(t, 3, 2, func(o *Options) { o.SegmentBytes = 4 << 10 })
	load := c.load()
	load.waitMore(200)
	load.finish()
	// What no snapshot has is written again from the log.
	c.checkpointAll()
	for _, suffix := range []string{".log", ".sst"} {
		c.close(host(2))
		fs := c.disks[host(2)]
		damaged := 0
		for _, path := range listFiles(t, fs, "data") {
			closed := suffix == ".sst" || fileExists(t, c, strings.TrimSuffix(path, ".log")+".index")
			// A table may be one that is not needed any more.
			if strings.HasSuffix(path, suffix) && closed && (damaged == 0 || suffix == ".sst") {
				flip(t, fs, path)
				damaged++
			}
		}
		node := c.start(host(2))
		// Small tables are met by who opens them, too.
		err := node.Scrub(testContext(t))
		found := err != nil && strings.Contains(err.Error(), "corruption")
		if damaged == 0 || !found && (suffix == ".log" || node.seeder.damages.Load() == 0) {
			t.Fatalf("%d files %s were damaged, scrubbing found %v; %d damages met", damaged, suffix, err, node.seeder.damages.Load())
		}
		waitFor(t, func() bool {
			return node.seeder.count.Load() > 0 && node.Shard(0).Whole() == nil && node.Shard(1).Whole() == nil
		})
		waitFor(t, func() bool { return node.Scrub(testContext(t)) == nil })
		for shard := range 2 {
			waitFor(t, func() bool { return c.verifyEqual(shard) })
		}
	}
}

// fileExists tells whether the third node has a file.
func fileExists(t *testing.T, c *testCluster, path string) bool {
	t.Helper()
	_, err := c.disks[host(2)].Stat(path)
	return err == nil
}

// A compaction that only one of two replicas has done makes no difference.
func TestReplicaHashesWithCompaction(t *testing.T) {
	build := func(compact bool) *replicaHash {
		u := newSeedUniverse(t, 1, 0)
		base := uint64(0)
		r := rand.New(rand.NewPCG(1, 1))
		for i := range 300 {
			var b log.BatchBuilder
			b.Reset()
			b.Append(int64(i), []byte(fmt.Sprint(r.IntN(20))), []byte("value"))
			batch := b.Finish(-1, -1, -1, log.CompressionNone)
			log.SetBaseOffset(batch, int64(i))
			base = u.put(log.Entry{BaseIndex: base, Appends: []log.Append{{Object: 1, Batch: batch}}})
		}
		u.source.checkpoint()
		if compact {
			p, err := u.source.shard.Partition(1)
			if err != nil {
				t.Fatal(err)
			}
			result, err := p.Compact(testContext(t), log.Compaction{Before: p.End().SegmentBase, Rest: func() {}})
			if err != nil || result.Records == 0 {
				t.Fatalf("%+v, %v", result, err)
			}
		}
		session := &seedSession{shard: 3}
		if err := u.source.machine.capture(session); err != nil {
			t.Fatal(err)
		}
		defer session.release()
		h := hasher{ctx: testContext(t), machine: u.source.machine, session: session, pace: &pace{}}
		hash, err := h.replica()
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeReplicaHash(hash.encode())
		if err != nil || fmt.Sprint(again) != fmt.Sprint(hash) {
			t.Fatalf("%+v, %v, want %+v", again, err, hash)
		}
		return hash
	}
	whole, compacted := build(false), build(true)
	if sums := comparableHashes([]*replicaHash{whole, compacted}); sums[0] != sums[1] {
		t.Errorf("%+v and %+v count as different", whole, compacted)
	}
	other := build(false)
	other.partitions[0].spans[0]++
	if sums := comparableHashes([]*replicaHash{whole, other}); sums[0] == sums[1] {
		t.Error("different records count as equal")
	}
}

// put gives the source an entry of the test's own.
func (u *seedUniverse) put(entry log.Entry) uint64 {
	return u.apply(entry.AppendTo(nil), nil)
}

func FuzzDecodeReplicaHash(f *testing.F) {
	f.Add((&replicaHash{state: 5, keys: 6, partitions: []partitionHash{{object: 1, spans: []uint64{7}}}}).encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		hash, err := decodeReplicaHash(data)
		if err != nil {
			return
		}
		again, err := decodeReplicaHash(hash.encode())
		if err != nil || fmt.Sprint(again) != fmt.Sprint(hash) {
			t.Fatalf("%+v, %v, want %+v", again, err, hash)
		}
	})
}

func FuzzSeedMessages(f *testing.F) {
	f.Add((&seedMark{state: 1, reason: "r", partitions: []partitionState{{object: 1}}}).encode())
	f.Add((&seedAsk{shard: 1, lastKey: []byte("k")}).encode())
	f.Add((&seedState{session: 1}).encode())
	f.Add((&seedImport{since: 1, newest: 2}).encode())
	f.Add(snappy.Encode(nil, appendSeedKey(nil, []byte("k"), []byte("v"))))
	f.Fuzz(func(t *testing.T, data []byte) {
		if mark, err := decodeSeedMark(data); err == nil && string(mark.encode()) != string(data) {
			if again, err := decodeSeedMark(mark.encode()); err != nil || fmt.Sprint(again) != fmt.Sprint(mark) {
				t.Fatalf("%+v, %v", again, err)
			}
		}
		if ask, err := decodeSeedAsk(data); err == nil {
			if again, err := decodeSeedAsk(ask.encode()); err != nil || fmt.Sprint(again) != fmt.Sprint(ask) {
				t.Fatalf("%+v, %v", again, err)
			}
		}
		if state, err := decodeSeedState(data); err == nil {
			if again, err := decodeSeedState(state.encode()); err != nil || fmt.Sprint(again) != fmt.Sprint(state) {
				t.Fatalf("%+v, %v", again, err)
			}
		}
		_, _, _, _ = decodeSeedRows(data)
		if keys := (seedImport{}); keys.decode(data) && !bytes.Equal(keys.encode(), data) {
			t.Fatalf("%+v", keys)
		}
		_, _ = walkSeedKeys(data, nil, func(_, _ []byte) error { return nil })
	})
}

// TestHashesAtFences: whoever waits for a hash gets one, or an error.
func TestHashesAtFences(t *testing.T) {
	wait := func(r *hashResult) error {
		select {
		case <-r.done:
			return r.err
		case <-testContext(t).Done():
			t.Fatal("a hash never came")
			return nil
		}
	}
	u := newSeedUniverse(t, 1, 5)
	// The clock of the node that made the fence is an hour behind.
	asked, err := u.source.machine.hashAt(u.source.index + 1)
	if err != nil {
		t.Fatal(err)
	}
	u.put(log.Entry{BaseIndex: fenceBase, Time: time.Now().Add(-time.Hour).UnixMilli()})
	if err := wait(asked); err != nil {
		t.Errorf("an old fence that was waited for: %v", err)
	}
	first, err := u.source.machine.hashAt(u.source.index + 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(maxHashes) {
		if _, err := u.source.machine.hashAt(u.source.index + 2 + i); err != nil {
			t.Fatal(err)
		}
	}
	if err := wait(first); err == nil {
		t.Error("a hash that is not kept was computed")
	}
}

// TestFenceOfAStoppingNode: a fence that is applied while the node stops holds nothing of
// its store, which could not be closed.
func TestFenceOfAStoppingNode(t *testing.T) {
	u := newSeedUniverse(t, 1, 5)
	asked, err := u.source.machine.hashAt(u.source.index + 1)
	if err != nil {
		t.Fatal(err)
	}
	u.source.cancel()
	u.put(log.Entry{BaseIndex: fenceBase, Time: time.Now().UnixMilli()})
	select {
	case <-asked.done:
	default:
		t.Fatal("the hash is still waited for")
	}
	if !errors.Is(asked.err, ErrStopped) {
		t.Error(asked.err)
	}
}
