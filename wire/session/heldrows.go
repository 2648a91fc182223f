package session

import (
	"context"

	"millrace/exec"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// writeHeld makes the held writes, and what the transaction has defined, and sends the
// notifications.
func (s *Session) writeHeld(ctx context.Context) error {
	return s.commitNotifying(ctx, func() error { return s.writeHeldRows(ctx) })
}

// writeHeldRows makes the held writes, and what the transaction has defined.
func (s *Session) writeHeldRows(ctx context.Context) error {
	if s.ownCatalog() != nil {
		return s.commitDefinitions(ctx)
	}
	if writes := s.heldWrites(); len(writes) > 0 {
		if err := s.writeNow(ctx, writes, true); err != nil {
			return err
		}
	}
	return s.keepRestarts(ctx)
}

// heldWrites takes what is held as it is to be written.
func (s *Session) heldWrites() []exec.Rows {
	var writes []exec.Rows
	for i := range s.transaction.held {
		if rows, counts := s.fitted(i); counts && rows.Relation.Kind == catalog.KindStream {
			writes = append(writes, rows)
		}
	}
	if s.ownCatalog() != nil {
		s.refit() // the copy of the catalog may be another one
	}
	if s.transaction.overlay != nil {
		writes = append(writes, s.transaction.overlay.Steps()...)
	}
	s.transaction.held, s.transaction.heldBytes, s.transaction.overlay = nil, 0, nil
	return writes
}

// hold keeps rows until the transaction commits. The batch belongs to the
// session from then on.
func (s *Session) hold(rows exec.Rows) error {
	limit := s.heldLimit()
	s.transaction.heldBytes += batchBytes(rows.Batch)
	if rows.Old != nil {
		s.transaction.heldBytes += batchBytes(rows.Old)
	}
	if s.transaction.heldBytes > limit {
		return errHeldTooMuch(limit).WithHint("Rows are held until COMMIT. Write less in one transaction, or COPY outside of one.")
	}
	s.transaction.held = append(s.transaction.held, rows)
	s.transaction.overlayRows(rows)
	return nil
}

// errHeldTooMuch is the error of a transaction that would hold more than limit bytes.
func errHeldTooMuch(limit int) *sqlerr.Error {
	return sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "the transaction holds more than %d bytes of rows", limit)
}

// heldLimit bounds the bytes that a transaction holds.
func (s *Session) heldLimit() int {
	if s.options.HeldBytes == 0 {
		return defaultHeldBytes
	}
	return s.options.HeldBytes
}

// overlayRows adds a held write to the overlay. A query that reads through it
// goes on with what it has begun with.
func (t *transaction) overlayRows(rows exec.Rows) {
	if rows.Relation.Kind != catalog.KindTable {
		return
	}
	switch {
	case t.overlay == nil:
		t.overlay, t.readers = exec.NewOverlay(), new(int)
	case *t.readers > 0:
		t.overlay, t.readers = t.overlay.Clone(), new(int)
	}
	t.overlay.Add(rows)
}

// cut drops the held writes from a number on.
func (s *Session) cut(held, heldBytes int) {
	t := &s.transaction
	if held == len(t.held) && t.definitions == nil {
		return
	}
	clear(t.held[held:])
	t.held, t.heldBytes = t.held[:held], heldBytes
	s.refit()
}

// batchBytes estimates the memory of a batch.
func batchBytes(b *types.Batch) int {
	const stringHeader = 16
	n := 0
	for i := range b.Columns {
		v := &b.Columns[i]
		n += 8*len(v.Ints) + 8*len(v.Floats) + stringHeader*len(v.Strs)
		for _, str := range v.Strs {
			n += len(str)
		}
	}
	return n
}
