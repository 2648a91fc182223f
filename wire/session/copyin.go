package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

const (
	// pieceRows and pieceBytes bound what a COPY outside a transaction commits at
	// once; pieceBytes counts the data as it came.
	pieceRows  = 16 << 10
	pieceBytes = 1 << 20
	// copyPatience is how long a COPY waits for more data before it commits what
	// it has, so that rows which trickle in can be seen.
	copyPatience = 20 * time.Millisecond
)

// ErrPause is what Client.CopyRead returns when no data has come for a while.
var ErrPause = errors.New("no COPY data for now")

// maxCopyRow bounds the data of one row, in bytes: it is held in memory.
const maxCopyRow = 64 << 20

// checkRowSize refuses a row of which so many bytes have come without its end.
func checkRowSize(bytes int) error {
	if bytes <= maxCopyRow {
		return nil
	}
	return sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "a row of COPY data has more than %d bytes", maxCopyRow).
		WithHint("A quote that is not closed makes one row of all that follows.")
}

// copyDecoder turns COPY data into rows.
type copyDecoder interface {
	// add gives it data. What it took before is not referred to any more.
	add(data []byte)
	// row appends the next row to the loader's batch, or returns ok false where
	// the data does not hold a whole one. With last set no more data comes.
	row(last bool) (ok bool, err error)
	// finished reports whether the data has ended by its own mark; what follows
	// is passed over.
	finished() bool
	// lastRow returns the number of the line that the last row ends in and, for data
	// that is text, the row's, until more data is added.
	lastRow() (line int64, text []byte)
	// where returns the CONTEXT of an error at the place where the decoder is.
	where() string
}

// copyLoader is one COPY … FROM STDIN.
type copyLoader struct {
	session *Session
	plan    *plan.Copy
	decoder copyDecoder
	format  *types.Format
	checker *rowChecker
	// fields has the vector that each field of the data goes to.
	fields []*types.Vector
	// rowtime takes the event times where a field gives them.
	rowtime    types.Vector
	hasRowtime bool
	// headers takes the records' headers where a field gives them.
	headers    types.Vector
	hasHeaders bool
	// given says for each column of the target whether the data gives it.
	given []bool
	batch *types.Batch
	arena *types.StringArena
	// lines has, where the target is constrained, the lines of the rows in the batch.
	constrained bool
	lines       copyLines
	// bytes is how much data the rows in the batch came from.
	bytes int
	rows  int64
	// where holds the rows against the COPY's WHERE, nil for none.
	where *copyFilter
	// writer writes pieces behind the reader's back; nil where rows are held until
	// COMMIT.
	writer *pieceWriter
}

// copyFrom is COPY … FROM STDIN. With immediate set, rows are committed in
// pieces while the data comes; else they are held until COMMIT.
func (s *Session) copyFrom(ctx context.Context, n *plan.Copy, binary, immediate bool) (string, error) {
	if err := s.requireWritable("COPY FROM"); err != nil {
		return "", err
	}
	if err := s.options.Backend.Alive(); err != nil {
		return "", err
	}
	l, err := s.newCopyLoader(n, binary)
	if err != nil {
		return "", err
	}
	if immediate {
		l.writer = startPieceWriter(ctx, s, n.Target)
	}
	if err := s.client.CopyIn(binary, len(n.Columns)); err != nil {
		return "", errors.Join(err, l.finish())
	}
	err = l.load(ctx)
	if finishErr := l.finish(); err == nil {
		err = finishErr
	}
	if err != nil {
		return "", l.explain(err)
	}
	return fmt.Sprintf("COPY %d", l.rows-l.where.dropped()), nil
}

func (s *Session) newCopyLoader(n *plan.Copy, binary bool) (*copyLoader, error) {
	checker, err := s.newRowChecker(n.Target, n.Checks)
	if err != nil {
		return nil, err
	}
	l := &copyLoader{
		session: s, plan: n, format: s.format(), checker: checker, constrained: len(n.Checks) > 0,
		given:  make([]bool, len(n.Target.Columns)),
		fields: make([]*types.Vector, len(n.Columns)),
		arena:  new(types.StringArena),
	}
	for i := range n.Target.Columns {
		l.constrained = l.constrained || n.Target.Columns[i].NotNull && !n.Target.Columns[i].Hidden
	}
	if n.Where != nil {
		l.constrained = true
		if l.where, err = s.newCopyFilter(n.Where); err != nil {
			return nil, err
		}
	}
	l.rowtime.Type, l.headers.Type = types.TimestampTZ, types.Headers
	for _, column := range n.Columns {
		switch column {
		case plan.FetchRowtime:
			l.hasRowtime = true
		case plan.FetchHeaders:
			l.hasHeaders, l.constrained = true, true
		default:
			l.given[column] = true
		}
	}
	l.useBatch(newTargetBatch(n.Target))
	if binary {
		l.decoder = newBinaryDecoder(l)
	} else {
		l.decoder = newLineDecoder(l)
	}
	return l, nil
}

// newTargetBatch returns an empty batch of a relation's columns.
func newTargetBatch(target *catalog.Relation) *types.Batch {
	batch := &types.Batch{Columns: make([]types.Vector, len(target.Columns))}
	for i := range batch.Columns {
		batch.Columns[i].Type = target.Columns[i].Type
	}
	return batch
}

// useBatch makes the fields go to a batch.
func (l *copyLoader) useBatch(batch *types.Batch) {
	l.batch = batch
	for i, column := range l.plan.Columns {
		switch column {
		case plan.FetchRowtime:
			l.fields[i] = &l.rowtime
		case plan.FetchHeaders:
			l.fields[i] = &l.headers
		default:
			l.fields[i] = &batch.Columns[column]
		}
	}
}

// load reads all data.
func (l *copyLoader) load(ctx context.Context) error {
	for {
		patience := time.Duration(0)
		if l.writer != nil && l.batch.Len > 0 {
			patience = copyPatience
		}
		data, err := l.session.client.CopyRead(ctx, patience)
		last := errors.Is(err, io.EOF)
		switch {
		case errors.Is(err, ErrPause):
			if err := l.submit(ctx); err != nil {
				return err
			}
			continue
		case err != nil && !last:
			return l.readFailed(ctx, err)
		case l.decoder.finished():
			data = nil
		}
		l.decoder.add(data)
		if err := l.decode(ctx, len(data), last); err != nil {
			return err
		}
		if last {
			return l.submit(ctx)
		}
	}
}

// readFailed adds to a failed read, unless the client is gone, the line that was
// to be read.
func (l *copyLoader) readFailed(ctx context.Context, err error) error {
	e := *sqlerr.From(interrupted(ctx, err))
	if e.Code == sqlerr.QueryCanceled {
		e.Where = fmt.Sprintf("COPY %s, line %d", l.plan.Target.Name, l.rows+1)
	}
	return &e
}

// decode appends the rows that the data holds.
func (l *copyLoader) decode(ctx context.Context, bytes int, last bool) error {
	l.bytes += bytes
	for {
		ok, err := l.decoder.row(last)
		if err != nil {
			l.dropPartialRow()
			if err := l.submit(ctx); err != nil {
				return err
			}
			return l.located(err)
		}
		if !ok {
			break
		}
		l.batch.Len++
		l.rows++
		if l.constrained {
			l.lines.add(l.decoder.lastRow())
		}
		if l.batch.Len >= pieceRows {
			if err := l.submit(ctx); err != nil {
				return err
			}
		}
	}
	if l.bytes >= pieceBytes {
		return l.submit(ctx)
	}
	return nil
}

// located adds where in the data an error was found.
func (l *copyLoader) located(err error) error {
	e := *sqlerr.From(err)
	e.Position = -1
	if e.Where == "" {
		e.Where = l.decoder.where()
	}
	return &e
}

// explain adds to an error how many lines are stored in spite of it.
func (l *copyLoader) explain(err error) error {
	e := *sqlerr.From(err)
	if l.writer == nil || e.Code == sqlerr.ConnectionFailure {
		return &e
	}
	stored := "No line of the COPY is stored."
	switch n := l.writer.stored; {
	case n == 1:
		stored = "1 line of the COPY is stored."
	case n > 1:
		stored = fmt.Sprintf("%d lines of the COPY are stored.", n)
	}
	if e.Detail != "" {
		stored = e.Detail + "\n" + stored
	}
	e.Detail = stored
	return &e
}

// dropPartialRow cuts the columns back to whole rows.
func (l *copyLoader) dropPartialRow() {
	for _, v := range l.fields {
		truncate(v, l.batch.Len)
	}
}

// truncate shortens a vector to n values.
func truncate(v *types.Vector, n int) {
	for i := n; i < v.Len(); i++ {
		v.Nulls.Clear(i)
	}
	switch v.Type.Physical() {
	case types.PhysicalInt:
		v.Ints = v.Ints[:min(n, len(v.Ints))]
	case types.PhysicalFloat:
		v.Floats = v.Floats[:min(n, len(v.Floats))]
	default:
		v.Strs = v.Strs[:min(n, len(v.Strs))]
	}
}

// submit hands the rows gathered so far on.
func (l *copyLoader) submit(ctx context.Context) error {
	l.bytes = 0
	if l.batch.Len == 0 {
		return nil
	}
	if err := l.complete(ctx); err != nil {
		return l.located(err)
	}
	full, row, err := l.where.keep(l.batch)
	if err != nil {
		return l.violated(err, row)
	}
	row, violation := l.checker.check(full)
	if violation != nil {
		// The rows before the one that breaks a constraint are stored like those of
		// earlier pieces.
		violation = l.violated(violation, l.where.original(row))
		full = firstRows(full, row)
	}
	l.lines.reset()
	l.arena = new(types.StringArena)
	if l.writer == nil {
		if violation != nil {
			return violation
		}
		l.useBatch(newTargetBatch(l.plan.Target))
		return l.hold(ctx, full)
	}
	l.useBatch(l.writer.emptyBatch())
	if full.Len > 0 {
		if err := l.writer.submit(ctx, full); err != nil {
			return err
		}
	}
	return violation
}

// violated adds to an error in which line the row stands that it is about.
func (l *copyLoader) violated(err error, row int) error {
	e := *sqlerr.From(err)
	e.Where = fmt.Sprintf("COPY %s, line %d", l.plan.Target.Name, l.lines.numbers[row])
	if text := l.lines.text(row); text != nil {
		e.Where += fmt.Sprintf(": \"%s\"", shortText(text))
	}
	return &e
}

// firstRows returns a copy of the first n rows of a batch.
func firstRows(batch *types.Batch, n int) *types.Batch {
	selection := make([]int32, n)
	for i := range selection {
		selection[i] = int32(i)
	}
	return batch.Select(selection)
}

// hold keeps rows until COMMIT.
func (l *copyLoader) hold(ctx context.Context, rows *types.Batch) error {
	if rows.Len == 0 {
		return nil
	}
	_, err := l.session.carryOut(ctx, false, func() (*changes, error) {
		return l.session.gatherCopied(ctx, l.plan.Target, rows, false)
	})
	return err
}

// finish waits until all that was submitted is written.
func (l *copyLoader) finish() error {
	if l.writer == nil {
		return nil
	}
	return l.writer.finish()
}
