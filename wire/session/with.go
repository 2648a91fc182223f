package session

import (
	"context"
	"fmt"

	"millrace/exec"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/types"
)

// A statement with others in WITH that change data is carried out as one: all
// read what was there at its beginning, each runs once, and what they do becomes
// one write. They run one after the other, those whose rows the statement reads
// before it, the others behind it from the last to the first, as PostgreSQL ends
// them. Keys are looked for among the rows as the earlier ones leave them: a key
// that one has deleted is free for the next. A row that one has changed is left
// alone by the next, as in PostgreSQL.

// command is what the statements of one with WITH share while they run.
type command struct {
	params []types.Datum
	view   *exec.View
	// base is the transaction's overlay at the beginning, which all read; nil for
	// nothing.
	base *exec.Overlay
	// done is what the command has done so far, and found base with that on it.
	done, found *exec.Overlay
	// given are the rows that the statements in WITH have returned, by number, nil
	// for those that did not run yet.
	given []*types.Batch
	// streams are the rows for streams, and operations all that was done, in order.
	streams, operations []exec.Rows
	// probes and refused are those of the statements: see changes.
	probes  []probe
	refused error
}

// with is a statement with others in WITH that change data.
func (s *Session) with(ctx context.Context, p *portal, n *plan.With, immediate bool) (string, error) {
	verb := "SELECT"
	switch main := n.Main.(type) {
	case *plan.Insert:
		verb = "INSERT"
	case *plan.Modify:
		verb = main.Tag
	}
	if err := s.requireWritable(verb); err != nil {
		return "", err
	}
	if err := s.options.Backend.Alive(); err != nil {
		return "", err
	}
	c, err := s.carryOut(ctx, immediate, func() (*changes, error) { return s.gatherWith(ctx, n, p.params, immediate) })
	if err != nil {
		return "", err
	}
	tag := fmt.Sprintf("%s %d", verb, c.count)
	if verb == "INSERT" {
		tag = fmt.Sprintf("INSERT 0 %d", c.count)
	}
	p.returnRows(tag, c.returned)
	return tag, nil
}

// gatherWith runs the statements and finds out what they do.
func (s *Session) gatherWith(ctx context.Context, n *plan.With, params []types.Datum, immediate bool) (*changes, error) {
	out, c, err := s.runCommand(ctx, n, params, immediate)
	if c != nil && c.refused != nil {
		return &changes{probes: c.probes, refused: c.refused, finished: true}, nil
	}
	return out, err
}

// runCommand is gatherWith with the command that it ran, as far as it came.
func (s *Session) runCommand(ctx context.Context, n *plan.With, params []types.Datum, immediate bool) (*changes, *command, error) {
	view := s.transaction.view
	if view == nil {
		var err error
		freshness := s.settings.freshness
		freshness.Current = true
		if view, err = s.options.Backend.NewView(ctx, n.Sources, freshness); err != nil {
			return nil, nil, interrupted(ctx, err)
		}
		defer view.Close()
	}
	c := &command{params: params, view: view, base: s.transaction.overlay, done: exec.NewOverlay(), found: exec.NewOverlay()}
	if c.base != nil {
		c.found = c.base.Clone()
	}
	c.given = make([]*types.Batch, len(n.Parts)+1)
	s.command = c
	defer func() { s.command = nil }()
	if err := s.runParts(ctx, n, n.Reads); err != nil {
		return nil, c, err
	}
	out, err := s.runInCommand(ctx, n.Main)
	if err != nil {
		return nil, c, err
	}
	for number := len(n.Parts); number > 0; number-- {
		if err := s.runParts(ctx, n, []int{number}); err != nil {
			return nil, c, err
		}
	}
	out.atomic, out.finished, out.probes = true, true, c.probes
	out.rows = c.operations
	if immediate {
		out.rows = append(c.streams, c.done.Steps()...)
	}
	return out, c, nil
}

// runParts runs the statements of the given numbers, and those whose rows they
// read before them, unless they have run.
func (s *Session) runParts(ctx context.Context, n *plan.With, numbers []int) error {
	for _, number := range numbers {
		if s.command.given[number] != nil {
			continue
		}
		part := &n.Parts[number-1]
		if err := s.runParts(ctx, n, part.Reads); err != nil {
			return err
		}
		out, err := s.runInCommand(ctx, part.Statement)
		if err != nil {
			return err
		}
		s.command.given[number] = out.returned
		if out.returned == nil {
			s.command.given[number] = &types.Batch{}
		}
	}
	return nil
}

// runInCommand runs one statement of the running command, adds what it does to
// what the command has done, and returns its count and rows.
func (s *Session) runInCommand(ctx context.Context, statement plan.Statement) (*changes, error) {
	c := s.command
	out := &changes{}
	var err error
	switch n := statement.(type) {
	case *plan.Query:
		return s.selectInCommand(ctx, n)
	case *plan.Insert:
		out, err = s.gatherInsert(ctx, n, c.params, false)
	case *plan.Modify:
		err = s.modifyPart(ctx, &n.Parts[0], c.params, out)
	}
	if err == nil {
		err = s.finish(ctx, out)
	}
	if err != nil {
		return nil, err
	}
	c.probes = append(c.probes, out.probes...)
	if out.refused != nil {
		c.refused = out.refused
		return nil, out.refused
	}
	for _, rows := range out.rows {
		c.operations = append(c.operations, rows)
		if rows.Relation.Kind == catalog.KindStream {
			c.streams = append(c.streams, rows)
			continue
		}
		c.done.Add(rows)
		c.found.Add(rows)
	}
	return out, nil
}

// selectInCommand runs a SELECT whose WITH changes data. Its rows are kept until
// the changes are made, since they must not be sent if those fail.
func (s *Session) selectInCommand(ctx context.Context, q *plan.Query) (*changes, error) {
	rows, err := s.readAll(ctx, q, s.command.params)
	if err != nil {
		return nil, err
	}
	return &changes{returned: rows, count: rows.Len}, nil
}

// touched reports whether the running command has changed a row before.
func (s *Session) touched(relation *catalog.Relation, batch *types.Batch, row int) bool {
	return s.command != nil && s.command.done.Touched(relation, batch, row)
}
