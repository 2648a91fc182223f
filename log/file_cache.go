package log

import (
	"container/list"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FileCache holds the open files of all partitions of a node, so that idle
// partitions hold none: files in use stay open, and of the others the most
// recently used. It is safe for concurrent use.
type FileCache struct {
	fs      vfs.FS
	maxIdle int

	mu    sync.Mutex
	files map[fileKey]*cachedFile
	// idle holds the cachedFiles without users, most recently used first.
	idle   list.List
	closed bool
	// forgotten counts the calls of forget.
	forgotten uint64
}

// fileKey tells the handles of a file apart.
type fileKey struct {
	path     string
	writable bool
}

// cachedFile is an open file with its users counted.
type cachedFile struct {
	vfs.File
	key  fileKey
	refs int
	// element is the file's place in FileCache.idle while refs is 0.
	element *list.Element
	// doomed files are no longer in FileCache.files and close with their last
	// user.
	doomed bool
}

// NewFileCache returns a cache that keeps up to maxIdle files open beyond those
// being used.
func NewFileCache(fs vfs.FS, maxIdle int) *FileCache {
	return &FileCache{fs: fs, maxIdle: max(maxIdle, 1), files: make(map[fileKey]*cachedFile)}
}

// Open is the number of files open now.
func (c *FileCache) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.files)
}

// Close closes the idle files; the others close with their last user. After
// it, partitions of this cache can no longer be read or written.
func (c *FileCache) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	var firstErr error
	for _, file := range c.files {
		if err := c.doom(file); err != nil && firstErr == nil {
			firstErr = err
		}
	}
	return firstErr
}

// acquire returns an open handle, which the caller must release. A writable
// one creates the file when it is missing.
func (c *FileCache) acquire(path string, writable bool) (*cachedFile, error) {
	key := fileKey{path: path, writable: writable}
	file, forgotten, err := c.lookup(key)
	if file != nil || err != nil {
		return file, err
	}
	// Opening may wait for the disk, so it happens outside the lock; of two
	// that open the same file the second to come back uses the first's.
	var opened vfs.File
	if writable {
		opened, err = c.fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	} else {
		opened, err = c.fs.Open(path)
	}
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if file = c.files[key]; file != nil || c.closed {
		_ = opened.Close() // nothing was done with it
		if c.closed {
			return nil, ErrClosed
		}
		c.use(file)
		return file, nil
	}
	file = &cachedFile{File: opened, key: key, refs: 1}
	if c.forgotten != forgotten {
		// This may be a file that has been removed meanwhile: let nobody find
		// it here in the place of its successor.
		file.doomed = true
		return file, nil
	}
	c.files[key] = file
	return file, nil
}

// lookup returns the open handle of key, if there is one, for another user, and
// the number of calls of forget so far.
func (c *FileCache) lookup(key fileKey) (file *cachedFile, forgotten uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, 0, ErrClosed
	}
	if file = c.files[key]; file != nil {
		c.use(file)
	}
	return file, c.forgotten, nil
}

// use counts another user; c.mu is held.
func (c *FileCache) use(file *cachedFile) {
	if file.element != nil {
		c.idle.Remove(file.element)
		file.element = nil
	}
	file.refs++
}

// release ends one use of a file and closes what is idle beyond the limit. A
// handle that fails to close has nothing to lose: what is written through it
// is synced while it is in use.
func (c *FileCache) release(file *cachedFile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	file.refs--
	if file.refs > 0 {
		return
	}
	if file.doomed {
		_ = file.File.Close()
		return
	}
	file.element = c.idle.PushFront(file)
	for c.idle.Len() > c.maxIdle {
		_ = c.doom(c.idle.Back().Value.(*cachedFile))
	}
}

// forget drops the handles of a file, which has been removed or is no longer
// used. Those in use close with their last user.
func (c *FileCache) forget(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgotten++
	for _, writable := range []bool{false, true} {
		if file := c.files[fileKey{path: path, writable: writable}]; file != nil {
			_ = c.doom(file)
		}
	}
}

// doom takes a file out of the cache and closes it unless it is in use; c.mu is
// held.
func (c *FileCache) doom(file *cachedFile) error {
	delete(c.files, file.key)
	file.doomed = true
	if file.element != nil {
		c.idle.Remove(file.element)
		file.element = nil
	}
	if file.refs > 0 {
		return nil
	}
	return file.File.Close()
}
