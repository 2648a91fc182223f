package log

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// recover reads the state of all groups from the files in the directory:
//
//  1. The newest file with a valid header is the end of the chain. A newer one
//     without was being begun when the process ended: nothing was acknowledged
//     in it, which is checked.
//  2. The last valid round of that file names the oldest file needed.
//  3. Every file from there on must be in the chain and is replayed. The header
//     of the next file says where its rounds end; up to there each must be
//     valid. In the newest file the rounds end before the first invalid one,
//     unless a later one follows.
//  4. All other files are kept for reuse or removed.
func (w *WAL) recover() error {
	sequences, err := w.listFiles()
	if err != nil || len(sequences) == 0 {
		return err
	}
	w.nextSequence = sequences[len(sequences)-1] + 1
	newest, err := w.findNewest(sequences)
	if err != nil {
		return err
	}
	if newest != nil {
		if err := w.replayChain(newest); err != nil {
			return err
		}
	}
	return w.retireOthers(sequences)
}

// listFiles returns the sequence numbers of the files, ascending.
func (w *WAL) listFiles() ([]uint64, error) {
	names, err := w.options.FS.List(w.options.Dir)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	var sequences []uint64
	for _, name := range names {
		if sequence, ok := parseWALName(name); ok {
			sequences = append(sequences, sequence)
		}
	}
	slices.Sort(sequences)
	return sequences, nil
}

// scannedFile is a file being recovered.
type scannedFile struct {
	*walFile
	header walFileHeader
	// begun tells whether the header is valid.
	begun bool
	// data are the bytes that load has read.
	data []byte
}

// openFile opens a file and reads its header.
func (w *WAL) openFile(sequence uint64) (*scannedFile, error) {
	path := w.walPath(sequence)
	file, err := w.options.FS.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("log: open %s: %w", path, err)
	}
	f := &scannedFile{walFile: &walFile{sequence: sequence, seed: checksumSeed(sequence), path: path, file: file}}
	info, err := file.Stat()
	if err == nil {
		f.allocated = info.Size()
		err = f.load(min(f.allocated, walHeaderSize))
	}
	if err != nil {
		f.close()
		return nil, fmt.Errorf("log: read %s: %w", path, err)
	}
	f.header, f.begun = decodeWALFileHeader(f.data, sequence)
	return f, nil
}

// load reads the file up to a size.
func (f *scannedFile) load(size int64) error {
	f.data = make([]byte, size)
	if err := readFull(f.file, f.data, 0); err != nil {
		return fmt.Errorf("log: read %s: %w", f.path, err)
	}
	return nil
}

// findNewest returns the last file with a valid header, loaded, nil without one.
func (w *WAL) findNewest(sequences []uint64) (*scannedFile, error) {
	for _, sequence := range slices.Backward(sequences) {
		f, err := w.openFile(sequence)
		if err != nil {
			return nil, err
		}
		if err := f.load(f.allocated); err != nil {
			f.close()
			return nil, err
		}
		if f.begun {
			return f, nil
		}
		f.close()
		if at, _, found := f.findRound(walHeaderSize, 0); found {
			return nil, corruption(f.path, 0, "file header is damaged, a round follows at byte %d", at)
		}
	}
	return nil, nil
}

// findRound looks for a round of the file with at least a number, at or behind
// a position.
func (f *scannedFile) findRound(from int64, atLeast uint64) (at int64, number uint64, found bool) {
	for at := from; at+roundHeaderSize <= int64(len(f.data)); at += walAlignment {
		// The sequence number, compared first, rules out nearly everything.
		if binary.BigEndian.Uint64(f.data[at+roundHeaderSequence:]) != f.sequence {
			continue
		}
		if header, ok := decodeRoundHeader(f.data[at:], f.seed, f.sequence); ok && header.round >= atLeast {
			return at, header.round, true
		}
	}
	return 0, 0, false
}

// rounds passes the valid rounds before limit to visit, in order, and returns
// the end of the last, the number that the next would have, and what is wrong
// with it: io.EOF when limit is reached.
func (f *scannedFile) rounds(limit int64, visit func(header roundHeader, records []walRecord, begin int64)) (end int64, next uint64, err error) {
	position, number := int64(walHeaderSize), f.header.firstRound
	var records []walRecord
	for position < limit {
		header, ok := decodeRoundHeader(f.data[position:limit], f.seed, f.sequence)
		if !ok || header.round != number {
			return position, number, corruption(f.path, position, "no header of round %d", number)
		}
		begin := position + roundHeaderSize
		if begin+header.length > limit {
			return position, number, corruption(f.path, position, "round %d of %d bytes goes beyond byte %d", number, header.length, limit)
		}
		records = records[:0]
		for data := f.data[begin : begin+header.length]; len(data) > 0; {
			record, err := decodeRecord(data, f.seed)
			if err != nil {
				return position, number, inFile(err, f.path, begin+header.length-int64(len(data)))
			}
			records = append(records, record)
			data = data[record.size:]
		}
		visit(header, records, begin)
		position = begin + header.length
		number++
	}
	return position, number, io.EOF
}

// replayChain replays the files from the oldest needed to the newest one.
func (w *WAL) replayChain(newest *scannedFile) error {
	w.durableOldest = newest.header.oldest
	end, next, damage := newest.rounds(int64(len(newest.data)), func(header roundHeader, _ []walRecord, _ int64) {
		w.durableOldest = header.oldest
	})
	if err := w.checkTail(newest, end, next, damage); err != nil {
		newest.close()
		return err
	}
	newest.end, w.nextRound = end, next

	chain, err := w.readChain(newest)
	w.files = make([]*walFile, len(chain))
	for i, f := range chain {
		w.files[i] = f.walFile
	}
	if err != nil {
		return err
	}
	state := recoveredState{}
	for i, f := range chain {
		if f != newest {
			if err := f.load(f.end); err != nil {
				return err
			}
		}
		_, next, err := f.rounds(f.end, func(_ roundHeader, records []walRecord, begin int64) {
			state.apply(f.walFile, records, begin)
		})
		f.data = nil
		if !errors.Is(err, io.EOF) {
			return err
		}
		if i+1 < len(chain) && chain[i+1].header.firstRound != next {
			return corruption(f.path, f.end, "file ends before round %d, the next begins with round %d", next, chain[i+1].header.firstRound)
		}
	}
	return state.install(w)
}

// checkTail decides whether the rounds of the newest file end where they do
// because nothing more was acknowledged.
func (w *WAL) checkTail(newest *scannedFile, end int64, next uint64, damage error) error {
	if errors.Is(damage, io.EOF) {
		return nil
	}
	// A round is written only after the one before is on disk: what follows
	// proves that the invalid one was.
	at, later, found := newest.findRound(end, next+1)
	if found {
		var c *CorruptionError
		if errors.As(damage, &c) {
			return corruption(c.File, c.Offset, "%s; round %d follows at byte %d", c.What, later, at)
		}
		return damage
	}
	if _, ok := decodeRoundHeader(newest.data[end:], newest.seed, newest.sequence); ok {
		w.options.Logger.Info("cutting an incomplete round off the write-ahead log", "path", newest.path, "at", end, "reason", damage)
	}
	return nil
}

// readChain returns the files from the oldest needed to the newest, with their
// ends. Those that it has opened are returned with an error too.
func (w *WAL) readChain(newest *scannedFile) (chain []*scannedFile, err error) {
	chain = []*scannedFile{newest}
	for f := newest; f.sequence > w.durableOldest; {
		if f.header.previous < w.durableOldest || f.header.previous >= f.sequence {
			return chain, corruption(f.path, walHeaderPrevious, "the file before is %d, %d is the oldest needed", f.header.previous, w.durableOldest)
		}
		path := w.walPath(f.header.previous)
		if _, err := w.options.FS.Stat(path); err != nil {
			return chain, corruption(path, 0, "file of the write-ahead log is missing: %v", err)
		}
		previous, err := w.openFile(f.header.previous)
		if err != nil {
			return chain, err
		}
		chain = slices.Insert(chain, 0, previous)
		if !previous.begun {
			return chain, corruption(path, 0, "file header is damaged")
		}
		previous.end = f.header.previousEnd
		if previous.end < walHeaderSize || previous.end > previous.allocated {
			return chain, corruption(path, previous.allocated, "file ends before byte %d", previous.end)
		}
		f = previous
	}
	return chain, nil
}

// retireOthers keeps the files that are not in use for reuse, or removes them.
func (w *WAL) retireOthers(sequences []uint64) error {
	inUse := make(map[uint64]bool, len(w.files))
	for _, f := range w.files {
		inUse[f.sequence] = true
	}
	for _, sequence := range sequences {
		if inUse[sequence] {
			continue
		}
		f := &walFile{sequence: sequence, path: w.walPath(sequence)}
		info, err := w.options.FS.Stat(f.path)
		if err != nil {
			return fmt.Errorf("log: %w", err)
		}
		f.allocated = info.Size()
		w.retire(f)
	}
	return nil
}

// recoveredState is the state of the groups while files are replayed. Moved
// entries arrive out of order, so entries are found by index until the end.
type recoveredState map[uint64]*recoveredGroup

// recoveredGroup is the state of one group.
type recoveredGroup struct {
	entries map[uint64]location
	stable  map[string]stableValue
}

// apply replays the records of a round, the first of which is at begin.
func (s recoveredState) apply(f *walFile, records []walRecord, begin int64) {
	for i := range records {
		r := &records[i]
		g := s[r.group]
		if g == nil {
			g = &recoveredGroup{entries: make(map[uint64]location), stable: make(map[string]stableValue)}
			s[r.group] = g
		}
		switch r.kind {
		case recordEntry, recordMoved:
			g.entries[r.index()] = location{file: f, position: uint32(begin), length: uint32(r.size)}
		case recordTruncatePrefix:
			bound := r.index()
			maps.DeleteFunc(g.entries, func(index uint64, _ location) bool { return index <= bound })
		case recordTruncateSuffix:
			bound := r.index()
			maps.DeleteFunc(g.entries, func(index uint64, _ location) bool { return index >= bound })
		case recordStable:
			key, value := r.stable()
			g.stable[string(key)] = stableValue{value: slices.Clone(value), file: f, size: int64(r.size)}
		case recordDropGroup:
			delete(s, r.group)
		}
		begin += int64(r.size)
	}
}

// install gives the groups of a WAL the replayed state.
func (s recoveredState) install(w *WAL) error {
	for id, recovered := range s {
		g := newGroup(w, id)
		indexes := slices.Sorted(maps.Keys(recovered.entries))
		for i, index := range indexes {
			place := recovered.entries[index]
			if i > 0 && index != indexes[i-1]+1 {
				return corruption(place.file.path, int64(place.position), "group %d has no entries between %d and %d", id, indexes[i-1], index)
			}
			g.append(index, place, nil)
		}
		for key, v := range recovered.stable {
			g.setStable(key, v.value, location{file: v.file, length: uint32(v.size)})
		}
		w.groups[id] = g
	}
	return nil
}
