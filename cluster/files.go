package cluster

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// makeDirs makes a directory and those above it that are missing, and returns
// the directories whose entries have to be synced for it to stay.
func makeDirs(fs vfs.FS, dir string) (changed []string, err error) {
	for missing := dir; ; missing = fs.PathDir(missing) {
		parent := fs.PathDir(missing)
		if _, err := fs.Stat(missing); err == nil || parent == missing {
			break
		}
		changed = append(changed, parent)
	}
	if len(changed) == 0 {
		// Whoever made it may have ended before syncing.
		changed = append(changed, fs.PathDir(dir))
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return changed, nil
}

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

// readIfThere reads a small file; found is false where it is missing.
func readIfThere(fsys vfs.FS, path string) (data []byte, found bool, err error) {
	file, err := fsys.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("cluster: %w", err)
	}
	data, err = io.ReadAll(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, false, fmt.Errorf("cluster: reading %s: %w", path, err)
	}
	return data, true, nil
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
