package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/testsql/harness"
)

// fault is something that goes wrong with a host, or between two, from its beginning to its
// end.
type fault func(u *universe, h, other *host)

// aloneFaults can happen to a host without others, and clusterFaults to one of several,
// too.
var (
	aloneFaults = []fault{
		(*universe).cutPower, (*universe).jumpClock, (*universe).cutAllPower,
		(*universe).slowDisk, (*universe).fullDisk, (*universe).scarceDisk, (*universe).failSyncs,
	}
	clusterFaults = append([]fault{
		(*universe).partition, (*universe).partitionOneWay, (*universe).cutOff,
		(*universe).flipBit, (*universe).flipLogBit, (*universe).loseDisk,
	}, aloneFaults...)
)

// fail lets faults come and pass.
func (u *universe) fail() {
	for range 4 + u.chance(5) {
		u.wait(3000)
		h, other := u.hosts[u.chance(len(u.hosts))], u.hosts[u.chance(len(u.hosts))]
		faults := clusterFaults
		if h == other {
			faults = aloneFaults
		}
		faults[u.chance(len(faults))](u, h, other)
	}
	time.Sleep(time.Second)
}

// wait waits for less than so many milliseconds.
func (u *universe) wait(milliseconds int) {
	time.Sleep(time.Duration(u.chance(milliseconds)) * time.Millisecond)
}

func (u *universe) cutPower(h, _ *host) {
	u.note("the power of %s is cut", h.name)
	h.crash()
	u.wait(3000)
	h.begin()
}

func (u *universe) cutAllPower(_, _ *host) {
	u.note("the power of all hosts is cut")
	for _, h := range u.hosts {
		h.crash()
	}
	for _, h := range u.hosts {
		h.begin()
	}
}

func (u *universe) jumpClock(h, _ *host) {
	jump := time.Duration(u.chance(7_200_000)-3_600_000) * time.Millisecond
	u.note("the clock of %s jumps by %v", h.name, jump)
	h.ahead.Add(int64(jump))
}

func (u *universe) partition(h, other *host) {
	u.note("nothing passes between %s and %s", h.name, other.name)
	u.network.setCut(h.name, other.name, true)
	u.network.setCut(other.name, h.name, true)
	u.wait(5000)
	u.network.mend()
}

func (u *universe) partitionOneWay(h, other *host) {
	u.note("nothing passes from %s to %s", h.name, other.name)
	u.network.setCut(h.name, other.name, true)
	u.wait(5000)
	u.network.mend()
}

func (u *universe) cutOff(h, _ *host) {
	u.note("%s is cut off", h.name)
	for _, other := range u.hosts {
		u.network.setCut(h.name, other.name, h != other)
		u.network.setCut(other.name, h.name, h != other)
	}
	u.wait(5000)
	u.network.mend()
}

// isLog tells whether a file is one of the write-ahead log. Other syncs happen under locks,
// and while somebody waits for a lock the clock of a bubble stands still.
func isLog(path string) bool { return strings.HasSuffix(path, ".wal") }

func (u *universe) slowDisk(h, _ *host) {
	by := time.Duration(20+u.chance(3000)) * time.Millisecond
	u.note("the log of %s takes %v longer to sync", h.name, by)
	disk := h.started()
	disk.Only(isLog)
	disk.SetSlow(by)
	u.wait(8000)
	u.mendDisk(h, disk)
}

func (u *universe) fullDisk(h, _ *host) {
	u.note("the disk of %s is full", h.name)
	disk := h.started()
	disk.SetFull(true)
	u.wait(5000)
	u.mendDisk(h, disk)
}

func (u *universe) scarceDisk(h, _ *host) {
	u.note("the disk of %s is nearly full", h.name)
	disk := h.started()
	disk.SetScarce(true)
	u.wait(5000)
	u.mendDisk(h, disk)
}

func (u *universe) failSyncs(h, _ *host) {
	u.note("the disk of %s does not sync", h.name)
	disk := h.started()
	disk.SetFailing(true)
	u.wait(3000)
	u.mendDisk(h, disk)
}

// mendDisk ends the faults of a disk. A node that has given up is started again.
func (u *universe) mendDisk(h *host, disk *harness.Disk) {
	disk.Mend()
	u.note("the disk of %s works again; %d operations met its fault", h.name, disk.Met())
	n := h.running()
	if n == nil {
		return
	}
	select {
	case err := <-n.Failed():
		u.note("%s has ended: %v", h.name, err)
		h.crash()
		h.begin()
	default:
	}
}

// flipBit flips a bit of what is at rest on a disk. The others have the same still.
func (u *universe) flipBit(h, _ *host) {
	if !u.waitWhole() {
		return
	}
	kind := []harness.FileKind{harness.SegmentFile, harness.StoreFile}[u.chance(2)]
	h.flip(kind)
	u.wait(3000)
	u.waitWhole()
}

// flipLogBit flips a bit of a write-ahead log while its node is down. A node that has lost
// what it had said is replaced by one that has said nothing.
func (u *universe) flipLogBit(h, _ *host) {
	if !u.waitWhole() {
		return
	}
	h.crash()
	if h.flip(harness.LogFile) {
		h.suspect.Store(true)
	}
	h.begin()
	u.waitWhole()
}

// loseDisk replaces a host by one with an empty disk.
func (u *universe) loseDisk(h, _ *host) {
	if !u.waitWhole() {
		return
	}
	u.note("%s has lost its disk", h.name)
	h.crash()
	h.replaceDisk()
	h.begin()
	u.waitWhole()
}

// replaceDisk gives a host that is off an empty disk.
func (h *host) replaceDisk() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.disk, h.replaced = vfs.NewCrashableMem(), true
}

// mayFail tells whether a node that has not started may be started once more: its disk
// gave it reason to fail. One whose log is damaged gets an empty disk. h.mu is held.
func (h *host) mayFail(disk *harness.Disk) bool {
	if h.suspect.Swap(false) {
		h.disk, h.replaced = vfs.NewCrashableMem(), true
		return true
	}
	return disk.Met() > 0
}

// flip flips a bit of a file of a kind on the host's disk, if there is one.
func (h *host) flip(kind harness.FileKind) bool {
	u := h.universe
	h.mu.Lock()
	disk := h.disk
	h.mu.Unlock()
	u.mu.Lock()
	random := rand.New(rand.NewPCG(u.random.Uint64(), 59))
	u.mu.Unlock()
	where, err := harness.Flip(disk, "data", kind, random)
	if err != nil {
		u.t.Errorf("%s: %v", h.name, err)
	}
	u.note("%s: %q is flipped", h.name, where)
	return where != ""
}

// started is the disk as the node that was started last sees it.
func (h *host) started() *harness.Disk {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.faults
}

// wholeTimeout bounds the wait for replicas that are to be whole.
const wholeTimeout = 3 * time.Minute

// waitWhole waits until all hosts are up and have all replicas whole.
func (u *universe) waitWhole() bool {
	ctx, cancel := context.WithTimeout(context.Background(), wholeTimeout)
	defer cancel()
	for _, h := range u.hosts {
		if err := h.waitUp(ctx); err != nil {
			u.t.Error(err)
			return false
		}
	}
	for {
		missing, err := u.missing(ctx)
		if err == nil && missing == "" {
			return true
		}
		select {
		case <-time.After(200 * time.Millisecond): // and asks again
		case <-ctx.Done():
			u.t.Errorf("replicas are not whole: %s, %v", missing, err)
			return false
		}
	}
}

// missing tells what keeps the cluster from being as it should be, "" for nothing.
func (u *universe) missing(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	connection, err := u.connect(ctx, u.hosts[0], "watcher")
	if err != nil {
		return "", err
	}
	defer func() { _ = connection.Close(ctx) }() // it has answered
	var count int
	var text string
	err = connection.QueryRow(ctx, fmt.Sprintf(`SELECT count(*), coalesce(string_agg(what, ', '), '') FROM (
		SELECT 'shard ' || shard || ' has not enough voters' AS what FROM millrace.shards WHERE coalesce(cardinality(voters), 0) <> %d
		UNION ALL SELECT 'shard ' || shard || ' on node ' || node || ' is ' || state FROM millrace.replicas WHERE state <> 'running') x`,
		len(u.hosts))).Scan(&count, &text)
	return text, err
}
