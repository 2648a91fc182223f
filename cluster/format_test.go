package cluster

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"

	"github.com/hashicorp/raft"

	"millrace/log"
)

// The bytes on disk, as docs/formats.md draws them. A change of these breaks
// existing data folders.
func TestFormatsStayAsTheyAre(t *testing.T) {
	if got, want := string(identity{node: 1, shards: 8, cluster: "00112233445566778899aabbccddeeff"}.encode()), "millrace 2\nnode 1\nshards 8\ncluster 00112233445566778899aabbccddeeff\ncrc b63e7323\n"; got != want {
		t.Errorf("identity %q, want %q", got, want)
	}
	state := shardState{stateIndex: 300, partitions: []partitionState{{
		object: 0x4000, created: 0x17,
		end: log.SyncedEnd{StartOffset: 1, NextOffset: 1000, SegmentBase: 900, SegmentBytes: 4096},
	}}}
	if got, want := hex.EncodeToString(state.encode(nil)), "01ac02018080011701e80784078020"; got != want {
		t.Errorf("state of a shard %s, want %s", got, want)
	}
	keys := seedImport{since: 0x102, newest: 0x103}
	wantKeys := "4d524b455953" + "01" + "0000000000000102" + "0000000000000103" + "1023f399"
	if got := hex.EncodeToString(keys.encode()); got != wantKeys {
		t.Errorf("states of copied keys %s, want %s", got, wantKeys)
	}
	meta := raft.SnapshotMeta{
		Index: 0x102, Term: 3, ConfigurationIndex: 1,
		Configuration: raft.Configuration{Servers: []raft.Server{{ID: "1", Address: "node-1"}}},
	}
	got := encodeSnapshot(&meta, []byte("content"))
	want := "4d52534e4150534801000000000000010200000000000000030000000000000001" +
		"0000002981a7536572766572739183a741646472657373a66e6f64652d31a24944a131a8537566667261676500" +
		"00000007636f6e74656e742dbcc649"
	if hex.EncodeToString(got) != want {
		t.Errorf("snapshot %x, want %s", got, want)
	}
	decoded, err := decodeSnapshot(got)
	if err != nil || string(decoded.content) != "content" || decoded.meta.Index != 0x102 || decoded.meta.Term != 3 ||
		!reflect.DeepEqual(decoded.meta.Configuration, meta.Configuration) {
		t.Errorf("%+v, %v", decoded, err)
	}
	for i := range got {
		damaged := bytes.Clone(got)
		damaged[i] ^= 1
		if _, err := decodeSnapshot(damaged); err == nil {
			t.Errorf("byte %d: damage was not found", i)
		}
		if _, err := decodeSnapshot(got[:i]); err == nil {
			t.Errorf("a snapshot of %d bytes was taken for whole", i)
		}
	}
}
