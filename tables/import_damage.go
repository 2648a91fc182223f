package tables

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// An sstable may have keys of several shards. When one of those is replaced, Pebble cuts
// its part out: it reads where the other parts begin and end, and cannot when just that is
// damaged. Then only all shards of the file can go together, in which case it is dropped
// unread. What they had is lost with it, so they are given up before.
//
// Invariants:
//
//   - No shard loses anything here before Options.GiveUp has returned nil for it.
//   - Pebble is asked to cut only where what it has to read was read before: it takes a
//     block that it cannot read for one without keys. Keys that a range deletion above
//     them hides are passed over, which are lost to nobody.
//   - What is replaced is flushed before. Pebble would else cut it out in its next flush,
//     which would fail and be repeated for ever.

// shardSpan are the shards from first to last.
type shardSpan struct{ first, last uint32 }

// exclusive is Pebble's base.Exclusive, the kind of a bound whose key is behind the end.
const exclusive = 0

// shardsOf returns the shards that have keys in a damaged file.
func shardsOf(damage *pebble.DataCorruptionInfo) shardSpan {
	end := damage.Bounds.End
	span := shardSpan{first: shardOf(damage.Bounds.Start), last: shardOf(end.Key)}
	if end.Kind == exclusive && len(end.Key) == shardSize && span.last > span.first {
		span.last--
	}
	return span
}

// shardOf returns the shard of a store's key; the first one where it is cut off.
func shardOf(key []byte) uint32 {
	if len(key) < shardSize {
		return 0
	}
	return binary.BigEndian.Uint32(key)
}

// union returns the shards of both, and those between them.
func (s shardSpan) union(other shardSpan) shardSpan {
	return shardSpan{first: min(s.first, other.first), last: max(s.last, other.last)}
}

// keys is the range of the shards' keys.
func (s shardSpan) keys(store *Store) (pebble.KeyRange, error) {
	keys := pebble.KeyRange{Start: store.Shard(s.first).lower(), End: store.Shard(s.last).upper()}
	if keys.End == nil {
		return keys, errors.New("tables: import: the last shard there can be has no end")
	}
	return keys, nil
}

// makeRoom makes sure that a shard can be cut out of the store: where files cannot be cut
// beside it, the shards that they have are given up and removed.
func (s *Store) makeRoom(ctx context.Context, shard uint32) error {
	if err := s.Flush(ctx); err != nil {
		return err
	}
	span := shardSpan{first: shard, last: shard}
	for {
		damage := s.readBeside(span)
		if damage == nil {
			break
		}
		info := pebble.ExtractDataCorruptionInfo(damage)
		if info == nil {
			return fmt.Errorf("tables: import: %w", s.failure.name(damage))
		}
		wider := span.union(shardsOf(info))
		if wider == span {
			return fmt.Errorf("tables: import: beside the shard: %w", s.failure.name(damage))
		}
		span = wider
	}
	if span.first == span.last {
		return nil
	}
	return s.drop(ctx, span)
}

// drop gives shards up and removes all that they have.
func (s *Store) drop(ctx context.Context, span shardSpan) error {
	keys, err := span.keys(s)
	if err != nil {
		return err
	}
	if s.giveUp == nil {
		return errors.New("tables: import: the shard is in a damaged file with others")
	}
	if err := s.giveUp(ctx, span.first, span.last); err != nil {
		return err
	}
	// Nothing is written to the others from now on, as nothing is to the shard.
	if err := s.Flush(ctx); err != nil {
		return err
	}
	for shard := span.first; shard <= span.last; shard++ {
		s.replaced.note(shard)
	}
	if err := s.db.Excise(ctx, keys); err != nil {
		return fmt.Errorf("tables: import: %w", s.failure.name(err))
	}
	s.failure.logger.Warn("shards were removed together with a damaged file", "first", span.first, "last", span.last)
	return nil
}

// readBeside reads the keys next to shards, which Pebble reads when it cuts the shards out, and
// returns the damage that it meets.
func (s *Store) readBeside(span shardSpan) (err error) {
	keys, err := span.keys(s)
	if err != nil {
		return err
	}
	it, err := s.db.NewIter(nil)
	if err != nil {
		return err
	}
	defer func() {
		if closed := it.Close(); err == nil {
			err = closed
		}
	}()
	if it.SeekLT(keys.Start); it.Error() == nil {
		it.SeekGE(keys.End)
	}
	return it.Error()
}
