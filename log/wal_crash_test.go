package log

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"
)

// groupModel is what a group should hold.
type groupModel struct {
	first   uint64 // of the first entry
	entries []string
	stable  string
}

// clone returns a copy that can be changed.
func (m groupModel) clone() groupModel {
	m.entries = append([]string(nil), m.entries...)
	return m
}

// equals tells whether a group holds exactly what the model does.
func (m groupModel) equals(g *Group) error {
	first, err := g.FirstIndex()
	if err != nil {
		return err
	}
	last, err := g.LastIndex()
	if err != nil {
		return err
	}
	var wantFirst, wantLast uint64
	if n := uint64(len(m.entries)); n > 0 {
		wantFirst, wantLast = m.first, m.first+n-1
	}
	if first != wantFirst || last != wantLast {
		return fmt.Errorf("entries [%d, %d], want [%d, %d]", first, last, wantFirst, wantLast)
	}
	for i, want := range m.entries {
		var log raft.Log
		if err := g.GetLog(m.first+uint64(i), &log); err != nil {
			return err
		}
		if string(log.Data) != want {
			return fmt.Errorf("entry %d is %.20q, want %.20q", log.Index, log.Data, want)
		}
	}
	value, err := g.Get([]byte("key"))
	if err != nil {
		return err
	}
	if string(value) != m.stable {
		return fmt.Errorf("stable value %q, want %q", value, m.stable)
	}
	return nil
}

// groupDriver runs random operations on one group and keeps its model.
type groupDriver struct {
	id  uint64
	rng *rand.Rand

	mu sync.Mutex
	// acknowledged is the state after the last operation that succeeded;
	// possible are the states that operations whose outcome is unknown may
	// have led to.
	acknowledged groupModel
	possible     []groupModel
}

// step runs one operation.
func (d *groupDriver) step(g *Group) error {
	next := d.acknowledged.clone()
	var operation func() error
	last := next.first + uint64(len(next.entries)) - 1
	if len(next.entries) == 0 {
		next.first, last = 1+d.rng.Uint64N(3)*10, 0
		last = next.first - 1
	}
	switch k := d.rng.IntN(10); {
	case k < 5 || len(next.entries) == 0:
		var logs []*raft.Log
		for i := range 1 + d.rng.Uint64N(4) {
			data := fmt.Sprintf("%d-%d-%0*d", d.id, d.rng.Uint64(), d.rng.IntN(700), 0)
			logs = append(logs, &raft.Log{Index: last + 1 + i, Data: []byte(data)})
			next.entries = append(next.entries, data)
		}
		operation = func() error { return g.StoreLogs(logs) }
	case k < 7:
		bound := next.first + d.rng.Uint64N(uint64(len(next.entries)))
		from := next.first
		next.entries = next.entries[bound-next.first+1:]
		next.first = bound + 1
		operation = func() error { return g.DeleteRange(from, bound) }
	case k < 8:
		bound := last - d.rng.Uint64N(min(uint64(len(next.entries)), 3))
		next.entries = next.entries[:bound-next.first]
		operation = func() error { return g.DeleteRange(bound, last) }
	case k < 9 && d.rng.IntN(6) == 0:
		next = groupModel{}
		operation = func() error { return g.wal.DropGroup(d.id) }
	default:
		value := fmt.Sprint(d.rng.Uint64())
		next.stable = value
		operation = func() error { return g.Set([]byte("key"), []byte(value)) }
	}
	d.mu.Lock()
	d.possible = append(d.possible, next)
	d.mu.Unlock()
	err := operation()
	if err == nil {
		d.mu.Lock()
		d.acknowledged, d.possible = next, nil
		d.mu.Unlock()
	}
	return err
}

// snapshot returns the states that may be found after a crash now, the
// acknowledged one first.
func (d *groupDriver) snapshot() []groupModel {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]groupModel{d.acknowledged}, d.possible...)
}

// crashPoint clones a file system, as after a power cut, before its n-th
// operation that changes something, and fails some operations.
type crashPoint struct {
	fs      *vfs.MemFS
	rng     *rand.Rand
	percent int
	n       int
	// failEvery makes one in so many operations fail; 0 for none.
	failEvery int
	drivers   []*groupDriver

	mu     sync.Mutex
	clone  *vfs.MemFS
	states [][]groupModel
}

func (c *crashPoint) String() string { return "crash point" }

// MaybeError implements errorfs.Injector.
func (c *crashPoint) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsRead || op.Kind == errorfs.OpFileClose {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n--
	if c.n == 0 {
		for _, d := range c.drivers {
			c.states = append(c.states, d.snapshot())
		}
		c.clone = c.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: c.percent, RNG: c.rng})
	}
	if c.failEvery > 0 && c.rng.IntN(c.failEvery) == 0 && op.Kind != errorfs.OpMkdirAll {
		return errorfs.ErrInjected
	}
	return nil
}

// crashed returns the file system after the crash and the possible states, nil
// before it.
func (c *crashPoint) crashed() (*vfs.MemFS, [][]groupModel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clone, c.states
}

var seeds = flag.Int("seeds", 300, "the number of crash test runs")

// crashSeeds is the number of runs of a crash test.
func crashSeeds() int {
	switch {
	case testing.Short():
		return min(*seeds, 50)
	case os.Getenv("MILLRACE_LONG") != "":
		return max(*seeds, 20000)
	}
	return *seeds
}

// TestWALCrash cuts the power at random operations, recovers, checks that every
// group is in its acknowledged state or in that of the operation under way, and
// goes on, several times in a row.
func TestWALCrash(t *testing.T) {
	for seed := range crashSeeds() {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(seed), 17))
			fs := vfs.NewCrashableMem()
			var drivers []*groupDriver
			for id := range uint64(3) {
				drivers = append(drivers, &groupDriver{id: id, rng: rand.New(rand.NewPCG(uint64(seed), id))})
			}
			for range 4 {
				point := &crashPoint{
					fs: fs, rng: rng, drivers: drivers, n: 1 + rng.IntN(120),
					percent: []int{0, 20, 50, 80, 100}[rng.IntN(5)], failEvery: []int{0, 0, 15}[rng.IntN(3)],
				}
				fs = runUntilCrash(t, point)
			}
		})
	}
}

// runUntilCrash opens the log, runs all drivers until the crash, recovers from
// it and returns the file system after it.
func runUntilCrash(t *testing.T, point *crashPoint) *vfs.MemFS {
	t.Helper()
	options := WALOptions{FS: errorfs.Wrap(point.fs, point), Dir: "/wal", FileBytes: 8 << 10, CacheBytes: 2 << 10, Logger: quiet()}
	w, err := OpenWAL(options)
	for tries := 0; err != nil; tries++ {
		var damage *CorruptionError
		if errors.As(err, &damage) || tries == 100 {
			t.Fatal(err)
		}
		w, err = OpenWAL(options)
	}
	for _, d := range point.drivers {
		for i, state := range d.snapshot() {
			if i == 0 {
				must(t, state.equals(w.Group(d.id)))
			}
		}
	}
	var wait sync.WaitGroup
	for _, d := range point.drivers {
		wait.Go(func() {
			for {
				if clone, _ := point.crashed(); clone != nil {
					return
				}
				if err := d.step(w.Group(d.id)); err != nil && !errors.Is(err, errorfs.ErrInjected) {
					t.Errorf("group %d: %v", d.id, err)
					return
				}
			}
		})
	}
	wait.Wait()
	_ = w.Close()
	clone, states := point.crashed()
	if clone == nil {
		t.FailNow()
	}

	recovered, err := OpenWAL(WALOptions{FS: clone, Dir: "/wal", FileBytes: 8 << 10, Logger: quiet()})
	must(t, err)
	for i, d := range point.drivers {
		var mismatches []error
		found := false
		for _, state := range states[i] {
			err := state.equals(recovered.Group(d.id))
			if err == nil {
				d.acknowledged, d.possible, found = state.clone(), nil, true
				break
			}
			mismatches = append(mismatches, err)
		}
		if !found {
			t.Fatalf("group %d after the crash: %v", d.id, errors.Join(mismatches...))
		}
	}
	// Another power cut, in the middle of whatever recovery does.
	if point.rng.IntN(2) == 0 {
		return clone.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: point.rng})
	}
	must(t, recovered.Close())
	return clone
}
