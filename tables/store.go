package tables

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
)

// ErrClosed is returned by operations on a closed Store.
var ErrClosed = errors.New("tables: closed")

// Options configure a Store.
type Options struct {
	// FS is the file system; required.
	FS vfs.FS
	// Dir is the store's own directory; it is created when missing.
	Dir string
	// CacheBytes is the size of the cache of uncompressed blocks; 256 MiB by
	// default. An idle store does not fill it.
	CacheBytes int64
	// MemTableBytes is the size at which a memtable is flushed; 64 MiB by
	// default. Memtables start small and grow to this.
	MemTableBytes int64
	// ImportFileBytes is about how large the files of an Import are; 32 MiB by default.
	ImportFileBytes int64
	// Damaged is told of each damage that is met in a file, by readers or in the
	// background, with the first and the last shard that have keys in the file. It must
	// return at once and not use the store. nil for nobody.
	Damaged func(first, last uint32, damage *CorruptionError)
	// GiveUp is asked before shards lose what they have because they are in one damaged file
	// with a shard that an Import replaces. It returns nil when it is known durably that they
	// have to be copied, and nothing is written to them any more. nil for never: the Import fails.
	GiveUp func(ctx context.Context, first, last uint32) error
	// Logger is required.
	Logger *slog.Logger
	// Registerer receives the store's metrics; nil for none.
	Registerer prometheus.Registerer
}

const (
	defaultCacheBytes      = 256 << 20
	defaultMemTableBytes   = 64 << 20
	defaultImportFileBytes = 32 << 20

	// stopWritesMemTables is how many memtables may wait for their flush before
	// commits wait for them.
	stopWritesMemTables = 4
	// bloomBitsPerKey gives about 1 % false positives.
	bloomBitsPerKey = 10
	// targetFileBytes is the size of an sstable on the first level; each level
	// below has files of twice the size.
	targetFileBytes = 8 << 20
)

// Store is the key-value store of a node. All methods are safe for concurrent
// use, except that Close must not overlap with others.
type Store struct {
	db      *pebble.DB
	lock    *pebble.Lock
	closed  atomic.Bool
	failure *failure
	metrics *metrics
	// fs is the file system, and options what the database was opened with.
	fs              vfs.FS
	options         *pebble.Options
	importFileBytes int64
	// replaced are the shards whose content was replaced.
	replaced replacements
	// importing is held by the Import that is being finished, and giveUp is Options.GiveUp.
	importing chan struct{}
	giveUp    func(ctx context.Context, first, last uint32) error
	// closing is closed when Close is called.
	closing chan struct{}
}

// Open opens the store in options.Dir, creating it when there is none. What had
// been committed but not flushed before a crash is gone, for every shard back to
// some earlier applied index.
func Open(options Options) (*Store, error) {
	if options.CacheBytes == 0 {
		options.CacheBytes = defaultCacheBytes
	}
	if options.MemTableBytes == 0 {
		options.MemTableBytes = defaultMemTableBytes
	}
	if options.ImportFileBytes == 0 {
		options.ImportFileBytes = defaultImportFileBytes
	}
	if err := options.FS.MkdirAll(options.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("tables: opening %s: %w", options.Dir, err)
	}
	lock, err := pebble.LockDirectory(options.Dir, options.FS)
	if err != nil {
		return nil, fmt.Errorf("tables: %s is in use: %w", options.Dir, err)
	}
	failure := newFailure(options.Dir, options.Damaged, options.Logger)
	cache := pebble.NewCache(options.CacheBytes)
	// The database holds its own reference.
	defer cache.Unref()
	closing := make(chan struct{})
	o := pebbleOptions(options, cache, failure)
	o.FS = &manifestFS{FS: pausingFS{FS: options.FS, pause: &failure.pause}, logger: options.Logger, closing: closing}
	o.Lock = lock
	db, err := pebble.Open(options.Dir, o)
	if err == nil {
		err = failure.err()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("tables: opening %s: %w", options.Dir, failure.name(err)), lock.Close())
	}
	failure.running.Store(true)
	store := &Store{db: db, lock: lock, failure: failure, closing: closing, fs: options.FS, options: o.Clone(), importFileBytes: options.ImportFileBytes}
	store.importing, store.giveUp = make(chan struct{}, 1), options.GiveUp
	store.options.EnsureDefaults()
	store.metrics = newMetrics(db, failure, options.Registerer)
	return store, nil
}

// pebbleOptions translates the options to Pebble's.
func pebbleOptions(options Options, cache *pebble.Cache, failure *failure) *pebble.Options {
	o := &pebble.Options{
		Cache:                       cache,
		Comparer:                    pebble.DefaultComparer,
		DisableWAL:                  true,
		FormatMajorVersion:          pebble.FormatColumnarBlocks,
		MemTableSize:                uint64(options.MemTableBytes),
		MemTableStopWritesThreshold: stopWritesMemTables,
		LBaseMaxBytes:               64 << 20,
		// The second compaction helps only when writers are idle enough.
		CompactionConcurrencyRange: func() (lower, upper int) { return 1, 2 },
		Logger:                     pebbleLogger{failure},
		EventListener:              failure.listener(),
	}
	o.Experimental.CompactionScheduler = newScheduler(&failure.pause)
	o.TargetFileSizes[0] = targetFileBytes
	o.Levels[0].BlockSize = 8 << 10
	o.Levels[0].IndexBlockSize = 64 << 10
	// The whole key is the filter's unit: most lookups that miss ask for a group
	// seen for the first time, and then no level is read at all.
	o.Levels[0].FilterPolicy = bloom.FilterPolicy(bloomBitsPerKey)
	return o
}

// Flush makes durable everything committed before the call. A flush that fails,
// as on a full disk, is repeated until it succeeds; ctx ends the waiting.
func (s *Store) Flush(ctx context.Context) error {
	if err := s.usable(); err != nil {
		return err
	}
	flushed, err := s.db.AsyncFlush()
	if err != nil {
		return fmt.Errorf("tables: flush: %w", s.failure.name(err))
	}
	select {
	case <-flushed:
		// A flush that could not record its result is not a flush.
		return s.usable()
	case <-s.failure.happened:
		return s.usable()
	case <-ctx.Done():
		return fmt.Errorf("tables: flush: %w", context.Cause(ctx))
	}
}

// Shard returns the part of the store that belongs to a shard. It is a handle:
// making one costs nothing and it needs no closing.
func (s *Store) Shard(id uint32) *Shard { return newShard(s, id) }

// Failure is the error after which the store takes no more batches until it is
// opened again, or nil. What has been committed can still be read.
func (s *Store) Failure() error { return s.failure.err() }

// Failed is closed when there is a Failure.
func (s *Store) Failed() <-chan struct{} { return s.failure.happened }

// Close closes the store without flushing it: the log has what is not flushed.
// Iterators and snapshots must have been closed. A store that has failed is not
// closed but left: its memory and its files stay in use until the process ends.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return ErrClosed
	}
	s.metrics.unregister()
	s.failure.running.Store(false)
	close(s.closing)
	var err error
	if s.failure.err() == nil {
		err = s.db.Close()
	} else {
		// The lock counts the database as a second holder.
		err = s.lock.Close()
	}
	if err := errors.Join(err, s.lock.Close()); err != nil {
		return fmt.Errorf("tables: closing: %w", err)
	}
	return nil
}

// usable tells whether the store can be written.
func (s *Store) usable() error {
	if s.closed.Load() {
		return ErrClosed
	}
	return s.failure.err()
}
