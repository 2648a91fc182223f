package cluster

import (
	"sync"
	"time"
)

// replicaSize is how many bytes a replica takes on disk, looked at rarely.
type replicaSize struct {
	mu     sync.Mutex
	looked time.Time
	bytes  int64
}

// forget has the size looked at again.
func (s *replicaSize) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked = time.Time{}
}

// sizeAge is for how long a look at a replica's size is good.
const sizeAge = 2 * time.Second

// Bytes are about how many bytes the replica takes on disk: its segments, and its part of
// the key-value store as far as that has been flushed. What it tells may be two seconds
// old, so it is cheap to ask.
func (s *Shard) Bytes() int64 {
	s.size.mu.Lock()
	defer s.size.mu.Unlock()
	now := time.Now()
	if !s.size.looked.IsZero() && now.Sub(s.size.looked) < sizeAge {
		return s.size.bytes
	}
	bytes := s.partitions.bytes()
	if keys, err := s.tables.DiskBytes(nil); err == nil { // a store that is closed has none to tell
		bytes += int64(keys)
	}
	s.size.looked, s.size.bytes = now, bytes
	return bytes
}

// bytes is the size of all partitions' segments.
func (ps *partitions) bytes() int64 {
	total := int64(0)
	for _, p := range ps.capture().live {
		total += ps.size(p)
	}
	return total
}

// size is the size of a partition's segments. The files of one that was not used since the
// start are looked at once: nothing changes them.
func (ps *partitions) size(p *partition) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opened != nil {
		return p.opened.Size()
	}
	if p.fileBytes > 0 {
		return p.fileBytes
	}
	fs, folder := ps.options.FS, ps.folder(p)
	names, err := fs.List(folder)
	if err != nil {
		return 0 // it has no rows, or is told of when it is opened
	}
	for _, name := range names {
		if info, err := fs.Stat(fs.PathJoin(folder, name)); err == nil {
			p.fileBytes += info.Size()
		}
	}
	return p.fileBytes
}
