package harness

import (
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// Disk is a file system whose disk a test can make slow, full or broken. Its methods are
// for any number of goroutines.
type Disk struct {
	vfs.FS // with faults
	faults *diskFaults
	// whole is the file system without faults.
	whole vfs.FS
}

// NewDisk returns a disk without faults.
func NewDisk(whole vfs.FS) *Disk {
	faults := &diskFaults{whole: whole}
	return &Disk{FS: errorfs.Wrap(whole, faults), faults: faults, whole: whole}
}

// diskFaults are a disk's faults. It implements errorfs.Injector.
type diskFaults struct {
	whole                 vfs.FS
	full, scarce, failing atomic.Bool
	// slow is how long a sync takes longer, in nanoseconds.
	slow atomic.Int64
	met  atomic.Int64

	mu sync.Mutex
	// syncs decides which files' syncs the faults concern, nil for all.
	syncs func(path string) bool
}

// SetSlow has every sync take so much longer; 0 for a disk that is not slow.
func (d *Disk) SetSlow(by time.Duration) { d.faults.slow.Store(int64(by)) }

// SetFull has everything fail with ENOSPC that takes room.
func (d *Disk) SetFull(full bool) { d.faults.full.Store(full) }

// SetScarce has the disk tell that nearly no room is left, while there is.
func (d *Disk) SetScarce(scarce bool) { d.faults.scarce.Store(scarce) }

// SetFailing has every sync fail with EIO.
func (d *Disk) SetFailing(failing bool) { d.faults.failing.Store(failing) }

// Only has slowness and failures concern the syncs of some files alone.
func (d *Disk) Only(syncs func(path string) bool) {
	d.faults.mu.Lock()
	defer d.faults.mu.Unlock()
	d.faults.syncs = syncs
}

// Mend ends all faults.
func (d *Disk) Mend() {
	d.SetSlow(0)
	d.SetFull(false)
	d.SetScarce(false)
	d.SetFailing(false)
}

// Met is how many operations have met a fault.
func (d *Disk) Met() int64 { return d.faults.met.Load() }

// GetDiskUsage implements vfs.FS.
func (d *Disk) GetDiskUsage(path string) (vfs.DiskUsage, error) {
	if d.faults.full.Load() || d.faults.scarce.Load() {
		return vfs.DiskUsage{TotalBytes: 1 << 30, UsedBytes: 1 << 30}, nil
	}
	return d.whole.GetDiskUsage(path)
}

// MaybeError implements errorfs.Injector.
func (f *diskFaults) MaybeError(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpCreate, errorfs.OpMkdirAll, errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFilePreallocate:
		if f.full.Load() && !f.overwrites(op) {
			f.met.Add(1)
			return syscall.ENOSPC
		}
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		slow, failing := time.Duration(f.slow.Load()), f.failing.Load()
		if slow == 0 && !failing || !f.concerns(op.Path) {
			return nil
		}
		f.met.Add(1)
		if slow > 0 {
			time.Sleep(slow)
		}
		if failing {
			return syscall.EIO
		}
	}
	return nil
}

// overwrites tells whether a write begins within its file, which has that room already.
func (f *diskFaults) overwrites(op errorfs.Op) bool {
	if op.Kind != errorfs.OpFileWriteAt {
		return false
	}
	info, err := f.whole.Stat(op.Path)
	return err == nil && info.Size() > op.Offset
}

func (f *diskFaults) concerns(path string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.syncs == nil || f.syncs(path)
}

// String implements errorfs.Injector.
func (f *diskFaults) String() string { return "disk faults" }

// FileKind is a kind of file in a node's folder.
type FileKind string

// The kinds of files that a node has.
const (
	SegmentFile  FileKind = "segment"
	LogFile      FileKind = "write-ahead log"
	StoreFile    FileKind = "sstable"
	SnapshotFile FileKind = "snapshot"
)

// kindOf is the kind of a file by its path in a node's folder, "" for another one.
func kindOf(path string) FileKind {
	switch {
	case strings.HasSuffix(path, ".wal"):
		return LogFile
	case strings.HasSuffix(path, ".sst"):
		return StoreFile
	case strings.Contains(path, "snapshot"):
		return SnapshotFile
	case strings.Contains(path, "shard-") && strings.HasSuffix(path, ".log"):
		return SegmentFile
	}
	return ""
}

// Flip flips a bit of one of the files of a kind below a folder, and returns where; "" when
// there is no such file with something in it.
func Flip(fs vfs.FS, dir string, kind FileKind, random *rand.Rand) (where string, err error) {
	var files []string
	if err := walk(fs, dir, func(path string) {
		if kindOf(path) == kind {
			files = append(files, path)
		}
	}); err != nil {
		return "", err
	}
	random.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	for _, path := range files {
		if at, err := flipIn(fs, path, random); err != nil || at >= 0 {
			return fmt.Sprintf("bit of byte %d of %s", at, path), err
		}
	}
	return "", nil
}

// flipIn flips a bit of a byte that is not zero, since files are filled ahead with zeros;
// it returns -1 when it finds none.
func flipIn(fs vfs.FS, path string, random *rand.Rand) (at int64, err error) {
	file, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return -1, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return -1, err
	}
	one := make([]byte, 1)
	for range 1000 {
		at = random.Int64N(info.Size())
		if _, err := file.ReadAt(one, at); err != nil {
			return -1, err
		}
		if one[0] == 0 {
			continue
		}
		one[0] ^= 1 << random.IntN(8)
		if _, err := file.WriteAt(one, at); err != nil {
			return -1, err
		}
		return at, file.Sync()
	}
	return -1, nil
}

// walk calls visit for every file below a folder, in order.
func walk(fs vfs.FS, dir string, visit func(path string)) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		full := path.Join(dir, name)
		info, err := fs.Stat(full)
		switch {
		case err != nil: // it is gone meanwhile
		case info.IsDir():
			if err := walk(fs, full, visit); err != nil {
				return err
			}
		default:
			visit(full)
		}
	}
	return nil
}
