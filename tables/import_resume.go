package tables

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/sstable"
)

// ResumeImport goes on with an import that has ended without Finish or Close: by Suspend,
// or with its process. It has the keys of the files that had been completed, and no file
// behind them; LastKey tells up to where. The shard must be the same.
func (s *Store) ResumeImport(shard uint32, dir string) (*Import, error) {
	i := &Import{store: s, shard: s.Shard(shard), dir: dir}
	for {
		path := i.nextPath()
		last, err := i.readFile(path)
		if err != nil {
			return nil, err
		}
		if last == nil {
			break
		}
		i.paths, i.key = append(i.paths, path), last
	}
	i.completed = bytes.Clone(i.key)
	return i, i.removeOthers()
}

// readFile verifies a file, and returns its last key; nil for one that is
// missing, was not completed, or is not behind the last key.
func (i *Import) readFile(path string) (last []byte, err error) {
	file, err := i.store.fs.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("tables: import: %w", err)
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return nil, fmt.Errorf("tables: import: %w", errors.Join(err, file.Close()))
	}
	reader, err := sstable.NewReader(context.Background(), readable, i.store.options.MakeReaderOptions())
	if err != nil {
		return nil, readable.Close() // it was not completed
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	if reader.ValidateBlockChecksums() != nil {
		return nil, nil
	}
	first, last, err := bounds(reader)
	if err != nil || !i.shard.owns(first) || !i.shard.owns(last) || bytes.Compare(first, i.key) <= 0 {
		return nil, nil
	}
	return last, nil
}

// bounds are the first and the last key of an sstable.
func bounds(reader *sstable.Reader) (first, last []byte, err error) {
	it, err := reader.NewPointIter(context.Background(), sstable.IterOptions{
		ReaderProvider: sstable.MakeTrivialReaderProvider(reader), BlobContext: sstable.AssertNoBlobHandles,
	})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if key := it.First(); key != nil {
		first = bytes.Clone(key.K.UserKey)
	}
	if key := it.Last(); key != nil {
		last = bytes.Clone(key.K.UserKey)
	}
	return first, last, it.Error()
}

// owns tells whether a key of the store is one that Set may have given the shard.
func (s *Shard) owns(key []byte) bool {
	return len(key) > shardSize && bytes.HasPrefix(key, s.lower()) && Kind(key[shardSize]) != KindApplied
}

// removeOthers durably removes the files that do not belong to the import: what comes to
// have their names must not be followed by them.
func (i *Import) removeOthers() error {
	names, err := i.store.fs.List(i.dir)
	if err != nil {
		return fmt.Errorf("tables: import: %w", err)
	}
	for _, name := range names {
		path := i.store.fs.PathJoin(i.dir, name)
		if strings.HasSuffix(name, importSuffix) && !slices.Contains(i.paths, path) {
			if err := i.store.fs.Remove(path); err != nil {
				return fmt.Errorf("tables: import: %w", err)
			}
		}
	}
	folder, err := i.store.fs.OpenDir(i.dir)
	if err == nil {
		err = errors.Join(folder.Sync(), folder.Close())
	}
	if err != nil {
		return fmt.Errorf("tables: import: %w", err)
	}
	return nil
}

// Suspend ends an import that ResumeImport is to go on with: its keys stay. It must not be
// used any more.
func (i *Import) Suspend() error { return i.endFile() }
