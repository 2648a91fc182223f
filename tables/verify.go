package tables

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// storeFile is an sstable on disk with the shards that have keys in it.
type storeFile struct {
	path        string
	bytes       int64
	first, last uint32
}

// Verify reads every sstable from disk and checks the checksums of all blocks, not only
// of those that somebody reads. Damage is told as by Options.Damaged, and returned. pace
// is called before bytes are read and may wait; its error ends the verification.
func (s *Store) Verify(pace func(bytes int64) error) error {
	files, err := s.filesOnDisk()
	if err != nil {
		return err
	}
	var damaged []error
	for _, f := range files {
		if err := pace(f.bytes); err != nil {
			return errors.Join(append(damaged, err)...)
		}
		err := s.verifyFile(f.path)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			continue // what is gone is not needed any more
		}
		if !pebble.IsCorruptionError(err) {
			return fmt.Errorf("tables: verifying %s: %w", f.path, err)
		}
		damage := &CorruptionError{File: f.path, Err: err}
		damaged = append(damaged, damage)
		s.failure.corruptions.Add(1)
		s.failure.logger.Error("corruption", "file", f.path, "details", err.Error())
		if s.failure.damaged != nil {
			s.failure.damaged(f.first, f.last, damage)
		}
	}
	return errors.Join(damaged...)
}

// filesOnDisk lists the sstables in use. Several tables may share a file.
func (s *Store) filesOnDisk() ([]storeFile, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	levels, err := s.db.SSTables()
	if err != nil {
		return nil, fmt.Errorf("tables: %w", s.failure.name(err))
	}
	byPath := map[string]storeFile{}
	for _, level := range levels {
		for i := range level {
			t := &level[i]
			path := s.fs.PathJoin(s.failure.dir, fmt.Sprintf("%s.sst", t.BackingSSTNum))
			first, last := shardOf(t.Smallest.UserKey), shardOf(t.Largest.UserKey)
			if f, ok := byPath[path]; ok {
				first, last = min(first, f.first), max(last, f.last)
			}
			byPath[path] = storeFile{path: path, bytes: int64(t.Size), first: first, last: last}
		}
	}
	files := make([]storeFile, 0, len(byPath))
	for _, f := range byPath {
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b storeFile) int { return cmp.Compare(a.path, b.path) })
	return files, nil
}

// verifyFile checks one file.
func (s *Store) verifyFile(path string) (err error) {
	file, err := s.fs.Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	reader, err := sstable.NewReader(context.Background(), readable, s.options.MakeReaderOptions())
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	return errors.Join(reader.ValidateBlockChecksums(), reader.Close())
}
