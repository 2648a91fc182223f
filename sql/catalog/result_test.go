package catalog

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestResultsKeepTheirFields encodes and decodes the result of a command.
func TestResultsKeepTheirFields(t *testing.T) {
	want := Result{
		Version: 1, Created: []ObjectID{2, 3}, Dropped: []ObjectID{4}, First: -5, Count: 6, Increment: -7, Epoch: 8,
		Notices: []Notice{{Code: "00000", Message: "m", Detail: "d", Hint: "h"}},
	}
	encoded, err := EncodeResult(&want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeResult(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
