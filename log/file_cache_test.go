package log

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// openHook is a file system that calls a function after it has opened a file.
type openHook struct {
	vfs.FS
	opened func()
}

func (h openHook) Open(name string, options ...vfs.OpenOption) (vfs.File, error) {
	file, err := h.FS.Open(name, options...)
	h.opened()
	return file, err
}

// writeFile makes a file with a content.
func writeFile(t testing.TB, fs vfs.FS, path, content string) {
	t.Helper()
	file, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	must(t, err)
	_, err = file.Write([]byte(content))
	must(t, err)
	must(t, file.Close())
}

// readHandle returns the first byte that a handle reads.
func readHandle(t testing.TB, file *cachedFile) string {
	t.Helper()
	var b [1]byte
	must(t, readFull(file, b[:], 0))
	return string(b[:])
}

// TestFileCacheForgets replaces a file while it is being opened: whoever opened
// it reads the old one, all others the new one.
func TestFileCacheForgets(t *testing.T) {
	mem := vfs.NewMem()
	writeFile(t, mem, "/file", "1")
	var cache *FileCache
	replace := func() {
		must(t, mem.Remove("/file"))
		writeFile(t, mem, "/file", "2")
		cache.forget("/file")
	}
	var once sync.Once
	cache = NewFileCache(openHook{FS: mem, opened: func() { once.Do(replace) }}, 4)
	before, err := cache.acquire("/file", false)
	must(t, err)
	after, err := cache.acquire("/file", false)
	must(t, err)
	if a, b := readHandle(t, before), readHandle(t, after); a != "1" || b != "2" {
		t.Errorf("before %q, after %q", a, b)
	}
	cache.release(before)
	cache.release(after)
	if n := cache.Open(); n != 1 {
		t.Errorf("%d files open", n)
	}
	must(t, cache.Close())
}

// TestFileCacheBounds holds the number of idle files.
func TestFileCacheBounds(t *testing.T) {
	mem := vfs.NewMem()
	cache := NewFileCache(mem, 2)
	var files []*cachedFile
	for i := range 5 {
		file, err := cache.acquire(fmt.Sprint("/", i), true)
		must(t, err)
		files = append(files, file)
	}
	if n := cache.Open(); n != 5 {
		t.Errorf("%d files open while 5 are used", n)
	}
	for _, file := range files {
		cache.release(file)
	}
	if n := cache.Open(); n != 2 {
		t.Errorf("%d files open, 2 may be idle", n)
	}
	again, err := cache.acquire("/4", true)
	must(t, err)
	if again != files[4] {
		t.Error("the file used last was closed")
	}
	must(t, cache.Close())
	if _, err := cache.acquire("/0", true); err != ErrClosed {
		t.Error(err)
	}
	if _, err := again.WriteAt([]byte("x"), 0); err != nil {
		t.Error("a file was closed under its user:", err)
	}
	cache.release(again)
}
