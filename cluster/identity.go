package cluster

import (
	"errors"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/log"
)

// identity is what the file NODE says. It is written when the write-ahead log has
// something of every group of a new node, so a folder that has it must have them.
type identity struct {
	node   uint64
	shards int
	// cluster names the cluster: 32 hexadecimal digits, drawn when it was made.
	cluster string
}

const (
	identityFile      = "NODE"
	identityTemporary = "NODE.tmp"
	identityFormat    = "millrace 2\nnode %d\nshards %d\ncluster %s\n"
	identitySum       = "crc %08x\n"
)

// encode returns the file's content: text, with a checksum on the last line.
func (id identity) encode() []byte {
	text := fmt.Sprintf(identityFormat, id.node, id.shards, id.cluster)
	return []byte(text + fmt.Sprintf(identitySum, crc32.Checksum([]byte(text), castagnoli)))
}

// decodeIdentity is the inverse of encode.
func decodeIdentity(data []byte) (identity, error) {
	var id identity
	if _, err := fmt.Sscanf(string(data), identityFormat, &id.node, &id.shards, &id.cluster); err != nil {
		return id, errors.New("not the identity of a node of this version")
	}
	if string(id.encode()) != string(data) || id.shards < 1 || id.shards > maxShards {
		return id, fmt.Errorf("checksum or form is wrong: %q", strings.TrimSpace(string(data)))
	}
	return id, nil
}

// readIdentity reads a folder's identity; found is false for a new folder.
func readIdentity(fsys vfs.FS, dir string) (id identity, found bool, err error) {
	path := fsys.PathJoin(dir, identityFile)
	data, found, err := readIfThere(fsys, path)
	if err != nil || !found {
		return identity{}, false, err
	}
	if id, err = decodeIdentity(data); err != nil {
		return identity{}, false, &log.CorruptionError{File: path, What: err.Error()}
	}
	return id, true, nil
}

// write makes the identity durable.
func (id identity) write(fsys vfs.FS, dir string) error {
	return writeFileAtomically(fsys, dir, identityTemporary, identityFile, id.encode())
}
