package session

import (
	"context"
	"encoding/binary"
	"fmt"

	"millrace/planner/plan"
	"millrace/sql/types"
)

// copyEncoder turns rows into COPY data.
type copyEncoder struct {
	options *plan.CopyOptions
	format  *types.Format
	columns []Column
	// special marks the bytes that make a CSV value need quotes, or a text value
	// backslashes.
	special [256]bool
	buffer  []byte
	value   []byte
}

// copyTo is COPY … TO STDOUT. The rows of a push query are sent as they come.
func (s *Session) copyTo(ctx context.Context, n *plan.Copy, p *portal, immediate bool) (string, error) {
	rows, err := s.copied(ctx, n, p, immediate)
	if err != nil {
		return "", err
	}
	defer rows.close()
	binary := p.statement.binary
	e := newCopyEncoder(n, s.format())
	if err := s.client.CopyOut(binary, len(e.columns)); err != nil {
		return "", err
	}
	var sent int64
	if binary {
		sent, err = s.copyBinary(ctx, rows, e)
	} else {
		sent, err = s.copyText(ctx, rows, e)
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("COPY %d", sent), s.client.CopyEnd()
}

// copied returns the rows that COPY … TO sends.
func (s *Session) copied(ctx context.Context, n *plan.Copy, p *portal, immediate bool) (*source, error) {
	if n.Change == nil {
		return s.result(ctx, n.Query, p.params)
	}
	change := &portal{statement: &statement{text: p.statement.text, tree: p.statement.tree, plan: n.Change}, params: p.params}
	if _, err := s.startPlan(ctx, change, immediate); err != nil {
		return nil, err
	}
	return change.rows, nil
}

func newCopyEncoder(n *plan.Copy, format *types.Format) *copyEncoder {
	e := &copyEncoder{options: &n.Options, format: format}
	if n.Change != nil {
		e.columns = resultColumns(plan.ReturningColumns(n.Change))
	} else {
		e.columns = queryColumns(n.Query)
	}
	if n.Options.Format == plan.CopyCSV {
		for _, ch := range []byte{n.Options.Delimiter, n.Options.Quote, '\n', '\r'} {
			e.special[ch] = true
		}
		return e
	}
	for _, ch := range []byte{n.Options.Delimiter, '\\', '\b', '\f', '\n', '\r', '\t', '\v'} {
		e.special[ch] = true
	}
	return e
}

// copyText sends rows in text or CSV format.
func (s *Session) copyText(ctx context.Context, rows *source, e *copyEncoder) (sent int64, err error) {
	if e.options.Header != plan.CopyNoHeader {
		e.buffer = e.buffer[:0]
		for i := range e.columns {
			e.separate(i)
			e.value = append(e.value[:0], e.columns[i].Name...)
			e.appendValue(false)
		}
		if err := s.client.CopyWrite(append(e.buffer, '\n')); err != nil {
			return 0, err
		}
	}
	return s.eachRow(ctx, rows, func(batch *types.Batch, row int) []byte { return e.textRow(batch, row) })
}

// eachRow sends what encode makes of each row.
func (s *Session) eachRow(ctx context.Context, rows *source, encode func(*types.Batch, int) []byte) (sent int64, err error) {
	for {
		if rows.push {
			if err := s.client.Flush(); err != nil {
				return sent, err
			}
		}
		ok, err := rows.fill(ctx)
		if err != nil || !ok {
			return sent, err
		}
		batch, from, to := rows.take(0)
		for row := from; row < to; row++ {
			if err := s.client.CopyWrite(encode(batch, row)); err != nil {
				return sent, err
			}
		}
		sent += int64(to - from)
		if ctx.Err() != nil {
			return sent, interrupted(ctx, context.Cause(ctx))
		}
	}
}

// textRow returns a row as a line, valid until the next.
func (e *copyEncoder) textRow(batch *types.Batch, row int) []byte {
	e.buffer = e.buffer[:0]
	for i := range e.columns {
		e.separate(i)
		vector := &batch.Columns[i]
		if vector.IsNull(row) {
			e.buffer = append(e.buffer, e.options.Null...)
			continue
		}
		e.value = types.AppendVectorText(e.value[:0], vector, row, e.format)
		e.appendValue(e.options.ForceQuote != nil && e.options.ForceQuote[i])
	}
	e.buffer = append(e.buffer, '\n')
	return e.buffer
}

func (e *copyEncoder) separate(column int) {
	if column > 0 {
		e.buffer = append(e.buffer, e.options.Delimiter)
	}
}

// appendValue adds the text in value with the quotes or backslashes that it
// needs.
func (e *copyEncoder) appendValue(forceQuote bool) {
	if e.options.Format != plan.CopyCSV {
		e.appendEscaped()
		return
	}
	quote := forceQuote || string(e.value) == e.options.Null ||
		len(e.columns) == 1 && string(e.value) == `\.`
	for _, ch := range e.value {
		quote = quote || e.special[ch]
	}
	if !quote {
		e.buffer = append(e.buffer, e.value...)
		return
	}
	e.buffer = append(e.buffer, e.options.Quote)
	for _, ch := range e.value {
		if ch == e.options.Quote || ch == e.options.Escape {
			e.buffer = append(e.buffer, e.options.Escape)
		}
		e.buffer = append(e.buffer, ch)
	}
	e.buffer = append(e.buffer, e.options.Quote)
}

// appendEscaped adds the text in value for the text format.
func (e *copyEncoder) appendEscaped() {
	for _, ch := range e.value {
		if !e.special[ch] {
			e.buffer = append(e.buffer, ch)
			continue
		}
		e.buffer = append(e.buffer, '\\')
		switch ch {
		case '\b':
			ch = 'b'
		case '\f':
			ch = 'f'
		case '\n':
			ch = 'n'
		case '\r':
			ch = 'r'
		case '\t':
			ch = 't'
		case '\v':
			ch = 'v'
		}
		e.buffer = append(e.buffer, ch)
	}
}

// copyBinary sends rows in binary format. The header goes out with the first
// row, or with the trailer where there is none.
func (s *Session) copyBinary(ctx context.Context, rows *source, e *copyEncoder) (sent int64, err error) {
	header := append([]byte(copySignature), 0, 0, 0, 0, 0, 0, 0, 0)
	sent, err = s.eachRow(ctx, rows, func(batch *types.Batch, row int) []byte {
		e.buffer = append(e.buffer[:0], header...)
		header = nil
		return e.binaryRow(batch, row)
	})
	if err != nil {
		return sent, err
	}
	return sent, s.client.CopyWrite(append(header, 0xff, 0xff))
}

// binaryRow adds a row as a tuple to the buffer, which it returns.
func (e *copyEncoder) binaryRow(batch *types.Batch, row int) []byte {
	e.buffer = binary.BigEndian.AppendUint16(e.buffer, uint16(len(e.columns)))
	for i := range e.columns {
		vector := &batch.Columns[i]
		if vector.IsNull(row) {
			e.buffer = append(e.buffer, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		start := len(e.buffer)
		e.buffer = append(e.buffer, 0, 0, 0, 0)
		e.buffer = types.AppendBinary(e.buffer, vector.Type, vector.Datum(row))
		binary.BigEndian.PutUint32(e.buffer[start:], uint32(len(e.buffer)-start-4))
	}
	return e.buffer
}
