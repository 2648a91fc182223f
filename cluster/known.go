package cluster

import (
	"errors"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/log"
)

// The file MEMBERS says where this node has last known the others to be, so that it finds
// them again when it starts: what its catalog says it knows only when it has a leader. It
// is text, one member a line, with a checksum on the last one.
const (
	knownFile      = "MEMBERS"
	knownTemporary = "MEMBERS.tmp"
	knownHeader    = "millrace members 1\n"
	knownMember    = "node %d %s\n"
)

// encodeKnownMembers returns the file's content for members.
func encodeKnownMembers(members []Member) []byte {
	var text strings.Builder
	text.WriteString(knownHeader)
	for _, m := range members {
		if m.Address != "" {
			fmt.Fprintf(&text, knownMember, m.ID, m.Address)
		}
	}
	sum := fmt.Sprintf(identitySum, crc32.Checksum([]byte(text.String()), castagnoli))
	return []byte(text.String() + sum)
}

// decodeKnownMembers returns addresses by node.
func decodeKnownMembers(data []byte) (map[uint64]string, error) {
	text := string(data)
	end := strings.LastIndexByte(strings.TrimSuffix(text, "\n"), '\n') + 1
	if !strings.HasPrefix(text, knownHeader) ||
		text[end:] != fmt.Sprintf(identitySum, crc32.Checksum(data[:end], castagnoli)) {
		return nil, errors.New("checksum or form is wrong")
	}
	known := map[uint64]string{}
	for line := range strings.Lines(text[len(knownHeader):end]) {
		var node uint64
		var address string
		if _, err := fmt.Sscanf(line, knownMember, &node, &address); err != nil {
			return nil, fmt.Errorf("a line is malformed: %q", line)
		}
		known[node] = address
	}
	return known, nil
}

// readKnownMembers reads the file; there are none where it is missing.
func readKnownMembers(fsys vfs.FS, dir string) (map[uint64]string, error) {
	path := fsys.PathJoin(dir, knownFile)
	data, found, err := readIfThere(fsys, path)
	if err != nil || !found {
		return nil, err
	}
	known, err := decodeKnownMembers(data)
	if err != nil {
		return nil, &log.CorruptionError{File: path, What: err.Error()}
	}
	return known, nil
}
