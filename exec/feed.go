package exec

import (
	"context"
	"encoding/binary"
	"sync"

	"millrace/log"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
	"millrace/tables"
)

// feed tells the node's sessions what its replica of a shard applies: that streams have
// new rows, and how tables change.
//
// Invariants:
//   - All that is told was committed, and is in the node's store and segments by then:
//     the replica tells when an entry has taken effect, whoever leads the shard. What an
//     entry changed in a table is in the entry (see keptChanges).
//   - A subscription is told of every entry that is applied after it began, in order. The
//     one exception is a replica whose state was replaced by another's: its
//     subscriptions are behind then, and read what they lack from the kept changes.
type feed struct {
	shard int

	mu sync.Mutex
	// index is the last index that was told of.
	index uint64
	// subscribers are by what is followed: a stream, or the storage of a table.
	subscribers map[catalog.ObjectID]map[*subscription]struct{}
	// waiting are woken when the index that they wait for is told of.
	waiting map[*wakeup]uint64
	// awaiting says that a goroutine waits for the replica to be whole.
	awaiting bool
}

// tableChanges are the committed changes of one table in one entry, the old row of a key
// before its new one. All who follow the table share them.
type tableChanges struct {
	shard int
	index uint64
	entry keptEntry
	// count is the number of rows, and bytes about what they take in memory.
	count int
	bytes int64

	mu sync.Mutex
	// decoded are the rows with as many columns as who decoded them first knew.
	decoded []*types.Batch
	columns int
}

// newTableChanges decodes a kept change of a table; value is copied.
func newTableChanges(shard int, index uint64, key, value []byte) (*tableChanges, error) {
	entry, err := decodeKeptEntry(key, append([]byte(nil), value...))
	c := &tableChanges{shard: shard, index: index, entry: entry}
	for _, data := range entry.batches {
		rows, columns := types.BatchSize(data)
		c.count += rows
		c.bytes += int64(len(data) + 8*rows*columns)
	}
	return c, err
}

// rows returns the changes with the columns that the table has for a codec. They are
// shared: nobody changes them.
func (c *tableChanges) rows(codec *relationCodec) ([]*types.Batch, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.columns == len(codec.columns) {
		return c.decoded, nil
	}
	rows, err := c.entry.rows(codec)
	if c.columns == 0 && err == nil {
		c.decoded, c.columns = rows, len(codec.columns)
	}
	return rows, err
}

// follow has the feeds told of what the node's replicas apply and of what becomes of
// relations.
func (e *Engine) follow() {
	for _, l := range e.loops {
		l.log.Observe(l.feed.observe)
		applied, err := l.log.Tables().AppliedIndex()
		if err != nil {
			e.logger.Error("the index of a shard cannot be read", "shard", l.number, "error", err)
		}
		l.feed.begin(l.number, applied)
	}
}

// begin says up to which index the store has what was applied before the feed was told.
func (f *feed) begin(shard int, index uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shard, f.index = shard, max(f.index, index)
}

// observe takes an entry that has taken effect on this node; nil says that the state at
// the index was taken over from another replica.
func (f *feed) observe(index uint64, entry *log.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if entry == nil {
		f.jump()
		f.index = index // what is observed next was observed before, if the copy is an old one
	} else {
		f.tellAppends(entry.Appends)
		if index > f.index { // else every snapshot of the store has it
			f.tellChanges(index, entry.Writes)
		}
		f.index = max(f.index, index)
	}
	f.wakeWaiting()
}

// tellAppends wakes those who follow streams that have new rows.
func (f *feed) tellAppends(appends []log.Append) {
	if len(f.subscribers) == 0 {
		return
	}
	last := uint64(0)
	for i := range appends {
		if stream := appends[i].Object; stream != last {
			last = stream
			for s := range f.subscribers[catalog.ObjectID(stream)] {
				s.signal()
			}
		}
	}
}

// tellChanges gives those who follow tables what an entry has changed in these.
func (f *feed) tellChanges(index uint64, writes []log.Write) {
	if len(f.subscribers) == 0 {
		return
	}
	for i := range writes {
		w := &writes[i]
		if w.Kind != log.Set && w.Kind != log.Note {
			continue
		}
		storage, base, ok := parseKeptKey(w.Key)
		if !ok || base == keptStatus {
			continue
		}
		followers := f.subscribers[storage]
		if len(followers) == 0 {
			continue
		}
		changes, err := newTableChanges(f.shard, index, w.Key, w.Value)
		for s := range followers {
			if err != nil {
				s.end(damaged(err))
			} else {
				s.offer(changes)
			}
		}
	}
}

// jump says that entries were passed over: the changes of tables are to be read from
// those that are kept, and the rows of streams from their partitions, as ever.
func (f *feed) jump() {
	for _, followers := range f.subscribers {
		for s := range followers {
			s.miss(sqlerr.New(sqlerr.IOError, -1, "changes of the result were missed while shard %d was copied to the node anew", f.shard).
				WithHint("Run the query again: it begins with the current result."))
		}
	}
}

// wakeWhole wakes those who follow a shard's streams once the replica is whole.
func (l *shardLoop) wakeWhole(ctx context.Context) {
	f := &l.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.awaiting {
		return
	}
	f.awaiting = true
	go func() {
		err := l.log.WaitApplied(ctx, 0)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.awaiting = false
		if err != nil {
			return // the node is going down, which ends the queries
		}
		for _, followers := range f.subscribers {
			for s := range followers {
				s.signal()
			}
		}
	}()
}

// settle ends the subscriptions of what a version of the catalog has no more, or
// elsewhere. What a transaction has made or rewritten is not in the catalog yet.
func (f *feed) settle(before, after *catalog.Snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for followed, followers := range f.subscribers {
		for s := range followers {
			was, is := before.Relation(s.relation), after.Relation(s.relation)
			switch {
			case was == nil:
			case is == nil:
				s.end(sqlerr.New(sqlerr.UndefinedTable, -1, "the relation was dropped while the query followed it"))
			case was.StorageID() != is.StorageID() && is.StorageID() != followed:
				s.end(sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "the table was stored anew while the query followed it").
					WithHint("Run the query again: it begins with the current result."))
			}
		}
	}
}

func (f *feed) subscribe(s *subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.subscribers == nil {
		f.subscribers = map[catalog.ObjectID]map[*subscription]struct{}{}
	}
	if f.subscribers[s.followed] == nil {
		f.subscribers[s.followed] = map[*subscription]struct{}{}
	}
	f.subscribers[s.followed][s] = struct{}{}
}

func (f *feed) unsubscribe(s *subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subscribers[s.followed], s)
	if len(f.subscribers[s.followed]) == 0 {
		delete(f.subscribers, s.followed)
	}
}

// reached reports whether all changes up to an index have been told. If not, wake is
// signalled when they are, unless it is forgotten before.
func (f *feed) reached(index uint64, wake *wakeup) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.index >= index {
		return true
	}
	if f.waiting == nil {
		f.waiting = map[*wakeup]uint64{}
	}
	f.waiting[wake] = index
	return false
}

// forget has nobody wait for an index any more.
func (f *feed) forget(wake *wakeup) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.waiting, wake)
}

// wakeWaiting wakes who waits for an index that is told of.
func (f *feed) wakeWaiting() {
	for wake, index := range f.waiting {
		if f.index >= index {
			delete(f.waiting, wake)
			wake.raise()
		}
	}
}

// parseKeptKey is the inverse of keptKey; ok is false for other keys.
func parseKeptKey(key []byte) (storage catalog.ObjectID, base uint64, ok bool) {
	if len(key) != 17 || tables.Kind(key[0]) != tables.KindChange {
		return 0, 0, false
	}
	return catalog.ObjectID(binary.BigEndian.Uint64(key[1:])), binary.BigEndian.Uint64(key[9:]), true
}
