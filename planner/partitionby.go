package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
)

// PARTITION BY: the rows of a stream that a query makes go to the partition of the
// hash of some expressions, NULL being a value like others. Expressions that are in
// the SELECT list become the KEY of the stream; others place its rows without being
// stored. PARTITION BY NULL makes a stream without KEY, and moves no row.

// bindPartitionBy finds the output columns by which rows are placed.
func (sb *selectBinder) bindPartitionBy() error {
	list := sb.ast.PartitionBy
	if len(list) == 0 {
		return nil
	}
	if sb.mode != modeContinuous || sb.depth > 1 {
		return notSupported(list[0].Pos(), "PARTITION BY is only supported in CREATE STREAM … AS")
	}
	if _, isNull := list[0].(*ast.NullLiteral); isNull && len(list) == 1 {
		sb.keyless = true
		return nil
	}
	if row, ok := list[0].(*ast.Row); ok && len(list) == 1 && !row.Explicit {
		list = row.Elements // a list in parentheses
	}
	for _, e := range list {
		column, err := sb.outputColumn(e, "PARTITION BY")
		if err != nil {
			return err
		}
		t := sb.output[column].value.Type()
		if err := checkEquality(t, e.Pos()); err != nil {
			return err
		}
		if !slices.Contains(sb.placing, column) {
			sb.placing = append(sb.placing, column)
		}
	}
	return nil
}

// partitionBy moves the rows of the block's result to the partitions of PARTITION BY.
func (sb *selectBinder) partitionBy(bound *boundQuery) (*boundQuery, error) {
	list := sb.ast.PartitionBy
	if len(list) == 0 {
		return bound, nil
	}
	have := bound.node.Props()
	if have.Kind != plan.AppendOnly {
		return nil, notSupported(list[0].Pos(), "PARTITION BY is only supported over a stream")
	}
	if sb.keyless || have.Partitions == sb.partitions && slices.Equal(have.Partitioning, sb.placing) {
		return bound, nil
	}
	return &boundQuery{node: newShuffle(bound.node, sb.placing, sb.partitions), visible: bound.visible}, nil
}
