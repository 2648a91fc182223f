package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/log"
	"millrace/tables"
)

// seedImport has the keys of a copy that have come, on disk beside the store. They outlive
// their source and this node's process.
//
// Invariants:
//
//   - They are all keys of the shard up to the last one, each as of some state between
//     since and newest: a copy that goes on with another state leaves those that it has.
//   - All that entries do to keys is to set and to delete them, whatever they were. So
//     when the writes of all entries behind since, up to newest, have been given to them in
//     order, they are as of newest. The log has these entries, since a replica that is not
//     whole keeps what is behind seedMark.state, and since is not before that.
//   - The file that says since and newest is durable before any key of theirs is.
type seedImport struct {
	*tables.Import
	fs            vfs.FS
	dir           string
	since, newest uint64
}

// The file of the states, in the folder of the keys:
//
//	| "MRKEYS" | version u8 (1) | since u64 | newest u64 | crc-32c u32 of everything before |
const (
	seedImportMagic     = "MRKEYS"
	seedImportVersion   = 1
	seedImportFile      = "states"
	seedImportTemporary = "states.tmp"
	seedImportLength    = len(seedImportMagic) + 1 + 8 + 8 + 4
)

// importDir is the folder of the keys, in the shard's.
const importDir = "import"

// newSeedImport begins with a state, without keys.
func newSeedImport(store *tables.Store, m *machine, state uint64) (*seedImport, error) {
	fs := m.partitions.options.FS
	k := &seedImport{fs: fs, dir: fs.PathJoin(m.partitions.options.Dir, importDir), since: state, newest: state}
	var err error
	if k.Import, err = store.NewImport(uint32(m.shard), k.dir); err != nil {
		return nil, err
	}
	return k, k.write()
}

// resumeSeedImport returns the keys that an earlier life of this node, or of its receiver,
// has left; nil when there are none that the log can bring up to date from a state on.
func resumeSeedImport(store *tables.Store, m *machine, least uint64) (*seedImport, error) {
	fs := m.partitions.options.FS
	k := &seedImport{fs: fs, dir: fs.PathJoin(m.partitions.options.Dir, importDir)}
	data, found, err := readIfThere(fs, fs.PathJoin(k.dir, seedImportFile))
	if err != nil || !found || !k.decode(data) || k.since < least {
		return nil, err
	}
	k.Import, err = store.ResumeImport(uint32(m.shard), k.dir)
	if err != nil {
		return nil, err
	}
	return k, nil
}

// extend notes that keys of a later state follow.
func (k *seedImport) extend(state uint64) error {
	k.newest = state
	return k.write()
}

// write makes the states durable.
func (k *seedImport) write() error {
	return writeFileAtomically(k.fs, k.dir, seedImportTemporary, seedImportFile, k.encode())
}

// encode returns the content of the file of the states.
func (k *seedImport) encode() []byte {
	data := append([]byte(seedImportMagic), seedImportVersion)
	data = binary.BigEndian.AppendUint64(data, k.since)
	data = binary.BigEndian.AppendUint64(data, k.newest)
	return binary.BigEndian.AppendUint32(data, crc32.Checksum(data, castagnoli))
}

// decode reads the states, and tells whether it can.
func (k *seedImport) decode(data []byte) bool {
	if len(data) != seedImportLength || string(data[:len(seedImportMagic)]) != seedImportMagic || data[len(seedImportMagic)] != seedImportVersion {
		return false
	}
	body, sum := data[:len(data)-4], binary.BigEndian.Uint32(data[len(data)-4:])
	states := body[len(seedImportMagic)+1:]
	k.since, k.newest = binary.BigEndian.Uint64(states), binary.BigEndian.Uint64(states[8:])
	return sum == crc32.Checksum(body, castagnoli)
}

// finish makes the keys, as of their newest state, the shard's, durably. They are gone
// after an error.
func (k *seedImport) finish(ctx context.Context, store *tables.Store, m *machine) error {
	if err := k.Finish(ctx, k.since); err != nil {
		return errors.Join(err, k.Close())
	}
	if k.since == k.newest {
		return nil
	}
	if err := m.writeAgain(ctx, k.since, k.newest); err != nil {
		return err
	}
	return store.Flush(ctx)
}

// writeAgain gives the key-value store the writes of the entries behind a state up to
// another one, which have been committed. Nothing else may be applied meanwhile.
func (m *machine) writeAgain(ctx context.Context, state, until uint64) error {
	newest, err := m.snapshots.newest()
	if err != nil {
		return err
	}
	base := machineBase{index: state, state: state}
	if newest != nil {
		// Up to the snapshot no entry has taken effect that is not part of the state.
		base.index = max(base.index, newest.meta.Index)
	}
	state, err = m.replay(base, until, func(index uint64, entry *log.Entry) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return m.write(index, entry.Writes)
	})
	if err != nil {
		return fmt.Errorf("cluster: writing what a copy lacks: %w", err)
	}
	if state != until {
		return fmt.Errorf("cluster: the log leads a copy to index %d, not to %d", state, until)
	}
	return nil
}
