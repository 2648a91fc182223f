package plan

import (
	"fmt"
	"strings"

	"millrace/sql/expr"
	"millrace/sql/types"
)

// Over computes window functions: the rows of its input, with a column behind theirs
// for each call. Rows with equal PartitionBy columns are a partition, whose rows the
// calls see in Order. Rows that the order does not tell apart are in any order where
// the query runs once, and in that of what tells the input's rows apart where the
// result is kept up to date.
type Over struct {
	Base
	Input       Node
	PartitionBy []int
	// Order is the order; its expressions are columns.
	Order []SortKey
	Calls []OverCall
}

// OverCall is one call of a window function, or of an aggregate over a frame.
type OverCall struct {
	// Name is the function's. Func is the aggregate, nil for a window function.
	Name   string
	Func   *expr.Aggregate
	Args   []expr.Expr
	Filter expr.Expr
	Type   types.Type
	Frame  Frame
	Pos    int
}

// FrameMode is the unit of a frame.
type FrameMode uint8

// The units of frames: rows with equal order are peers, and RANGE here is only between
// bounds without offsets.
const (
	FrameRange FrameMode = iota
	FrameRows
	FrameGroups
)

// FrameBound is an end of a frame: how many rows or groups behind the current one
// (before it where negative), or Unbounded on its side.
type FrameBound struct {
	Unbounded bool
	Offset    int64
}

// Frame is which rows of its partition a call sees.
type Frame struct {
	Mode       FrameMode
	Start, End FrameBound
}

// Inputs implements Node.
func (n *Over) Inputs() []Node { return []Node{n.Input} }

func describeOver(n *Over) string {
	columns := n.Input.Columns()
	calls := make([]string, len(n.Calls))
	for i := range n.Calls {
		call := &n.Calls[i]
		args := exprList(call.Args, columns)
		if call.Func != nil && len(call.Args) == 0 {
			args = "*"
		}
		calls[i] = call.Name + "(" + args + ")"
		if call.Filter != nil {
			calls[i] += " where " + ExprString(call.Filter, columns)
		}
		calls[i] += call.Frame.describe(call)
	}
	text := "Window functions " + strings.Join(calls, ", ")
	if len(n.PartitionBy) > 0 {
		text += " of each (" + columnList(n.PartitionBy, n.Cols) + ")"
	}
	if len(n.Order) > 0 {
		text += " by " + sortKeys(n.Order, columns)
	}
	return text
}

// describe tells a frame that is not the usual one.
func (f *Frame) describe(call *OverCall) string {
	usual := Frame{Mode: FrameRange, Start: FrameBound{Unbounded: true}}
	if !call.Framed() || *f == usual {
		return ""
	}
	bound := func(b FrameBound, side string) string {
		switch {
		case b.Unbounded:
			return "unbounded " + side
		case b.Offset == 0:
			return "current row"
		case b.Offset < 0:
			return fmt.Sprintf("%d preceding", -b.Offset)
		default:
			return fmt.Sprintf("%d following", b.Offset)
		}
	}
	return fmt.Sprintf(" over %s from %s to %s", []string{"range", "rows", "groups"}[f.Mode], bound(f.Start, "preceding"), bound(f.End, "following"))
}

// Framed reports whether a call depends on its frame.
func (c *OverCall) Framed() bool {
	switch c.Name {
	case "first_value", "last_value", "nth_value":
		return true
	default:
		return c.Func != nil
	}
}
