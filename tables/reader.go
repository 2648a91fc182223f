package tables

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"
)

// Reader reads the keys of one shard: a *Shard at its newest state, a shard of
// a Snapshot at one point. Keys are relative to the shard.
type Reader interface {
	// Get looks a key up and appends its value to buf. When the key does not
	// exist, it returns buf as it was.
	Get(key, buf []byte) (value []byte, found bool, err error)
	// GetSorted looks up keys that ascend and calls visit for each in order,
	// with its position in keys. value is valid during the call of visit only.
	// An error of visit ends the walk and is returned.
	GetSorted(keys [][]byte, visit func(i int, value []byte, found bool) error) error
	// Scan iterates over the keys of [from, to) in ascending order. An empty
	// from is the shard's first key, an empty to its end. The iterator sees the
	// state at the time of the call.
	Scan(from, to []byte) (*Iterator, error)
	// AppliedIndex is the index that the last batch was committed with; 0 when
	// there has been none.
	AppliedIndex() (uint64, error)
}

// reader implements Reader over whatever can be read.
type reader struct {
	source  pebble.Reader
	store   *Store
	shard   uint32
	bounds  [2 * shardSize]byte
	unbound bool
	// replacements is how many there had been when the source was made.
	replacements uint64
}

// makeReader returns the reader of a shard.
func makeReader(source pebble.Reader, store *Store, shard uint32) reader {
	r := reader{source: source, store: store, shard: shard, replacements: math.MaxUint64}
	binary.BigEndian.PutUint32(r.bounds[:], shard)
	binary.BigEndian.PutUint32(r.bounds[shardSize:], shard+1)
	// The last shard's range has no end that four bytes could tell.
	r.unbound = shard+1 == 0
	return r
}

// lower is the shard's prefix.
func (r *reader) lower() []byte { return r.bounds[:shardSize:shardSize] }

// upper is the first key behind the shard; nil when there is none.
func (r *reader) upper() []byte {
	if r.unbound {
		return nil
	}
	return r.bounds[shardSize:]
}

// absolute appends the store's key for a shard's key.
func (r *reader) absolute(buf, key []byte) []byte {
	return append(append(buf, r.bounds[:shardSize]...), key...)
}

// Get implements Reader.
func (r *reader) Get(key, buf []byte) (value []byte, found bool, err error) {
	if r.store.closed.Load() {
		return buf, false, ErrClosed
	}
	var space [128]byte
	stored, closer, err := r.source.Get(r.absolute(space[:0], key))
	if replaced := r.store.replaced.since(r.shard, r.replacements); replaced != nil {
		if err == nil {
			_ = closer.Close() // it only returns memory
		}
		return buf, false, replaced
	}
	if errors.Is(err, pebble.ErrNotFound) {
		return buf, false, nil
	}
	if err != nil {
		return buf, false, fmt.Errorf("tables: get: %w", r.store.failure.name(err))
	}
	buf = append(buf, stored...)
	if err := closer.Close(); err != nil {
		return buf, false, fmt.Errorf("tables: get: %w", err)
	}
	return buf, true, nil
}

// GetSorted implements Reader.
func (r *reader) GetSorted(keys [][]byte, visit func(i int, value []byte, found bool) error) (err error) {
	if len(keys) == 0 {
		return nil
	}
	if r.store.closed.Load() {
		return ErrClosed
	}
	it, err := r.source.NewIter(&pebble.IterOptions{LowerBound: r.lower(), UpperBound: r.upper()})
	if err != nil {
		return fmt.Errorf("tables: get: %w", r.store.failure.name(err))
	}
	if err := r.store.replaced.since(r.shard, r.replacements); err != nil {
		return errors.Join(err, it.Close())
	}
	defer func() {
		if closeErr := it.Close(); err == nil && closeErr != nil {
			err = fmt.Errorf("tables: get: %w", r.store.failure.name(closeErr))
		}
	}()
	var absolute []byte
	for i, key := range keys {
		absolute = r.absolute(absolute[:0], key)
		// A seek by prefix asks the bloom filters, and one to a larger key than
		// before goes on from where the iterator stands.
		var value []byte
		found := it.SeekPrefixGE(absolute) && bytes.Equal(it.Key(), absolute)
		if found {
			if value, err = it.ValueAndErr(); err != nil {
				return fmt.Errorf("tables: get: %w", r.store.failure.name(err))
			}
		} else if err := it.Error(); err != nil {
			return fmt.Errorf("tables: get: %w", r.store.failure.name(err))
		}
		if err := visit(i, value, found); err != nil {
			return err
		}
	}
	return nil
}

// Scan implements Reader.
func (r *reader) Scan(from, to []byte) (*Iterator, error) {
	if r.store.closed.Load() {
		return nil, ErrClosed
	}
	bounds := pebble.IterOptions{LowerBound: r.absolute(nil, from), UpperBound: r.upper()}
	if len(to) > 0 {
		bounds.UpperBound = r.absolute(nil, to)
	}
	it, err := r.source.NewIter(&bounds)
	if err != nil {
		return nil, fmt.Errorf("tables: scan: %w", r.store.failure.name(err))
	}
	if err := r.store.replaced.since(r.shard, r.replacements); err != nil {
		return nil, errors.Join(err, it.Close())
	}
	return &Iterator{it: it, reader: r}, nil
}

// AppliedIndex implements Reader.
func (r *reader) AppliedIndex() (uint64, error) {
	var space [8]byte
	value, found, err := r.Get([]byte{byte(KindApplied)}, space[:0])
	if err != nil || !found {
		return 0, err
	}
	if len(value) != 8 {
		return 0, &CorruptionError{
			File: r.store.failure.dir,
			Err:  fmt.Errorf("applied index of shard %d has %d bytes", r.shard, len(value)),
		}
	}
	return binary.BigEndian.Uint64(value), nil
}

// DiskBytes estimates how many bytes the shard's keys behind one take on disk, all for nil.
func (s *Shard) DiskBytes(behind []byte) (uint64, error) {
	if s.store.closed.Load() {
		return 0, ErrClosed
	}
	bytes, err := s.store.db.EstimateDiskUsage(s.absolute(nil, behind), s.upper())
	if err != nil {
		return 0, fmt.Errorf("tables: size: %w", s.store.failure.name(err))
	}
	return bytes, nil
}
