package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/log"
)

// seedMark says that a replica is not whole: what it has of the shard is damaged, or
// older than what its log begins with, and has to be copied from another replica. It
// is a file in the shard's folder from before anything is given up until the replica
// is whole again.
//
//	| "MRSEED" | version u8 (1) | state index u64 |
//	| length u32 · reason | length u32 · shard's state (shardstate.go) | crc-32c u32 of everything before |
type seedMark struct {
	// state is the least state index that a copy must have: the replica's log has
	// what follows.
	state uint64
	// reason is for operators.
	reason string
	// partitions are those of which a part is known to be right and synced, with
	// the ends of these parts: a copy goes on behind them.
	partitions []partitionState
}

const (
	seedMarkMagic     = "MRSEED"
	seedMarkVersion   = 1
	seedMarkFile      = "seed"
	seedMarkTemporary = "seed.tmp"
)

// encode returns the file's content.
func (m *seedMark) encode() []byte {
	data := append([]byte(seedMarkMagic), seedMarkVersion)
	data = binary.BigEndian.AppendUint64(data, m.state)
	have := shardState{partitions: m.partitions}
	for _, part := range [][]byte{[]byte(m.reason), have.encode(nil)} {
		data = binary.BigEndian.AppendUint32(data, uint32(len(part)))
		data = append(data, part...)
	}
	return binary.BigEndian.AppendUint32(data, crc32.Checksum(data, castagnoli))
}

// decodeSeedMark is the inverse of encode.
func decodeSeedMark(data []byte) (*seedMark, error) {
	const fixed = len(seedMarkMagic) + 1 + 8
	if len(data) < fixed+4 || string(data[:len(seedMarkMagic)]) != seedMarkMagic {
		return nil, errors.New("not the mark of a replica that is to be seeded")
	}
	body, sum := data[:len(data)-4], binary.BigEndian.Uint32(data[len(data)-4:])
	if computed := crc32.Checksum(body, castagnoli); computed != sum {
		return nil, fmt.Errorf("the checksum is %08x, stored %08x", computed, sum)
	}
	if version := body[len(seedMarkMagic)]; version != seedMarkVersion {
		return nil, fmt.Errorf("the mark has version %d, this program knows %d", version, seedMarkVersion)
	}
	m := &seedMark{state: binary.BigEndian.Uint64(body[len(seedMarkMagic)+1:])}
	reason, rest, err := cutPart(body[fixed:])
	if err != nil {
		return nil, err
	}
	have, rest, err := cutPart(rest)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("the mark has %d bytes behind its end", len(rest))
	}
	state, err := decodeShardState(have)
	if err != nil {
		return nil, err
	}
	m.reason, m.partitions = string(reason), state.partitions
	return m, nil
}

// readSeedMark reads the mark in a shard's folder; nil when there is none.
func readSeedMark(fsys vfs.FS, dir string) (*seedMark, error) {
	path := fsys.PathJoin(dir, seedMarkFile)
	data, found, err := readIfThere(fsys, path)
	if err != nil || !found {
		return nil, err
	}
	m, err := decodeSeedMark(data)
	if err != nil {
		return nil, &log.CorruptionError{File: path, What: err.Error()}
	}
	return m, nil
}

// write makes the mark durable.
func (m *seedMark) write(fsys vfs.FS, dir string) error {
	return writeFileAtomically(fsys, dir, seedMarkTemporary, seedMarkFile, m.encode())
}

// removeSeedMark durably removes the mark of a shard's folder.
func removeSeedMark(fsys vfs.FS, dir string) error {
	if err := fsys.Remove(fsys.PathJoin(dir, seedMarkFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cluster: %w", err)
	}
	return syncDir(fsys, dir)
}
