package exec

import (
	"encoding/binary"
	"slices"

	"millrace/planner/plan"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// pushMarks gives the rows of a push query their rowmarks, and passes over those that
// the client has who goes on behind one.
//
// Invariants:
//   - A unit begins where all that the input before it gives has been given.
//   - The same input gives the same rows of a unit in the same order: they are computed
//     from the sources alone. Where rows are passed over, a hash of them is held
//     against that of the mark, so a row is never lost or repeated in silence.
type pushMarks struct {
	push *pushQuery
	mark rowmark
	// direct says that what a row gives depends on it alone: nothing is kept of the
	// input before a position.
	direct bool
	// complete says that the unit's rows have all been given.
	complete bool
	// digests says that the rows are hashed: marks inside of units are wanted.
	digests bool
	codec   *types.RowCodec
	// skip are the first rows of the unit that the client has, and digest the hash
	// that they must have.
	skip, digest uint64
	scratch      []byte
}

// direct reports whether what a row of the sources gives depends on that row alone.
func direct(node plan.Node) bool {
	switch n := node.(type) {
	case *plan.Scan, *plan.Filter, *plan.Project, *plan.Expand, *plan.Shuffle:
	case *plan.SetOperation:
		if n.Op != plan.Union || !n.All {
			return false
		}
	default:
		return false
	}
	return !slices.ContainsFunc(node.Inputs(), func(input plan.Node) bool { return !direct(input) })
}

// looksUp reports whether a plan joins rows with a table as it is when they come.
func looksUp(node plan.Node) bool {
	if join, ok := node.(*plan.Join); ok && (join.Lookup || join.AsOf != nil || join.Within != nil) {
		return true
	}
	return slices.ContainsFunc(node.Inputs(), looksUp)
}

// newPushMarks returns nil where the result cannot be resumed.
func newPushMarks(p *pushQuery, env *QueryEnv) (*pushMarks, error) {
	q := p.plan
	asked := len(q.RowMarks) > 0 || q.Options.Resume != ""
	// Rows of windows may go without a change, and of the changes of a table only those
	// that come are kept.
	gone := slices.ContainsFunc(p.stage.inputs, func(in *input) bool { return in.codec.relation.Window != nil || in.changelog != nil })
	m := &pushMarks{push: p, direct: direct(q.Root), complete: true, digests: asked}
	if p.stage.timed || looksUp(q.Root) || gone && !m.direct {
		if asked {
			return nil, sqlerr.New(sqlerr.FeatureNotSupported, -1, "this push query cannot be resumed").
				WithDetail("Its result depends on when rows come, besides what they are.").
				WithHint("Create a stream or table with this query, and resume a push query of that.")
		}
		return nil, nil
	}
	m.mark = rowmark{fingerprint: fingerprint(q, env), shards: len(p.engine.loops), sources: make([]markedSource, len(p.stage.inputs))}
	visible := make([]types.Type, q.Visible)
	for i, c := range q.Root.Columns()[:q.Visible] {
		visible[i] = c.Type
	}
	m.codec = types.NewRowCodec(visible)
	return m, nil
}

// fingerprint tells a query from others, and from itself over tables that were made
// anew.
func fingerprint(q *plan.Query, env *QueryEnv) uint64 {
	var buf []byte
	for _, line := range plan.Format(q.Root) {
		buf = append(append(buf, line...), '\n')
	}
	for _, relation := range q.Sources {
		buf = binary.AppendUvarint(buf, uint64(relation.ID))
		buf = binary.AppendUvarint(buf, uint64(relation.StorageID()))
	}
	for i, param := range env.Params {
		if i < len(q.Params) {
			buf = types.AppendKey(buf, q.Params[i], param)
		}
	}
	return types.PartitionHash(buf)
}

// begin notes where the unit begins whose input is read next.
func (m *pushMarks) begin() {
	if m == nil || !m.complete || m.push.beginning() {
		return
	}
	m.mark.initial, m.mark.rows, m.mark.digest = false, 0, 0
	m.positions(func(s *markedSource, at []uint64) { s.before = append(s.before[:0], at...) })
}

// positions calls f with where each source has been read up to.
func (m *pushMarks) positions(f func(s *markedSource, at []uint64)) {
	for i, source := range m.push.sources {
		f(&m.mark.sources[i], source.position(m.push.beginning()))
	}
}

// beginning reports whether the query is at its initial result, which is one unit.
func (p *pushQuery) beginning() bool {
	return !p.opened && (!p.marks.direct || slices.ContainsFunc(p.sources, func(s *pushSource) bool { return s.in.kind == inputTable }))
}

// position is where the source has been read up to; while the initial result is read,
// where that ends.
func (s *pushSource) position(beginning bool) []uint64 {
	if s.in.kind == inputTable {
		return s.at
	}
	offsets := s.offsets
	if beginning {
		offsets = s.initial
	}
	at := make([]uint64, len(offsets))
	for i, offset := range offsets {
		at[i] = uint64(offset)
	}
	return at
}

// give takes a step's rows, and returns those that the client does not have yet, with
// their marks.
func (m *pushMarks) give(rows *types.Batch) (*types.Batch, error) {
	if m == nil {
		return rows, nil
	}
	m.positions(func(s *markedSource, at []uint64) { s.after = append(s.after[:0], at...) })
	m.complete = !m.push.beginning() && !m.push.stage.busy() && m.push.replay == nil
	if rows == nil {
		return nil, m.checkSkipped()
	}
	if !m.digests {
		m.mark.rows += uint64(rows.Len)
		return rows, nil
	}
	visible := &types.Batch{Len: rows.Len, Columns: rows.Columns[:m.push.plan.Visible]}
	marks := types.Vector{Type: types.Text, Strs: make([]string, rows.Len)}
	first := 0
	for i := range rows.Len {
		m.scratch = binary.LittleEndian.AppendUint64(m.scratch[:0], m.mark.digest)
		m.scratch = m.codec.AppendRow(m.scratch, visible, i)
		m.mark.rows, m.mark.digest = m.mark.rows+1, types.PartitionHash(m.scratch)
		if m.mark.rows <= m.skip {
			first = i + 1
			if m.mark.rows == m.skip && m.mark.digest != m.digest {
				return nil, otherRows()
			}
			continue
		}
		if len(m.push.plan.RowMarks) == 0 {
			continue
		}
		if m.complete && i == rows.Len-1 {
			break
		}
		marks.Strs[i] = m.mark.text()
	}
	if err := m.checkSkipped(); err != nil {
		return nil, err
	}
	if m.complete && first < rows.Len {
		done := m.mark
		done.rows, done.initial = 0, false
		marks.Strs[rows.Len-1] = done.text()
	}
	for _, column := range m.push.plan.RowMarks {
		rows.Columns[column] = marks
	}
	if first > 0 {
		rows = rows.Select(rowRange(first, rows.Len))
	}
	if rows.Len == 0 {
		return nil, nil
	}
	return rows, nil
}

// checkSkipped refuses to go on when a unit has ended before the row of the mark.
func (m *pushMarks) checkSkipped() error {
	if !m.complete || m.skip == 0 {
		return nil
	}
	if m.mark.rows < m.skip {
		return otherRows()
	}
	m.skip = 0
	return nil
}

func otherRows() error {
	return sqlerr.New(sqlerr.SnapshotTooOld, -1, "the rowmark has expired").
		WithDetail("The rows up to it cannot be computed again.").WithHint(newSnapshotHint)
}

// last returns the mark of all that was given; "" where there is none.
func (m *pushMarks) last() string {
	if m == nil || len(m.mark.sources) == 0 || m.mark.sources[0].after == nil {
		return ""
	}
	if m.skip > 0 || !m.complete && (!m.digests || m.mark.rows == 0) || m.complete && m.push.beginning() {
		return ""
	}
	mark := m.mark
	if m.complete {
		mark.rows, mark.initial = 0, false
	}
	return mark.text()
}

// hint adds to the error that ends a query where it can be resumed: behind what it has
// given.
func (m *pushMarks) hint(err error) error {
	failure := sqlerr.From(err)
	if failure.Code != sqlerr.ConfigurationLimitExceeded {
		return err
	}
	text := m.last()
	if text == "" {
		return err
	}
	return withResume(sqlerr.New(failure.Code, -1, "%s", failure.Message), text)
}

// withResume adds to the error that ends a query how to go on behind a mark.
func withResume(err *sqlerr.Error, mark string) error {
	return err.WithDetail("The rows up to rowmark %s were given.", mark).
		WithHint("Run the query again with EMIT CHANGES WITH (resume = '%s'), or without: it begins with the current result.", mark)
}
