package log

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	walSuffix = ".wal"
	// walGrowBytes is how far ahead of the writing a file is filled with zeros:
	// syncing bytes that exist already needs no change of the file's metadata.
	walGrowBytes = 1 << 20
	// maxWALReserve is the room kept for small records when the disk is full.
	maxWALReserve = 64 << 10
	// maxWALSpares bounds the files kept for reuse.
	maxWALSpares = 2
)

// walFile is one file of the log.
type walFile struct {
	sequence uint64
	seed     uint32
	path     string

	// mu is held to read the file, and exclusively to close it.
	mu   sync.RWMutex
	file vfs.File

	// end is where the acknowledged rounds end, allocated how far the file has
	// bytes. Only the writer changes them, under WAL.filesMu.
	end, allocated int64
	// live counts the bytes of records that are needed. Only the writer
	// changes it.
	live atomic.Int64
	// stuck files could not be rewritten because they are damaged.
	stuck bool
	// suspect files have seen a failed write or sync and are not reused.
	suspect bool
}

// walPath is the path of the file with a sequence number.
func (w *WAL) walPath(sequence uint64) string {
	return w.options.FS.PathJoin(w.options.Dir, fmt.Sprintf("%020d", sequence)+walSuffix)
}

// parseWALName returns the sequence number in a file's name.
func parseWALName(name string) (sequence uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, walSuffix)
	sequence, err := strconv.ParseUint(digits, 10, 64)
	return sequence, ok && err == nil && len(digits) == 20 && sequence > 0
}

// ensureWritable makes room for a round of size bytes in the file being
// written, or in a new one. On an error nothing has been written for the round,
// and w.writable is still set if what it has allocated may be used.
func (w *WAL) ensureWritable(size int64) error {
	f := w.writable
	if f == nil || f.end > walHeaderSize && f.end+size > w.options.FileBytes {
		return w.beginFile(size)
	}
	if size > walGrowBytes/4 {
		return nil // such a round itself makes the file longer
	}
	return w.grow(f, f.end+size+w.reserve, walGrowBytes)
}

// grow fills a file with zeros up to size bytes at least, and by ahead bytes if
// that is more.
func (w *WAL) grow(f *walFile, size, ahead int64) error {
	if f.allocated >= size {
		return nil
	}
	size = max(size, min(f.allocated+ahead, w.options.FileBytes+w.reserve))
	if need := int(size - f.allocated); len(w.zeros) < need {
		w.zeros = make([]byte, need)
	}
	if _, err := f.file.WriteAt(w.zeros[:size-f.allocated], f.allocated); err != nil {
		return fmt.Errorf("log: grow %s: %w", f.path, err)
	}
	w.setAllocated(f, size)
	return nil
}

// setAllocated notes that a file has at least size bytes.
func (w *WAL) setAllocated(f *walFile, size int64) {
	w.filesMu.Lock()
	defer w.filesMu.Unlock()
	f.allocated = max(f.allocated, size)
}

// beginFile makes a new file the writable one. The steps are ordered so that
// until the header is written the current file can still be used.
func (w *WAL) beginFile(size int64) error {
	f, err := w.createFile(walHeaderSize + min(size, walGrowBytes) + w.reserve)
	if err != nil {
		return err
	}
	header := walFileHeader{sequence: f.sequence, firstRound: w.nextRound, oldest: w.oldestNeeded()}
	if n := len(w.files); n > 0 {
		header.previous, header.previousEnd = w.files[n-1].sequence, w.files[n-1].end
	} else {
		header.oldest = f.sequence
	}
	w.writable = nil
	_, err = f.file.WriteAt(header.encode(), 0)
	if err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		w.discard(f)
		return fmt.Errorf("log: write %s: %w", f.path, err)
	}
	w.filesMu.Lock()
	w.files = append(w.files, f)
	w.filesMu.Unlock()
	w.writable = f
	return nil
}

// createFile returns a file under a new sequence number with at least size
// bytes and no valid header, its name on disk.
func (w *WAL) createFile(size int64) (*walFile, error) {
	sequence := w.nextSequence
	w.nextSequence++
	f := &walFile{sequence: sequence, seed: checksumSeed(sequence), path: w.walPath(sequence), end: walHeaderSize}
	if n := len(w.spares); n > 0 {
		spare := w.spares[n-1]
		w.spares = w.spares[:n-1]
		f.allocated = spare.allocated
		if err := w.options.FS.Rename(spare.path, f.path); err != nil {
			return nil, fmt.Errorf("log: reuse %s: %w", spare.path, err)
		}
	}
	var err error
	if f.file, err = w.options.FS.OpenReadWrite(f.path, vfs.WriteCategoryUnspecified); err != nil {
		return nil, fmt.Errorf("log: create %s: %w", f.path, err)
	}
	// A reused file must have its name on disk before anything of it is
	// overwritten: under the old one it would be damaged.
	err = syncDir(w.options.FS, w.options.Dir)
	if err == nil {
		err = w.grow(f, size, walGrowBytes)
	}
	if err != nil {
		w.discard(f)
		return nil, err
	}
	return f, nil
}

// discard removes a file that could not be begun. If that fails too, recovery
// recognizes it: it is not in the chain.
func (w *WAL) discard(f *walFile) {
	f.close()
	if err := w.options.FS.Remove(f.path); err != nil {
		w.options.Logger.Warn("cannot remove an unused write-ahead log file", "path", f.path, "error", err)
	}
}

// abandon gives up the writable file after a failed write or sync.
func (w *WAL) abandon(f *walFile) {
	f.suspect = true
	w.writable = nil
}

// oldestNeeded is the sequence number of the first file with something needed.
func (w *WAL) oldestNeeded() uint64 {
	for i, f := range w.files {
		if f.live.Load() > 0 || i == len(w.files)-1 {
			return f.sequence
		}
	}
	return 0
}

// reclaim takes the files before the durable oldest one out of use.
func (w *WAL) reclaim() {
	for len(w.files) > 0 && w.files[0].sequence < w.durableOldest {
		f := w.files[0]
		w.filesMu.Lock()
		w.files = w.files[1:]
		w.filesMu.Unlock()
		f.close()
		w.retire(f)
	}
}

// retire keeps a file that is no longer needed for reuse, or removes it.
func (w *WAL) retire(f *walFile) {
	if len(w.spares) < maxWALSpares && !f.suspect && f.allocated <= 2*w.options.FileBytes {
		w.spares = append(w.spares, f)
		return
	}
	if err := w.options.FS.Remove(f.path); err != nil {
		w.options.Logger.Warn("cannot remove a write-ahead log file that is no longer needed", "path", f.path, "error", err)
	}
}

// close waits for the file's readers and closes it.
func (f *walFile) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		// Everything that matters has been synced.
		_ = f.file.Close()
		f.file = nil
	}
}

// closeFiles closes all files in use.
func (w *WAL) closeFiles() {
	for _, f := range w.files {
		f.close()
	}
}
