package exec

import (
	"crypto/sha256"

	"millrace/planner/plan"
	"millrace/sql/types"
)

// What operators tell the rows of their input apart by, so that a row's retraction
// finds it.

// rowIdentity returns the columns that tell a node's rows apart: its key's, or nil
// where it has none.
func rowIdentity(node plan.Node) []int {
	properties := node.Props()
	if properties.Kind != plan.Keyed {
		return nil
	}
	return append([]int{}, properties.Key...) // not nil for a result of one row
}

// appendRowIdentity appends what tells row i of a batch apart from others: the
// values of the given columns or, where these are nil, a hash of the encoded row.
func appendRowIdentity(buf []byte, in *types.Batch, i int, columns []int, encoded []byte) []byte {
	if columns != nil {
		return appendColumnsKey(buf, in, columns, i)
	}
	sum := sha256.Sum256(encoded)
	return append(buf, sum[:16]...)
}
