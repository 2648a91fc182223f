package cluster

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"millrace/log"
)

// A snapshot's file, big endian. Snapshots are small (positions, or the
// catalog), so one is written and read whole.
//
//	| "MRSNAPSH" | version u8 | index u64 | term u64 | configuration index u64 |
//	| length u32 · configuration (as Raft encodes it) |
//	| length u32 · content | crc-32c u32 of everything before |
const (
	snapshotMagic   = "MRSNAPSH"
	snapshotVersion = 1

	snapshotPrefix    = "snapshot-"
	copyPrefix        = "copy-of-"
	snapshotTemporary = "snapshot.tmp"
)

// castagnoli is the polynomial of the checksums in this package's files.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// snapshotStore keeps one group's newest snapshot. It implements
// raft.SnapshotStore.
type snapshotStore struct {
	fs  vfs.FS
	dir string

	// received is told of a snapshot that another node has sent, before it counts;
	// nil for nobody.
	received func(content []byte) error
	// repaired is what was wrong with a snapshot that was written again from its copy;
	// nil for none.
	repaired error
	// latest is the index of the newest snapshot, 0 before it was read or written.
	latest atomic.Uint64

	// mu orders creations and the removal of older snapshots.
	mu sync.Mutex
}

var _ raft.SnapshotStore = (*snapshotStore)(nil)

// newSnapshotStore returns the store in dir, which must exist.
func newSnapshotStore(fs vfs.FS, dir string) *snapshotStore {
	return &snapshotStore{fs: fs, dir: dir}
}

// snapshot is a snapshot that has been read.
type snapshot struct {
	meta    raft.SnapshotMeta
	content []byte
}

// names lists the snapshots' files, oldest first.
func (s *snapshotStore) names() ([]string, error) {
	all, err := s.fs.List(s.dir)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	var names []string
	for _, name := range all {
		if strings.HasPrefix(name, snapshotPrefix) {
			names = append(names, name)
		}
	}
	// The names have fixed widths, so their order is that of the indexes.
	slices.Sort(names)
	return names, nil
}

// newest reads the newest snapshot; nil when there is none. A damaged one is a
// *log.CorruptionError: an older one would not do, since the log was cut.
func (s *snapshotStore) newest() (*snapshot, error) {
	names, err := s.names()
	if err != nil || len(names) == 0 {
		return nil, err
	}
	newest, err := s.read(names[len(names)-1])
	if err != nil {
		return nil, err
	}
	s.latest.Store(newest.meta.Index)
	return newest, nil
}

// read reads and verifies a snapshot. One that is damaged is written again from its copy.
func (s *snapshotStore) read(name string) (*snapshot, error) {
	found, err := s.readFile(name)
	var damage *log.CorruptionError
	if err == nil || !errors.As(err, &damage) {
		return found, err
	}
	again, copyErr := s.readFile(copyPrefix + name)
	if copyErr != nil {
		return nil, err
	}
	again.meta.ID = name
	s.mu.Lock()
	s.repaired = err
	s.mu.Unlock()
	return again, s.write(&again.meta, again.content)
}

// readFile reads and verifies a snapshot's file.
func (s *snapshotStore) readFile(name string) (*snapshot, error) {
	path := s.fs.PathJoin(s.dir, name)
	file, err := s.fs.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	data, err := io.ReadAll(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("cluster: reading %s: %w", path, err)
	}
	decoded, err := decodeSnapshot(data)
	if err != nil {
		return nil, &log.CorruptionError{File: path, What: err.Error()}
	}
	decoded.meta.ID = name
	return decoded, nil
}

// encodeSnapshot is the inverse of decodeSnapshot.
func encodeSnapshot(meta *raft.SnapshotMeta, content []byte) []byte {
	configuration := raft.EncodeConfiguration(meta.Configuration)
	data := append([]byte(snapshotMagic), snapshotVersion)
	data = binary.BigEndian.AppendUint64(data, meta.Index)
	data = binary.BigEndian.AppendUint64(data, meta.Term)
	data = binary.BigEndian.AppendUint64(data, meta.ConfigurationIndex)
	for _, part := range [][]byte{configuration, content} {
		data = binary.BigEndian.AppendUint32(data, uint32(len(part)))
		data = append(data, part...)
	}
	return binary.BigEndian.AppendUint32(data, crc32.Checksum(data, castagnoli))
}

// decodeSnapshot decodes a snapshot's file. The content aliases data.
func decodeSnapshot(data []byte) (*snapshot, error) {
	const fixed = len(snapshotMagic) + 1 + 3*8
	if len(data) < fixed+3*4 || string(data[:len(snapshotMagic)]) != snapshotMagic {
		return nil, errors.New("not a snapshot")
	}
	body, sum := data[:len(data)-4], binary.BigEndian.Uint32(data[len(data)-4:])
	if computed := crc32.Checksum(body, castagnoli); computed != sum {
		return nil, fmt.Errorf("snapshot checksum is %08x, stored %08x", computed, sum)
	}
	if version := body[len(snapshotMagic)]; version != snapshotVersion {
		return nil, fmt.Errorf("snapshot has version %d, this program knows %d", version, snapshotVersion)
	}
	fields := body[len(snapshotMagic)+1:]
	s := &snapshot{meta: raft.SnapshotMeta{
		Version:            raft.SnapshotVersionMax,
		Index:              binary.BigEndian.Uint64(fields),
		Term:               binary.BigEndian.Uint64(fields[8:]),
		ConfigurationIndex: binary.BigEndian.Uint64(fields[16:]),
	}}
	configuration, rest, err := cutPart(body[fixed:])
	if err != nil {
		return nil, err
	}
	if s.content, rest, err = cutPart(rest); err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("snapshot has %d bytes behind its content", len(rest))
	}
	if s.meta.Configuration, err = decodeConfiguration(configuration); err != nil {
		return nil, err
	}
	s.meta.Size = int64(len(s.content))
	return s, nil
}

// cutPart splits a part with its length before it from data.
func cutPart(data []byte) (part, rest []byte, err error) {
	if len(data) < 4 {
		return nil, nil, errors.New("snapshot is cut off")
	}
	length := binary.BigEndian.Uint32(data)
	if uint64(length) > uint64(len(data)-4) {
		return nil, nil, fmt.Errorf("snapshot is cut off: %d bytes of %d", len(data)-4, length)
	}
	return data[4 : 4+length], data[4+length:], nil
}

// Create implements raft.SnapshotStore.
func (s *snapshotStore) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration,
	configurationIndex uint64, _ raft.Transport,
) (raft.SnapshotSink, error) {
	return &snapshotSink{store: s, meta: raft.SnapshotMeta{
		Version:            version,
		ID:                 snapshotID(index, term),
		Index:              index,
		Term:               term,
		Configuration:      configuration,
		ConfigurationIndex: configurationIndex,
	}}, nil
}

// List implements raft.SnapshotStore: newest first.
func (s *snapshotStore) List() ([]*raft.SnapshotMeta, error) {
	newest, err := s.newest()
	if err != nil || newest == nil {
		return nil, err
	}
	return []*raft.SnapshotMeta{&newest.meta}, nil
}

// Open implements raft.SnapshotStore.
func (s *snapshotStore) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	opened, err := s.read(id)
	if err != nil {
		return nil, nil, err
	}
	return &opened.meta, io.NopCloser(bytes.NewReader(opened.content)), nil
}

// write puts a snapshot on disk under its name, so that it counts when write
// returns, and removes older ones.
func (s *snapshotStore) write(meta *raft.SnapshotMeta, content []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A file may change what it is given to write (vfs.File), so each has bytes of its own.
	for _, name := range []string{meta.ID, copyPrefix + meta.ID} {
		if err := writeFileAtomically(s.fs, s.dir, snapshotTemporary, name, encodeSnapshot(meta, content)); err != nil {
			return err
		}
	}
	s.latest.Store(meta.Index)
	names, err := s.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if name >= meta.ID {
			continue
		}
		// One that comes back after a crash is older and not looked at.
		for _, file := range []string{name, copyPrefix + name} {
			if err := s.fs.Remove(s.fs.PathJoin(s.dir, file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("cluster: %w", err)
			}
		}
	}
	return nil
}

// rewrite gives the newest snapshot another content, durably, and returns its index;
// that is 0, with no members, when there has been none.
func (s *snapshotStore) rewrite(content []byte) (index uint64, err error) {
	newest, err := s.newest()
	if err != nil {
		return 0, err
	}
	meta := raft.SnapshotMeta{Version: raft.SnapshotVersionMax, ID: snapshotID(0, 0)}
	if newest != nil {
		meta = newest.meta
	}
	// A copy of the former content must not come to stand for this one.
	if err := s.fs.Remove(s.fs.PathJoin(s.dir, copyPrefix+meta.ID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("cluster: %w", err)
	}
	if err := syncDir(s.fs, s.dir); err != nil {
		return 0, err
	}
	return meta.Index, s.write(&meta, content)
}

// snapshotID is the name of a snapshot.
func snapshotID(index, term uint64) string {
	return fmt.Sprintf("%s%016x-%016x", snapshotPrefix, index, term)
}

// snapshotSink collects a snapshot's content. It implements raft.SnapshotSink.
type snapshotSink struct {
	store   *snapshotStore
	meta    raft.SnapshotMeta
	content []byte
	// own tells that this node has made it.
	own  bool
	done bool
	err  error
	// counts is called once the snapshot is durable; nil for none.
	counts func(index uint64)
}

// Write implements io.Writer.
func (s *snapshotSink) Write(p []byte) (int, error) {
	s.content = append(s.content, p...)
	return len(p), nil
}

// ID implements raft.SnapshotSink.
func (s *snapshotSink) ID() string { return s.meta.ID }

// Cancel implements raft.SnapshotSink.
func (s *snapshotSink) Cancel() error {
	s.done = true
	return nil
}

// Close implements raft.SnapshotSink: the snapshot counts from then on. Raft
// may close a sink twice.
func (s *snapshotSink) Close() error {
	if s.done {
		return s.err
	}
	s.done = true
	if !s.own && s.store.received != nil {
		if s.err = s.store.received(s.content); s.err != nil {
			return s.err
		}
	}
	s.err = s.store.write(&s.meta, s.content)
	if s.err == nil && s.counts != nil {
		s.counts(s.meta.Index)
	}
	return s.err
}
