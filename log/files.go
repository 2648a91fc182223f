package log

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// makeDir creates a directory and what is missing above it. It returns the
// directory that names it, which must be synced for it to survive a crash; the
// directories above are durable. It always returns one: whoever created dir
// earlier may have failed to sync it.
func makeDir(fileSystem vfs.FS, dir string) (parent string, err error) {
	var missing []string // the deepest first
	for d := dir; ; d = fileSystem.PathDir(d) {
		_, err := fileSystem.Stat(d)
		if err == nil {
			if len(missing) > 0 && fileSystem.PathDir(d) != d {
				err = syncDir(fileSystem, fileSystem.PathDir(d))
			}
			if err != nil {
				return "", err
			}
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("log: %w", err)
		}
		missing = append(missing, d)
	}
	for i, d := range slices.Backward(missing) {
		if err := fileSystem.MkdirAll(d, 0o755); err != nil {
			return "", fmt.Errorf("log: %w", err)
		}
		if i > 0 {
			if err := syncDir(fileSystem, fileSystem.PathDir(d)); err != nil {
				return "", err
			}
		}
	}
	return fileSystem.PathDir(dir), nil
}

// syncDir makes the names in a directory durable.
func syncDir(fileSystem vfs.FS, dir string) error {
	d, err := fileSystem.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("log: sync directory: %w", err)
	}
	err = d.Sync()
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("log: sync directory %s: %w", dir, err)
	}
	return nil
}

// removeIfPresent removes a file; one that is gone already is no error.
func removeIfPresent(fileSystem vfs.FS, path string) error {
	if err := fileSystem.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("log: %w", err)
	}
	return nil
}

// readFull reads len(buf) bytes at off; fewer are an io.ErrUnexpectedEOF.
func readFull(file io.ReaderAt, buf []byte, off int64) error {
	n, err := file.ReadAt(buf, off)
	if n == len(buf) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// The start file holds the offset before which segments have been removed. It
// is written, by rename, before the first of them goes, so that on open a
// missing segment can be told from a removed one. Big endian.
//
//	start := magic u64 · offset i64 · crc32c u32 of both
const (
	startFileName      = "start"
	startFileTemporary = "start.tmp"
	startFileMagic     = 0x4d5253544152_0001 // "MRSTAR", version 1
	startFileSize      = 20
)

// writeStartFile durably replaces the start file of a directory.
func writeStartFile(fileSystem vfs.FS, dir string, start int64) error {
	content := binary.BigEndian.AppendUint64(make([]byte, 0, startFileSize), startFileMagic)
	content = binary.BigEndian.AppendUint64(content, uint64(start))
	content = binary.BigEndian.AppendUint32(content, crc32.Checksum(content, castagnoli))
	temporary := fileSystem.PathJoin(dir, startFileTemporary)
	file, err := fileSystem.Create(temporary, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = fileSystem.Rename(temporary, fileSystem.PathJoin(dir, startFileName))
	}
	if err != nil {
		return fmt.Errorf("log: write %s: %w", temporary, err)
	}
	return syncDir(fileSystem, dir)
}

// readStartFile returns the offset in the start file of a directory, the
// smallest offset when there is none.
func readStartFile(fileSystem vfs.FS, dir string) (int64, error) {
	path := fileSystem.PathJoin(dir, startFileName)
	file, err := fileSystem.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return math.MinInt64, nil
	}
	if err != nil {
		return 0, fmt.Errorf("log: %w", err)
	}
	defer file.Close()
	var content [startFileSize]byte
	if err := readFull(file, content[:], 0); err != nil {
		return 0, corruption(path, 0, "start file: %v", err)
	}
	if binary.BigEndian.Uint64(content[:]) != startFileMagic ||
		binary.BigEndian.Uint32(content[16:]) != crc32.Checksum(content[:16], castagnoli) {
		return 0, corruption(path, 0, "start file checksum differs")
	}
	return int64(binary.BigEndian.Uint64(content[8:])), nil
}
