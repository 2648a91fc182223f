package log

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	defaultWALFileBytes  = 64 << 20
	maxWALFileBytes      = 1 << 30
	defaultWALRoundBytes = 4 << 20
	defaultWALCacheBytes = 8 << 20
	// maxWALRequestBytes bounds one StoreLogs, so that positions in a file have
	// 32 bits.
	maxWALRequestBytes = 256 << 20
	// walConfirmAfter is how long the log is idle before it confirms its last
	// round.
	walConfirmAfter = 100 * time.Millisecond
)

// WALOptions configure a WAL.
type WALOptions struct {
	// FS is the file system; required.
	FS vfs.FS
	// Dir is the log's own directory; it is created when missing.
	Dir string
	// FileBytes is the length beyond which the next file is begun; 64 MiB by
	// default, at most 1 GiB.
	FileBytes int64
	// RoundBytes caps what is gathered for one write and sync; 4 MiB by
	// default. A larger single request makes a round of its own.
	RoundBytes int
	// CacheBytes bounds the newest entries kept in memory, of all groups
	// together; 8 MiB by default.
	CacheBytes int64
	// Logger is required.
	Logger *slog.Logger
	// Registerer receives the log's metrics; nil for none.
	Registerer prometheus.Registerer
}

// WAL is the write-ahead log that all Raft groups of a node share: one sequence
// of files, and one goroutine that writes what has been submitted in one round,
// syncs once and then acknowledges. See wal_format.go for the bytes.
//
// What holds, and why:
//
//  1. A round is applied to the groups' state in memory, and its requests are
//     acknowledged, only after its sync succeeded. So memory never holds what
//     could be lost, and a failed round needs no undoing: each of its requests
//     gets the error, and the next round is checked against the state before.
//  2. A round is written only after the sync of the one before succeeded.
//     So an invalid round is the unsynced tail if and only if no later round
//     exists; anything else is damage and is reported. When nothing more
//     arrives, an empty round confirms the last one, so that damage to what an
//     idle node has acknowledged is never taken for a torn tail.
//  3. After a failed sync, or a write that failed for another reason than a full
//     disk, the pages of the file are in an unknown state, so nothing is ever
//     written to that file again. The next round begins a new file, whose
//     header says where the acknowledged rounds of the old one end; what lies
//     behind that is ignored from then on.
//  4. Once the header of a new file may be on disk, nothing is written to the
//     old file, even if the new one could not be completed.
//  5. The files form a chain, each naming the one before. A round names the
//     oldest file that is needed; files before it are reused or removed only
//     after that round is on disk. So a missing file is told from an old one.
//  6. After opening, writing begins in a new file, never behind a torn tail.
//
// When the disk is full, entries fail with its error (no room to grow the
// file), while the small records that Raft cannot do without (terms, votes,
// truncations) go to a reserve in the current file; as soon as there is room,
// entries succeed again.
type WAL struct {
	options WALOptions
	metrics *walMetrics
	pace    walPace
	// reserve is what entries leave free at the end of the allocated bytes.
	reserve int64

	// mu guards the queue between the callers and the writer.
	mu      sync.Mutex
	arrived sync.Cond // with mu: queue is not empty, or closing
	queue   []*walRequest
	closing bool
	// confirmDue is set by idle when nothing has arrived for a while.
	confirmDue bool
	idle       *time.Timer
	// closed is set once the writer has ended; done is closed then.
	closed atomic.Bool
	done   chan struct{}

	groupsMu sync.RWMutex
	groups   map[uint64]*Group

	// filesMu guards files and their sizes; only the writer changes them.
	// Lock order: filesMu, groupsMu, Group.mu, walFile.mu.
	filesMu sync.Mutex
	// files are those in use, oldest first; the last is being written unless
	// writable is nil.
	files []*walFile

	// The rest belongs to the writer.

	// writable is the file being written, nil when the next round must begin
	// a new one.
	writable *walFile
	// spares are files that hold nothing needed, for reuse.
	spares []*walFile
	// nextSequence is larger than that of every file there ever was.
	nextSequence uint64
	// nextRound is the number of the next round.
	nextRound uint64
	// attempt counts the tries to write a round, including those that failed.
	attempt uint64
	// durableOldest is the oldest needed file according to the last round.
	durableOldest uint64
	// builder and effects are the round being built.
	builder roundBuilder
	effects []walEffect
	cache   entryCache
	// zeros is what files are filled with.
	zeros []byte
	// unconfirmed tells that the last round has records.
	unconfirmed bool
	closeError  error
}

// walRequest is one call that waits for its round.
type walRequest struct {
	group *Group
	kind  requestKind
	// entries of a StoreLogs; bounds of a DeleteRange; key and value of a Set.
	logs     []*raft.Log
	min, max uint64
	key      string
	value    []byte
	// size is an upper bound of the records' bytes.
	size int
	// result receives the outcome, once.
	result chan error
}

// requestKind tells what a request asks for.
type requestKind uint8

const (
	requestStore requestKind = iota
	requestDelete
	requestSet
	requestDrop
)

// withDefaults fills in what is not set and checks the rest.
func (o WALOptions) withDefaults() (WALOptions, error) {
	if o.FS == nil || o.Logger == nil || o.Dir == "" {
		return o, errors.New("log: a write-ahead log needs a file system, a directory and a logger")
	}
	if o.FileBytes == 0 {
		o.FileBytes = defaultWALFileBytes
	}
	if o.RoundBytes == 0 {
		o.RoundBytes = defaultWALRoundBytes
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultWALCacheBytes
	}
	if o.FileBytes < 4096 || o.FileBytes > maxWALFileBytes || o.RoundBytes < 1 {
		return o, fmt.Errorf("log: a write-ahead log with files of %d and rounds of %d bytes is not possible", o.FileBytes, o.RoundBytes)
	}
	return o, nil
}

// OpenWAL opens the write-ahead log in options.Dir, or begins one. The unsynced
// tail that a crash left behind is cut; any other damage is a *CorruptionError.
func OpenWAL(options WALOptions) (*WAL, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	w := &WAL{
		options:      options,
		pace:         walPace{base: time.Now()},
		reserve:      min(maxWALReserve, options.FileBytes/8),
		done:         make(chan struct{}),
		groups:       make(map[uint64]*Group),
		nextSequence: 1,
		nextRound:    1,
		cache:        entryCache{limit: options.CacheBytes},
	}
	w.arrived.L = &w.mu
	parent, err := makeDir(options.FS, options.Dir)
	if err != nil {
		return nil, err
	}
	if err := syncDir(options.FS, parent); err != nil {
		return nil, err
	}
	if err := w.recover(); err != nil {
		w.closeFiles()
		return nil, err
	}
	if w.metrics, err = newWALMetrics(w, options.Registerer); err != nil {
		w.closeFiles()
		return nil, err
	}
	w.idle = time.AfterFunc(walConfirmAfter, w.confirmLater)
	w.idle.Stop()
	go w.write()
	return w, nil
}

// Group returns the log and stable store of a Raft group, which need not exist
// yet. All calls with the same id return the same Group.
func (w *WAL) Group(id uint64) *Group {
	w.groupsMu.Lock()
	defer w.groupsMu.Unlock()
	g := w.groups[id]
	if g == nil {
		g = newGroup(w, id)
		w.groups[id] = g
	}
	return g
}

// Groups lists the groups that have something stored, ascending.
func (w *WAL) Groups() []uint64 {
	w.groupsMu.RLock()
	defer w.groupsMu.RUnlock()
	var ids []uint64
	for id, g := range w.groups {
		if !g.empty() {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// DropGroup durably removes everything of a group, whose Raft instance must
// have been shut down.
func (w *WAL) DropGroup(id uint64) error {
	return w.submit(&walRequest{group: w.Group(id), kind: requestDrop, size: recordSize(0)})
}

// Close completes what has been submitted and closes the log. Shut down every
// Raft instance on it first: Raft panics when a log it runs on does not answer.
func (w *WAL) Close() error {
	w.mu.Lock()
	if w.closing {
		w.mu.Unlock()
		return ErrClosed
	}
	w.closing = true
	w.arrived.Signal()
	w.mu.Unlock()
	<-w.done
	return w.closeError
}

// submit hands a request to the writer and waits for its outcome.
func (w *WAL) submit(request *walRequest) error {
	if request.size > maxWALRequestBytes {
		return fmt.Errorf("log: a request of %d bytes is larger than %d", request.size, maxWALRequestBytes)
	}
	request.result = make(chan error, 1)
	w.mu.Lock()
	if w.closing {
		w.mu.Unlock()
		return ErrClosed
	}
	w.queue = append(w.queue, request)
	w.arrived.Signal()
	w.mu.Unlock()
	return <-request.result
}
