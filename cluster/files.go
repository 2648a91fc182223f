package cluster

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// makeDir makes a directory below parent and syncs parent, so that what is
// synced in the directory survives.
func makeDir(fs vfs.FS, parent, name string) (string, error) {
	dir := fs.PathJoin(parent, name)
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("cluster: %w", err)
	}
	return dir, syncDir(fs, parent)
}

// syncDir makes the entries of a directory durable.
func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("cluster: syncing %s: %w", dir, err)
	}
	return nil
}

// writeFileAtomically gives dir a file of that name and content, durably, or
// leaves what was there. temporary is the name under which it is written first.
func writeFileAtomically(fs vfs.FS, dir, temporary, name string, content []byte) error {
	path := fs.PathJoin(dir, temporary)
	if err := writeFile(fs, path, content); err != nil {
		return err
	}
	if err := fs.Rename(path, fs.PathJoin(dir, name)); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	return syncDir(fs, dir)
}

// writeFile writes and syncs a file.
func writeFile(fs vfs.FS, path string, content []byte) error {
	file, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("cluster: writing %s: %w", path, err)
	}
	return nil
}
