package session

import (
	"context"
	"fmt"

	"millrace/exec"
	"millrace/planner/plan"
	"millrace/sql/types"
)

// modify is UPDATE, DELETE and TRUNCATE.
func (s *Session) modify(ctx context.Context, p *portal, n *plan.Modify, immediate bool) (string, error) {
	if err := s.requireWritable(n.Tag); err != nil {
		return "", err
	}
	if err := s.options.Backend.Alive(); err != nil {
		return "", err
	}
	c, err := s.carryOut(ctx, immediate, func() (*changes, error) {
		all := &changes{}
		for i := range n.Parts {
			if err := s.modifyPart(ctx, &n.Parts[i], p.params, all); err != nil {
				return nil, err
			}
		}
		return all, nil
	})
	if err != nil {
		return "", err
	}
	if err := s.restartSequences(n.Restart, immediate); err != nil {
		return "", err
	}
	tag := n.Tag
	if !n.Uncounted {
		tag = fmt.Sprintf("%s %d", n.Tag, c.count)
	}
	p.returnRows(tag, c.returned)
	return tag, nil
}

// returnRows makes the rows of RETURNING, where there are any, the portal's.
func (p *portal) returnRows(tag string, returned *types.Batch) {
	if returned == nil {
		return
	}
	p.tag = tag
	p.rows = &source{cursor: &fixedRows{batch: returned}}
}

// modifyPart gathers what is done to one table.
func (s *Session) modifyPart(ctx context.Context, part *plan.ModifyPart, params []types.Datum, all *changes) error {
	rows, err := s.queryToWrite(ctx, part.Source, params)
	if err != nil {
		return err
	}
	defer rows.close()
	before, after := newTargetBatch(part.Target), newTargetBatch(part.Target)
	if part.Returning {
		all.returned = &types.Batch{}
		for _, c := range part.ReturningColumns() {
			all.returned.Columns = append(all.returned.Columns, types.Vector{Type: c.Type})
		}
	}
	width := len(part.Target.Columns)
	seen := map[string]bool{}
	var key []byte
	for {
		ok, err := rows.fill(ctx)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		batch, from, to := rows.take(0)
		var selection []int32
		for i := from; i < to; i++ {
			key = rowKey(key[:0], part.Target, batch, i)
			if !seen[string(key)] && !s.touched(part.Target, batch, i) {
				seen[string(key)] = true
				selection = append(selection, int32(i))
			}
		}
		appendColumns(before, batch.Columns[:width], selection)
		if part.Update {
			appendColumns(after, batch.Columns[width:2*width], selection)
		}
		if part.Returning {
			appendColumns(all.returned, batch.Columns[part.Width():], selection)
		}
	}
	all.count += before.Len
	if !part.Update {
		all.rows = append(all.rows, nonEmpty(exec.Rows{Relation: part.Target, Operation: exec.OperationDelete, Batch: before})...)
		return nil
	}
	if err := s.checkRows(part.Target, part.Checks, after); err != nil {
		return err
	}
	operations, err := s.updates(ctx, part.Target, before, after)
	all.rows = append(all.rows, operations...)
	return err
}

// appendColumns copies the selected rows of some columns into a batch.
func appendColumns(to *types.Batch, columns []types.Vector, selection []int32) {
	for i := range to.Columns {
		to.Columns[i].AppendRows(&columns[i], selection)
	}
	to.Len += len(selection)
}
