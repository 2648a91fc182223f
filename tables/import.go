package tables

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// importSuffix ends the names of the files of an Import.
const importSuffix = ".sst"

// Import collects what is to be the whole content of a shard, key by key in ascending
// order, in sstables beside the store. Nothing of it is in the store before Finish,
// which puts it in the place of all that the shard had. It is for one goroutine. The folder
// may have other files of the caller's, which go with it.
type Import struct {
	store *Store
	shard *Shard
	dir   string
	// paths are the files, of which the last is being written while writer is set.
	paths  []string
	writer *sstable.Writer
	// key is the store's key of the last key set, completed that of the last one in a file
	// that was completed, and next is for the one being set.
	key, completed, next []byte
	// fileBytes are those of keys and values in the file being written.
	fileBytes int64
}

// NewImport begins an import for a shard. Its files are in dir, which it empties of
// what an earlier one has left; it must be on the store's file system.
func (s *Store) NewImport(shard uint32, dir string) (*Import, error) {
	i := &Import{store: s, shard: s.Shard(shard), dir: dir}
	if err := i.clear(); err != nil {
		return nil, err
	}
	if err := s.fs.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("tables: import: %w", err)
	}
	return i, nil
}

// clear removes the folder of the files.
func (i *Import) clear() error {
	if err := i.store.fs.RemoveAll(i.dir); err != nil {
		return fmt.Errorf("tables: import: %w", err)
	}
	return nil
}

// Set adds a key, relative to the shard, that is above all before. Both are copied. The
// shard's applied index is left out: Finish sets it. After an error the keys of the file
// that was being written are lost: LastKey tells behind which one to go on.
func (i *Import) Set(key, value []byte) error {
	if len(key) > 0 && Kind(key[0]) == KindApplied {
		return nil
	}
	return i.set(key, value)
}

// set adds a key to the file being written.
func (i *Import) set(key, value []byte) error {
	if i.writer == nil || i.fileBytes >= i.store.importFileBytes {
		if err := i.nextFile(); err != nil {
			return err
		}
	}
	i.next = i.shard.absolute(i.next[:0], key)
	if err := i.writer.Set(i.next, value); err != nil {
		return i.loseFile(err)
	}
	i.key, i.next = i.next, i.key
	i.fileBytes += int64(len(i.key) + len(value))
	return nil
}

// nextFile ends the file being written and begins another.
func (i *Import) nextFile() error {
	if err := i.endFile(); err != nil {
		return err
	}
	path := i.nextPath()
	file, err := i.store.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("tables: import: %w", err)
	}
	format := i.store.db.FormatMajorVersion().MaxTableFormat()
	i.writer = sstable.NewWriter(objstorageprovider.NewFileWritable(file), i.store.options.MakeWriterOptions(0, format))
	i.paths = append(i.paths, path)
	i.fileBytes = 0
	return nil
}

// nextPath is the path of the next file.
func (i *Import) nextPath() string {
	return i.store.fs.PathJoin(i.dir, fmt.Sprintf("%06d%s", len(i.paths), importSuffix))
}

// endFile ends the file being written, which is synced then.
func (i *Import) endFile() error {
	if i.writer == nil {
		return nil
	}
	writer := i.writer
	i.writer = nil
	if err := writer.Close(); err != nil {
		return i.loseFile(err)
	}
	i.completed = append(i.completed[:0], i.key...)
	return nil
}

// loseFile gives up the file being written, of which something could not be written: what
// of it is on disk nobody knows.
func (i *Import) loseFile(cause error) error {
	if i.writer != nil {
		_ = i.writer.Close() // the file goes
		i.writer = nil
	}
	last := len(i.paths) - 1
	err := i.store.fs.Remove(i.paths[last])
	i.paths, i.key = i.paths[:last], append(i.key[:0], i.completed...)
	return fmt.Errorf("tables: import: %w", errors.Join(cause, err))
}

// LastKey is the last key set, relative to the shard; empty without one. It is valid
// until the next Set.
func (i *Import) LastKey() []byte {
	if len(i.key) == 0 {
		return nil
	}
	return i.key[shardSize:]
}

// Finish makes the keys, and the applied index, the shard's whole content, durably: after
// a crash it has all of it or what it had before. Nobody may write to the shard meanwhile;
// who reads it in a snapshot from before gets ErrReplaced. The import is closed.
func (i *Import) Finish(ctx context.Context, appliedIndex uint64) error {
	if err := i.store.usable(); err != nil {
		return err
	}
	if err := i.setApplied(appliedIndex); err != nil {
		return err
	}
	if err := i.replace(ctx); err != nil {
		return err
	}
	return i.clear()
}

// replace puts the files in the place of what the shard has, one Import after the other.
func (i *Import) replace(ctx context.Context) error {
	select {
	case i.store.importing <- struct{}{}:
		defer func() { <-i.store.importing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	keys, err := shardSpan{first: i.shard.shard, last: i.shard.shard}.keys(i.store)
	if err != nil {
		return err
	}
	if err := i.store.makeRoom(ctx, i.shard.shard); err != nil {
		return err
	}
	i.store.replaced.note(i.shard.shard)
	if _, err := i.store.db.IngestAndExcise(ctx, i.paths, nil, nil, keys); err != nil {
		return fmt.Errorf("tables: import: %w", i.store.failure.name(err))
	}
	return i.store.Flush(ctx)
}

// setApplied ends the last file and adds one with the applied index alone, whose key
// is below those that Set may have been given.
func (i *Import) setApplied(index uint64) error {
	if err := i.nextFile(); err != nil {
		return err
	}
	return errors.Join(i.set([]byte{byte(KindApplied)}, binary.BigEndian.AppendUint64(nil, index)), i.endFile())
}

// Close drops an import that is not to be finished.
func (i *Import) Close() error {
	if i.writer != nil {
		_ = i.endFile() // its file is removed
	}
	return i.clear()
}
