package catalog

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOnce applies commands several times, also behind a restart: they do once what they do.
func TestOnce(t *testing.T) {
	s, _, err := Apply(&Snapshot{}, &Bootstrap{ClusterID: "once", Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	apply := func(id byte, command Command) (Result, error) {
		encoded, err := EncodeCommand(&Once{ID: [16]byte{id}, Command: command})
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := DecodeCommand(encoded)
		if err != nil {
			t.Fatal(err)
		}
		next, result, err := Apply(s, decoded)
		if err == nil {
			s = next
		}
		return result, err
	}
	create := &CreateSchema{Name: "a"}
	first, err := apply(1, create)
	if err != nil {
		t.Fatal(err)
	}
	again, err := apply(1, create)
	if diff := cmp.Diff(first, again); err != nil || diff != "" {
		t.Error(diff, err)
	}
	if _, err := apply(2, create); err == nil {
		t.Error("another command made the schema again")
	}
	encoded, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if s, err = DecodeSnapshot(encoded); err != nil {
		t.Fatal(err)
	}
	again, err = apply(1, create)
	if diff := cmp.Diff(first, again); err != nil || diff != "" {
		t.Error(diff, err)
	}
	for i := range maxDone + 5 {
		next, _, err := Apply(s, &Once{ID: [16]byte{0, byte(i), byte(i >> 8)}, Command: &ReserveRowIDs{Count: 1}})
		if err != nil {
			t.Fatal(err)
		}
		s = next
	}
	if len(s.done) != maxDone {
		t.Errorf("%d commands are remembered", len(s.done))
	}
}
