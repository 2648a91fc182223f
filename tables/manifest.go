package tables

import (
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// manifestFS is a file system on which a failed sync of Pebble's manifest is
// repeated until it succeeds. Pebble does not go on after such a failure: it no
// longer knows what is on disk. Nor does it help to sync once more, since the
// kernel may have dropped what it could not write. But what was written since
// the last good sync is known here, so it is written once more at its place;
// the sync that then succeeds covers it.
type manifestFS struct {
	vfs.FS
	logger *slog.Logger
	// closing is closed when the store is to be closed: syncs then fail.
	closing <-chan struct{}
}

const (
	manifestPrefix     = "MANIFEST-"
	firstManifestPause = 20 * time.Millisecond
	lastManifestPause  = 2 * time.Second
)

// Create implements vfs.FS.
func (m *manifestFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := m.FS.Create(name, category)
	if err != nil || !strings.HasPrefix(m.FS.PathBase(name), manifestPrefix) {
		return file, err
	}
	return &manifestFile{File: file, fs: m, name: name}, nil
}

// Unwrap implements vfs.FS.
func (m *manifestFS) Unwrap() vfs.FS { return m.FS }

// manifestFile is a manifest being written, always at its end. Pebble writes
// and syncs it from one goroutine at a time.
type manifestFile struct {
	vfs.File
	fs   *manifestFS
	name string
	// unsynced is what was written since the last good sync, which covers the
	// bytes before synced.
	unsynced []byte
	synced   int64
}

// Write implements vfs.File.
func (f *manifestFile) Write(p []byte) (int, error) {
	// The file below may change what it is given.
	f.unsynced = append(f.unsynced, p...)
	n, err := f.File.Write(p)
	if err != nil {
		f.unsynced = f.unsynced[:len(f.unsynced)-len(p)+n]
	}
	return n, err
}

// Sync implements vfs.File.
func (f *manifestFile) Sync() error { return f.persist(f.File.Sync) }

// SyncData implements vfs.File.
func (f *manifestFile) SyncData() error { return f.persist(f.File.SyncData) }

// SyncTo implements vfs.File; it is but a hint, so nothing has to come of it.
func (f *manifestFile) SyncTo(int64) (fullSync bool, err error) { return false, nil }

// persist syncs, and after a failure writes and syncs until that succeeds.
func (f *manifestFile) persist(sync func() error) error {
	err := sync()
	for pause := firstManifestPause; err != nil; pause = min(2*pause, lastManifestPause) {
		f.fs.logger.Error("the manifest could not be synced and is written again", "file", f.name, "error", err.Error())
		select {
		case <-time.After(pause):
		case <-f.fs.closing:
			return err
		}
		if err = f.rewrite(); err == nil {
			err = sync()
		}
	}
	f.synced += int64(len(f.unsynced))
	f.unsynced = f.unsynced[:0]
	return nil
}

// rewrite writes and syncs the unsynced bytes once more, at their place.
func (f *manifestFile) rewrite() error {
	again, err := f.fs.FS.OpenReadWrite(f.name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = again.WriteAt(append([]byte(nil), f.unsynced...), f.synced)
	if err == nil {
		err = again.Sync()
	}
	return errors.Join(err, again.Close())
}
