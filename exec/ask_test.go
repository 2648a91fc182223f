package exec

import (
	"errors"
	"fmt"
	"testing"

	"millrace/sql/sqlerr"
)

// TestFailuresKeepTheirFields sends errors as one node does to another.
func TestFailuresKeepTheirFields(t *testing.T) {
	coded := sqlerr.New(sqlerr.UniqueViolation, 17, "duplicate key").WithDetail("Key (a)=(1) already exists.").WithHint("Use ON CONFLICT.")
	coded.Schema, coded.Table, coded.Constraint = "public", "t", "t_pkey"
	got := sqlerr.From(decodeFailure(appendFailure(nil, fmt.Errorf("around: %w", coded))))
	if got.Code != coded.Code || got.Message != coded.Message || got.Detail != coded.Detail || got.Hint != coded.Hint ||
		got.Position != 17 || got.Schema != "public" || got.Table != "t" || got.Constraint != "t_pkey" {
		t.Errorf("%+v came back as %+v", coded, got)
	}
	for _, kind := range []error{ErrNotLeader, ErrConflict, ErrChanged, ErrStopped} {
		err := decodeFailure(appendFailure(nil, fmt.Errorf("why: %w", kind)))
		if !errors.Is(err, kind) || !isAnswer(err) || errors.Is(err, ErrUnreachable) {
			t.Errorf("%v came back as %v", kind, err)
		}
	}
	if err := decodeFailure(appendFailure(nil, Changed())); !errors.Is(err, ErrChanged) || sqlerr.CodeOf(err) != sqlerr.SerializationFailure {
		t.Errorf("a changed relation came back as %v", err)
	}
}

func FuzzDecodeFailure(f *testing.F) {
	f.Add(appendFailure(nil, Changed()))
	f.Add([]byte{1, 1, 0, 200})
	f.Fuzz(func(t *testing.T, data []byte) {
		if decodeFailure(data) == nil {
			t.Error("an encoded error came back as none")
		}
	})
}
