package plan

import "fmt"

// Recursive is a recursive UNION: the rows of First, then those that Step gives for
// them, then those that it gives for these, until it gives none. Without All, only rows
// that are equal to no earlier one count. Pull queries only.
type Recursive struct {
	Base
	// Number is what LastRows below Step name it by: each Recursive of a statement has
	// its own.
	Number      int
	All         bool
	First, Step Node
}

// LastRows are, below the Step of the Recursive with its number, the rows that were
// found last.
type LastRows struct {
	Base
	Number int
}

// Inputs implements Node.
func (n *Recursive) Inputs() []Node { return []Node{n.First, n.Step} }

// Inputs implements Node.
func (*LastRows) Inputs() []Node { return nil }

func describeRecursive(n *Recursive) string {
	if n.All {
		return fmt.Sprintf("Recursive union all %d", n.Number)
	}
	return fmt.Sprintf("Recursive union %d", n.Number)
}

func describeLastRows(n *LastRows) string {
	return fmt.Sprintf("Last rows of recursive union %d (%s)", n.Number, names(n.Cols))
}
