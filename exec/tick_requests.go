package exec

import (
	"slices"

	"millrace/log"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// request carries out one request and notes its reply.
func (t *tick) request(r *request) error {
	switch r.kind {
	case requestAppend:
		return t.appendRequest(r)
	case requestPrepare:
		return t.prepare(r)
	case requestDecide:
		return t.decide(r)
	case requestFinish:
		return t.finishTransaction(r)
	case requestForget:
		t.forgetDecision(r.transaction)
		t.reply(r, r.commit, nil)
		return nil
	default:
		r.open = t.core.stillOpen(r.asked)
		t.reply(r, true, nil)
		return nil
	}
}

func (t *tick) reply(r *request, committed bool, err error) {
	t.result.replies = append(t.result.replies, reply{request: r, committed: committed, err: err})
}

// appendRequest writes the parts, unless the producer's sequence says that an
// earlier entry did.
func (t *tick) appendRequest(r *request) error {
	last, err := t.core.lastWrite(r.producer)
	if err != nil {
		return err
	}
	if r.sequence <= last.sequence {
		t.reply(r, r.sequence < last.sequence || last.fate != fateAborted, nil)
		return nil
	}
	if r.lapsed {
		t.noteProducer(r.producer, lastWrite{r.sequence, fateAborted}) // also for copies of it
		t.reply(r, false, nil)
		return nil
	}
	refused, wait, err := t.check(r.parts, transactionID{})
	switch {
	case err != nil:
		return err
	case wait:
		t.result.deferred = append(t.result.deferred, r)
		return nil
	case refused != nil:
		t.reply(r, false, refused)
		return nil
	}
	if err := t.writeParts(r.parts); err != nil {
		return err
	}
	t.noteProducer(r.producer, lastWrite{sequence: r.sequence, fate: fateWritten})
	t.reply(r, true, nil)
	return nil
}

// check decides whether parts can be written: refused is the answer for the
// client, wait says that another transaction holds a key that they touch.
func (t *tick) check(parts []part, own transactionID) (refused error, wait bool, err error) {
	var after map[string]rowRef
	for i := range parts {
		if parts[i].own {
			continue
		}
		codec := t.core.codec(parts[i].relation)
		if codec == nil && parts[i].entry || codec != nil && !codec.takes(&parts[i]) {
			return conflict(), false, nil
		}
		if codec == nil || codec.relation.Layout != parts[i].layout || parts[i].outdated || t.core.snapshot.Rewriting(parts[i].relation) {
			return sqlerr.New(sqlerr.SerializationFailure, -1, "%w", ErrChanged).
				WithHint("Run the statement again."), false, nil
		}
		if codec.relation.Kind != catalog.KindTable {
			continue
		}
		if after == nil {
			after = map[string]rowRef{}
		}
		refused, wait, err = t.checkTable(codec, &parts[i], after, own)
		if refused != nil || wait || err != nil {
			return refused, wait, err
		}
	}
	return nil, false, nil
}

// takes reports whether a part keeps the unique indexes of its table: its
// statement may know an older or newer catalog than the shard.
func (c *relationCodec) takes(p *part) bool {
	return p.entry || !c.closed && slices.Equal(c.unique, p.unique)
}

// UniqueViolation is PostgreSQL's error for a row whose key exists, in a table or
// among the entries of a unique index.
func UniqueViolation(relation *catalog.Relation, rows *types.Batch, row int) error {
	var names, values []byte
	format := types.DefaultFormat()
	for n, column := range relation.Key {
		if n > 0 {
			names, values = append(names, ", "...), append(values, ", "...)
		}
		names = append(names, relation.Columns[column].Name...)
		if rows.Columns[column].IsNull(row) {
			values = append(values, "null"...)
			continue
		}
		values = types.AppendVectorText(values, &rows.Columns[column], row, format)
	}
	constraint := ""
	if relation.Index != nil {
		constraint = relation.Index.Name
	} else if c := relation.PrimaryKey(); c != nil {
		constraint = c.Name
	}
	err := sqlerr.New(sqlerr.UniqueViolation, -1, "duplicate key value violates unique constraint %q", constraint).
		WithDetail("Key (%s)=(%s) already exists.", names, values)
	err.Schema, err.Table, err.Constraint = relation.Schema, relation.Name, constraint
	return err
}

// writeParts writes checked parts.
func (t *tick) writeParts(parts []part) error {
	for i := range parts {
		p := &parts[i]
		codec := t.core.codec(p.relation)
		if codec.relation.Kind == catalog.KindTable {
			if err := t.changeTable(codec, p); err != nil {
				return err
			}
			continue
		}
		if err := t.appendStream(p.relation, p.rows, p.records); err != nil {
			return err
		}
	}
	return nil
}

// appendStream appends an encoded record batch and its rows to a stream's
// partition.
func (t *tick) appendStream(stream catalog.ObjectID, rows *types.Batch, records []byte) error {
	offset, err := t.core.end(stream)
	if err != nil {
		return err
	}
	log.SetBaseOffset(records, offset)
	t.write.Append(uint64(stream), records)
	t.core.ends[stream] = offset + int64(rows.Len)
	in := *rows
	in.Partition = int32(t.core.shard)
	in.Offsets = make([]int64, rows.Len)
	for i := range in.Offsets {
		in.Offsets[i] = offset + int64(i)
	}
	t.gatherRows(stream, &in)
	t.core.schedule.wake(uint64(stream))
	return nil
}

// gatherRows adds rows to those that a stream has gained in this tick. Small
// batches are put together, so that operators run over them once: no query has
// seen them yet, since those that write a stream run before those that read it.
func (t *tick) gatherRows(stream catalog.ObjectID, rows *types.Batch) {
	batches := t.rows[stream]
	last := len(batches) - 1
	if last < 0 || batches[last].Len+rows.Len > chunkRows {
		t.rows[stream] = append(batches, rows)
		return
	}
	if t.merged[stream] != batches[last] {
		// The batch belongs to its request, which may be offered again.
		own := &types.Batch{Partition: rows.Partition, Columns: make([]types.Vector, len(rows.Columns))}
		for c := range own.Columns {
			own.Columns[c].Type = rows.Columns[c].Type
		}
		appendBatch(own, batches[last])
		batches[last] = own
		if t.merged == nil {
			t.merged = map[catalog.ObjectID]*types.Batch{}
		}
		t.merged[stream] = own
	}
	appendBatch(batches[last], rows)
}

func (t *tick) tableChanged(id catalog.ObjectID, changes *types.Batch) {
	t.result.changes[id] = append(t.result.changes[id], changes)
	t.core.schedule.wake(uint64(id))
}
