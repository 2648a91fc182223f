package cluster

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawCommand draws a command of the cluster's own.
func drawCommand(t *rapid.T) memberCommand {
	node := rapid.Uint64Range(0, 5)
	text := rapid.SampledFrom([]string{"", "a:1", "b:1", "c:1"})
	at := time.UnixMilli(rapid.Int64Range(1, 1<<40).Draw(t, "time")).UTC()
	member := Member{
		ID: node.Draw(t, "id"), Address: text.Draw(t, "address"), Locality: text.Draw(t, "locality"),
		Version: text.Draw(t, "version"), State: MemberState(rapid.IntRange(1, 4).Draw(t, "state")), Since: at, Joined: at,
	}
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return foundCommand{clusterID: text.Draw(t, "cluster"), replication: 3, first: member}
	case 1, 2, 3:
		return joinCommand{node: member, instead: node.Draw(t, "instead")}
	case 4:
		return describeCommand{node: node.Draw(t, "node"), address: member.Address, locality: "x", version: "y"}
	case 5:
		return replicationCommand{replication: rapid.IntRange(0, 11).Draw(t, "replication")}
	case 6:
		p := pin{leader: node.Draw(t, "leader")}
		for range rapid.IntRange(0, 3).Draw(t, "voters") {
			p.voters = append(p.voters, node.Draw(t, "voter"))
		}
		return pinCommand{shard: rapid.IntRange(0, 3).Draw(t, "shard"), pin: p}
	case 7:
		return recoverCommand{clusterID: text.Draw(t, "cluster"), node: rapid.Uint64Range(1, 5).Draw(t, "survivor"), since: at}
	}
	return stateCommand{node: node.Draw(t, "node"), state: member.State, since: at, gone: rapid.Bool().Draw(t, "gone")}
}

// TestMembershipKeepsItsInvariants: whatever commands come, numbers are given once,
// addresses are of one member, somebody runs, and the encodings say it all.
func TestMembershipKeepsItsInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMilli(1000).UTC()
		found := foundCommand{clusterID: "c", replication: 3, first: Member{ID: 1, Address: "a:1", Since: at, Joined: at}}
		m, _, err := found.apply(&membership{next: 1})
		if err != nil {
			t.Fatal(err)
		}
		given := map[uint64]bool{1: true}
		for range rapid.IntRange(0, 30).Draw(t, "commands") {
			command := drawCommand(t)
			decoded, err := decodeMemberCommand(command.appendTo(nil))
			if err != nil || !reflect.DeepEqual(decoded, command) {
				t.Fatalf("%+v became %+v: %v", command, decoded, err)
			}
			before := m.encode(nil)
			after, id, err := decoded.apply(m)
			if !bytes.Equal(m.encode(nil), before) {
				t.Fatalf("%+v changed the membership before it", command)
			}
			if err != nil {
				continue
			}
			if _, joins := command.(joinCommand); joins {
				if again, _ := m.member(id); given[id] && again.State != Joining {
					t.Fatalf("number %d was given twice", id)
				}
				given[id] = true
			}
			m = after
			verifyMembership(t, m)
		}
	})
}

// verifyMembership verifies a membership's invariants and its encoding.
func verifyMembership(t *rapid.T, m *membership) {
	addresses := map[string]bool{}
	for i, member := range m.members {
		if i > 0 && m.members[i-1].ID >= member.ID || member.ID >= m.next {
			t.Fatalf("numbers are out of order: %+v", m)
		}
		if member.Address != "" && addresses[member.Address] {
			t.Fatalf("two members have one address: %+v", m)
		}
		addresses[member.Address] = true
	}
	if !m.runs() {
		t.Fatalf("nobody runs: %+v", m)
	}
	for _, p := range m.pins {
		for _, id := range append(p.voters, p.leader) {
			if id != 0 && m.find(id) < 0 {
				t.Fatalf("a pin names node %d: %+v", id, m)
			}
		}
	}
	data := m.encode(nil)
	decoded, err := decodeMembership(data)
	if err != nil || !reflect.DeepEqual(decoded, m) {
		t.Fatalf("%+v became %+v: %v", m, decoded, err)
	}
}

// The bytes of a membership, as docs/formats.md draws them.
func TestMembershipFormatStaysAsItIs(t *testing.T) {
	m := membership{
		clusterID: "c", replication: 3, next: 3,
		members: []Member{{
			ID: 2, Address: "h:1", Locality: "z=1", Version: "v", State: Draining,
			Since: time.UnixMilli(300).UTC(), Joined: time.UnixMilli(1).UTC(),
		}},
		pins: map[int]pin{1: {leader: 2, voters: []uint64{2}}},
	}
	if got, want := hex.EncodeToString(m.encode(nil)), "0101630303010203683a31037a3d31017603ac02010101020102"; got != want {
		t.Errorf("membership %s, want %s", got, want)
	}
}

func TestKnownMembersAreVerified(t *testing.T) {
	data := encodeKnownMembers([]Member{{ID: 1, Address: "10.0.0.1:5440"}, {ID: 3}, {ID: 7, Address: "[::1]:5440"}})
	known, err := decodeKnownMembers(data)
	if err != nil || !reflect.DeepEqual(known, map[uint64]string{1: "10.0.0.1:5440", 7: "[::1]:5440"}) {
		t.Fatalf("%v, %v", known, err)
	}
	for i := range data {
		damaged := bytes.Clone(data)
		damaged[i] ^= 1
		if known, err := decodeKnownMembers(damaged); err == nil {
			t.Errorf("byte %d: damage was not found: %v", i, known)
		}
		if _, err := decodeKnownMembers(data[:i]); err == nil {
			t.Errorf("%d bytes were taken for whole", i)
		}
	}
}

// FuzzDecodeMembers: whatever bytes come from disk or from other nodes, decoding ends with
// a value or an error.
func FuzzDecodeMembers(f *testing.F) {
	f.Add(joinCommand{node: Member{Address: "a:1"}}.appendTo(nil))
	f.Add((&membership{clusterID: "c", next: 2, members: []Member{{ID: 1}}}).encode(nil))
	f.Add(encodeKnownMembers([]Member{{ID: 1, Address: "a:1"}}))
	f.Add(joinAnswer{node: 1, shards: 8, members: &membership{}}.encode(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := decodeMembership(data); err == nil {
			if again, err := decodeMembership(m.encode(nil)); err != nil || !reflect.DeepEqual(m, again) {
				t.Fatalf("%+v became %+v: %v", m, again, err)
			}
		}
		_, _ = decodeMemberCommand(data)
		_, _ = decodeKnownMembers(data)
		_, _ = decodeJoinAnswer(data)
		_, _ = verdictOf(data)
	})
}
