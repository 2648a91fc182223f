package pull

import (
	"context"
	"io"

	"millrace/planner/plan"
	"millrace/sql/types"
)

// scan reads a stream or a table from the execution's sources.
type scan struct {
	scope    *scope
	plan     *plan.Scan
	iterator Iterator
	pieces   pieces
	done     bool
}

func newScan(s *scope, n *plan.Scan) node { return &scan{scope: s, plan: n} }

func (s *scan) next(ctx context.Context) (*types.Batch, error) {
	for !s.done {
		if err := ended(ctx); err != nil {
			return nil, err
		}
		if b := s.pieces.next(); b != nil {
			return b, nil
		}
		if s.iterator == nil {
			if err := s.start(ctx); err != nil {
				return nil, err
			}
			continue
		}
		b, err := s.iterator.Next(ctx)
		if err == io.EOF {
			s.done = true
			break
		}
		if err != nil {
			return nil, err
		}
		s.pieces.start(b)
	}
	return nil, io.EOF
}

// start begins the scan, or ends it at once where a key is NULL, which equals
// nothing.
func (s *scan) start(ctx context.Context) error {
	var key []types.Datum
	for _, e := range s.plan.KeyEquals {
		d, err := s.scope.datum(e)
		if err != nil {
			return err
		}
		if !d.Valid {
			s.done = true
			return nil
		}
		key = append(key, d)
	}
	var bounds *Bounds
	if s.plan.Access != nil {
		var err error
		if bounds, err = s.scope.bounds(s.plan.Access); err != nil {
			return err
		}
		if bounds == nil {
			s.done = true
			return nil
		}
	}
	iterator, err := s.scope.execution.sources.Scan(ctx, s.plan, key, bounds)
	s.iterator = iterator
	return err
}

func (s *scan) rewind() {
	s.close()
	s.done = false
}

func (s *scan) close() {
	if s.iterator != nil {
		s.iterator.Close()
	}
	s.iterator, s.pieces.batch, s.done = nil, nil, true
}

// systemScan reads a system table, whose rows its host makes at once.
type systemScan struct {
	scope *scope
	plan  *plan.SystemScan
	rows  [][]types.Datum
	read  bool
	at    int
	out   types.Batch
}

func newSystemScan(s *scope, n *plan.SystemScan) node {
	return &systemScan{scope: s, plan: n, out: newBatch(n.Cols)}
}

func (s *systemScan) next(ctx context.Context) (*types.Batch, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	if !s.read {
		rows, err := s.scope.execution.sources.System(ctx, s.plan.Schema, s.plan.Name)
		if err != nil {
			return nil, err
		}
		s.rows, s.read = rows, true
	}
	if s.at == len(s.rows) {
		return nil, io.EOF
	}
	n := min(batchRows, len(s.rows)-s.at)
	s.out.Reset()
	for _, row := range s.rows[s.at : s.at+n] {
		for c, column := range s.plan.Fetch {
			if column == plan.FetchTableOID {
				s.out.Columns[c].Append(types.IntDatum(int64(s.plan.OID)))
				continue
			}
			s.out.Columns[c].Append(row[column])
		}
	}
	s.out.Len = n
	s.at += n
	return &s.out, nil
}

func (s *systemScan) rewind() { s.rows, s.read, s.at = nil, false, 0 }

func (s *systemScan) close() { s.rows, s.read, s.at = nil, true, 0 }
