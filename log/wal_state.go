package log

import (
	"encoding/binary"
	"slices"

	"github.com/hashicorp/raft"
)

// The functions here change the state of a group. They run in recovery and on
// the writer's goroutine, after the record they stand for is on disk.

// empty tells whether the group has nothing stored.
func (g *Group) empty() bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return len(g.entries) == 0 && len(g.stable) == 0
}

// stage returns the group's range of entries as the given attempt to write a
// round, of which some may be encoded already, will leave it.
func (g *Group) stage(attempt uint64) *stagedRange {
	if g.staged.attempt != attempt {
		g.staged = stagedRange{attempt: attempt}
		if n := len(g.entries); n > 0 {
			g.staged.first, g.staged.last = g.first, g.first+uint64(n)-1
		}
	}
	return &g.staged
}

// addLive counts bytes that are needed in a file; g.mu is held.
func (g *Group) addLive(f *walFile, bytes int64) {
	f.live.Add(bytes)
	if g.live[f] += bytes; g.live[f] == 0 {
		delete(g.live, f)
	}
}

// append adds the entry that follows the last.
func (g *Group) append(index uint64, place location, cached *raft.Log) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.entries) == 0 {
		g.first = index
	}
	place.cached = cached
	g.entries = append(g.entries, place)
	g.addLive(place.file, int64(place.length))
}

// move changes the place of an entry.
func (g *Group) move(index uint64, place location) {
	g.mu.Lock()
	defer g.mu.Unlock()
	old := &g.entries[index-g.first]
	g.addLive(old.file, -int64(old.length))
	place.cached = old.cached
	*old = place
	g.addLive(place.file, int64(place.length))
}

// truncatePrefix removes the entries up to an index.
func (g *Group) truncatePrefix(index uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if index < g.first {
		return
	}
	n := int(min(index-g.first+1, uint64(len(g.entries))))
	g.release(g.entries[:n])
	g.first += uint64(n)
	g.entries = g.entries[n:]
	// Appending to what is left would keep the removed head in memory.
	if cap(g.entries) > 1024 && len(g.entries) < cap(g.entries)/4 {
		g.entries = slices.Clone(g.entries)
	}
}

// truncateSuffix removes the entries from an index on.
func (g *Group) truncateSuffix(index uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	keep := 0
	if index > g.first {
		keep = int(min(index-g.first, uint64(len(g.entries))))
	}
	g.release(g.entries[keep:])
	g.entries = g.entries[:keep]
}

// release gives up the places of entries that are removed; g.mu is held.
func (g *Group) release(removed []location) {
	for i := range removed {
		g.addLive(removed[i].file, -int64(removed[i].length))
		removed[i] = location{}
	}
}

// setStable gives a key its value.
func (g *Group) setStable(key string, value []byte, place location) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if old, ok := g.stable[key]; ok {
		g.addLive(old.file, -old.size)
	}
	g.stable[key] = stableValue{value: value, file: place.file, size: int64(place.length)}
	g.addLive(place.file, int64(place.length))
}

// drop removes everything.
func (g *Group) drop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.release(g.entries)
	g.first, g.entries = 0, nil
	for _, v := range g.stable {
		g.addLive(v.file, -v.size)
	}
	clear(g.stable)
}

// entryCache holds copies of the newest entries of all groups, up to a number
// of bytes; the oldest go first. It belongs to the writer; readers find the
// entries through their groups.
type entryCache struct {
	limit, bytes int64
	// queue[head:] are the cached entries, oldest first.
	queue []cachedEntry
	head  int
}

// cachedEntry is an entry in the cache.
type cachedEntry struct {
	group *Group
	log   *raft.Log
	bytes int64
}

// add copies the entry whose record begins data into the cache and makes room
// for it. An entry larger than the whole cache is not kept.
func (c *entryCache) add(data []byte, g *Group, index uint64) *raft.Log {
	length := int(binary.BigEndian.Uint32(data[recordHeaderLength:]))
	if int64(length) > c.limit {
		return nil
	}
	record := walRecord{body: slices.Clone(data[recordHeaderSize : recordHeaderSize+length])}
	log := new(raft.Log)
	record.entry(log)
	c.queue = append(c.queue, cachedEntry{group: g, log: log, bytes: int64(length)})
	c.bytes += int64(length)
	for c.bytes > c.limit {
		c.evict()
	}
	return log
}

// evict drops the oldest entry.
func (c *entryCache) evict() {
	oldest := c.queue[c.head]
	c.queue[c.head] = cachedEntry{}
	c.head++
	c.bytes -= oldest.bytes
	oldest.group.uncache(oldest.log)
	if c.head > 64 && c.head > len(c.queue)/2 {
		n := copy(c.queue, c.queue[c.head:])
		clear(c.queue[n:])
		c.queue, c.head = c.queue[:n], 0
	}
}

// uncache forgets the cached copy of an entry, if it is still the group's.
func (g *Group) uncache(log *raft.Log) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if log.Index < g.first || log.Index-g.first >= uint64(len(g.entries)) {
		return
	}
	if place := &g.entries[log.Index-g.first]; place.cached == log {
		place.cached = nil
	}
}
