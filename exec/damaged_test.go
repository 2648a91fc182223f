package exec

import (
	"errors"
	"fmt"
	"testing"

	"millrace/log"
	"millrace/sql/sqlerr"
	"millrace/tables"
)

// TestDamageHasItsCode: damage is told apart from a disk that cannot be read, in the log as
// in the key-value store.
func TestDamageHasItsCode(t *testing.T) {
	cause := errors.New("a cause")
	for _, test := range []struct {
		err  error
		want sqlerr.Code
	}{
		{&log.CorruptionError{File: "f"}, sqlerr.DataCorrupted},
		{fmt.Errorf("tables: get: %w", &tables.CorruptionError{File: "f", Err: cause}), sqlerr.DataCorrupted},
		{tables.ErrReplaced, sqlerr.SerializationFailure},
		{cause, sqlerr.IOError},
	} {
		if got := sqlerr.CodeOf(damaged(test.err)); got != test.want {
			t.Errorf("%v: %s, want %s", test.err, got, test.want)
		}
	}
}
