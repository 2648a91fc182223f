package cluster

import (
	"encoding/binary"
	"hash/crc32"
	"reflect"
	"testing"

	"github.com/hashicorp/raft"
)

// FuzzDecodeSnapshot decodes snapshots whose checksums are right whatever they have, and the
// configurations that other nodes send.
func FuzzDecodeSnapshot(f *testing.F) {
	configuration := raft.Configuration{Servers: []raft.Server{{ID: "1", Address: "a:1"}, {Suffrage: raft.Nonvoter, ID: "2", Address: "b:2"}}}
	whole := encodeSnapshot(&raft.SnapshotMeta{Index: 5, Term: 2, Configuration: configuration, ConfigurationIndex: 3}, []byte("content"))
	f.Add(whole[:len(whole)-4])
	f.Add(raft.EncodeConfiguration(configuration))
	f.Fuzz(func(t *testing.T, data []byte) {
		summed := binary.BigEndian.AppendUint32(append([]byte{}, data...), crc32.Checksum(data, castagnoli))
		if s, err := decodeSnapshot(summed); err == nil {
			again, err := decodeSnapshot(encodeSnapshot(&s.meta, s.content))
			if err != nil || !reflect.DeepEqual(s.meta, again.meta) || string(s.content) != string(again.content) {
				t.Errorf("%+v became %+v, %v", s, again, err)
			}
		}
		if c, err := decodeConfiguration(data); err == nil {
			if again, err := decodeConfiguration(raft.EncodeConfiguration(c)); err != nil || !reflect.DeepEqual(c, again) {
				t.Errorf("%+v became %+v, %v", c, again, err)
			}
		}
	})
}
