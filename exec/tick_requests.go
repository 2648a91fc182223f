package exec

import (
	"encoding/binary"
	"fmt"

	"millrace/log"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
	"millrace/tables"
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
	default:
		t.write.Delete(tables.AppendTransactionKey(nil, transactionDecided, r.transaction))
		t.reply(r, r.commit, nil)
		return nil
	}
}

func (t *tick) reply(r *request, committed bool, err error) {
	t.result.replies = append(t.result.replies, reply{request: r, committed: committed, err: err})
}

// appendRequest writes the parts, unless the producer's sequence says that an
// earlier entry did.
func (t *tick) appendRequest(r *request) error {
	last, err := t.core.lastSequence(r.producer)
	if err != nil {
		return err
	}
	if r.sequence <= last {
		t.reply(r, true, nil)
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
	t.core.rememberProducer(r.producer, r.sequence)
	t.write.Set(tables.AppendProducerKey(nil, r.producer), t.producerRecord(r.sequence))
	t.reply(r, true, nil)
	return nil
}

// check decides whether parts can be written: refused is the answer for the
// client, wait says that another transaction holds a key that they touch.
func (t *tick) check(parts []part, own transactionID) (refused error, wait bool, err error) {
	var seen map[string]bool
	for i := range parts {
		codec := t.core.codec(parts[i].relation)
		if codec == nil || len(codec.columns) != len(parts[i].rows.Columns) {
			return sqlerr.New(sqlerr.SerializationFailure, -1, "the relation was dropped or changed while the statement ran").
				WithHint("Run the statement again."), false, nil
		}
		if codec.relation.Kind != catalog.KindTable {
			continue
		}
		if seen == nil {
			seen = map[string]bool{}
		}
		refused, wait, err = t.checkTable(codec, parts[i].rows, seen, own)
		if refused != nil || wait || err != nil {
			return refused, wait, err
		}
	}
	return nil, false, nil
}

// checkTable checks that no row's key exists, unless rows replace others in the
// table, and that no other transaction holds it. seen has the keys of the request's
// earlier rows.
func (t *tick) checkTable(codec *relationCodec, rows *types.Batch, seen map[string]bool, own transactionID) (refused error, wait bool, err error) {
	for i := range rows.Len {
		key := codec.appendKey(tables.AppendRowKey(t.core.scratch[:0], uint64(codec.relation.ID), nil), rows, i)
		t.core.scratch = key
		if holder, locked := t.core.locks[string(key)]; locked && holder != own {
			return nil, true, nil
		}
		if codec.relation.Upsert {
			continue
		}
		exists := seen[string(key)] || t.keys[string(key)]
		if !exists {
			if _, exists, err = t.core.state.Get(key, nil); err != nil {
				return nil, false, err
			}
		}
		if exists {
			return uniqueViolation(codec, rows, i), false, nil
		}
		seen[string(key)] = true
	}
	return nil, false, nil
}

// uniqueViolation is PostgreSQL's error for a key that exists.
func uniqueViolation(codec *relationCodec, rows *types.Batch, row int) error {
	relation := codec.relation
	var names, values []byte
	format := types.DefaultFormat()
	for n, column := range relation.Key {
		if n > 0 {
			names, values = append(names, ", "...), append(values, ", "...)
		}
		names = append(names, relation.Columns[column].Name...)
		values = types.AppendVectorText(values, &rows.Columns[column], row, format)
	}
	constraint := relation.Name + "_pkey"
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
			if !codec.relation.Upsert {
				t.insertRows(codec, p.rows)
			} else if err := t.upsertRows(codec, p.rows); err != nil {
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
	if len(t.rows[stream]) == 0 {
		t.result.appended = append(t.result.appended, stream)
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

// insertRows inserts rows into a source table.
func (t *tick) insertRows(codec *relationCodec, rows *types.Batch) {
	if t.keys == nil {
		t.keys = map[string]bool{}
	}
	id := codec.relation.ID
	buf := t.core.scratch
	for i := range rows.Len {
		buf = codec.appendKey(tables.AppendRowKey(buf[:0], uint64(id), nil), rows, i)
		keyLen := len(buf)
		t.keys[string(buf)] = true
		buf = codec.row.AppendRow(buf, rows, i)
		t.write.Set(buf[:keyLen], buf[keyLen:])
	}
	t.core.scratch = buf
	changes := &types.Batch{Len: rows.Len, Columns: rows.Columns, Weights: make([]int64, rows.Len)}
	for i := range changes.Weights {
		changes.Weights[i] = 1
	}
	t.tableChanged(id, changes)
}

func (t *tick) tableChanged(id catalog.ObjectID, changes *types.Batch) {
	t.result.changes[id] = append(t.result.changes[id], changes)
	t.core.schedule.wake(uint64(id))
}

// preparedTransaction is a transaction's part on this shard, waiting for the
// decision.
type preparedTransaction struct {
	id           transactionID
	coordinator  int
	participants []int
	parts        []part
	keys         []string
}

// prepare keeps the parts until the decision, and locks the keys that they
// insert.
func (t *tick) prepare(r *request) error {
	c := t.core
	if c.prepared[r.transaction] != nil {
		t.reply(r, true, nil)
		return nil
	}
	refused, wait, err := t.check(r.parts, r.transaction)
	switch {
	case err != nil:
		return err
	case wait:
		// Waiting here, with parts prepared elsewhere, could wait for each other.
		refused = sqlerr.New(sqlerr.SerializationFailure, -1, "could not serialize access due to a concurrent transaction").
			WithHint("Run the transaction again.")
		fallthrough
	case refused != nil:
		t.reply(r, false, refused)
		return nil
	}
	p := &preparedTransaction{id: r.transaction, coordinator: r.coordinator, participants: r.participant, parts: r.parts}
	c.hold(p)
	t.write.Set(tables.AppendTransactionKey(nil, transactionPrepared, r.transaction), p.append(nil))
	t.reply(r, true, nil)
	return nil
}

// hold takes a prepared transaction and its locks into memory.
func (c *core) hold(p *preparedTransaction) {
	c.prepared[p.id] = p
	for i := range p.parts {
		codec := c.codec(p.parts[i].relation)
		if codec == nil || codec.relation.Kind != catalog.KindTable {
			continue
		}
		for row := range p.parts[i].rows.Len {
			key := string(codec.appendKey(tables.AppendRowKey(nil, uint64(codec.relation.ID), nil), p.parts[i].rows, row))
			p.keys = append(p.keys, key)
			c.locks[key] = p.id
		}
	}
}

func (c *core) release(p *preparedTransaction) {
	delete(c.prepared, p.id)
	for _, key := range p.keys {
		delete(c.locks, key)
	}
}

// decide records the decision of a transaction on its coordinator. The first
// one stands, so a commit that comes after the resolver has given up learns that
// the transaction was aborted.
func (t *tick) decide(r *request) error {
	key := tables.AppendTransactionKey(nil, transactionDecided, r.transaction)
	stored, found, err := t.core.state.Get(key, nil)
	if err != nil {
		return err
	}
	if found {
		committed, _, err := decodeDecision(stored)
		t.reply(r, committed, nil)
		return err
	}
	commit := r.commit && t.core.prepared[r.transaction] != nil
	t.write.Set(key, appendDecision(nil, commit, r.participant))
	if err := t.carryOut(r.transaction, commit); err != nil {
		return err
	}
	t.reply(r, commit, nil)
	return nil
}

func (t *tick) finishTransaction(r *request) error {
	if err := t.carryOut(r.transaction, r.commit); err != nil {
		return err
	}
	t.reply(r, r.commit, nil)
	return nil
}

// carryOut writes or drops a prepared part. Without one there is nothing to do:
// it was carried out before, or never prepared.
func (t *tick) carryOut(id transactionID, commit bool) error {
	p := t.core.prepared[id]
	if p == nil {
		return nil
	}
	t.core.release(p)
	t.released = true
	t.write.Delete(tables.AppendTransactionKey(nil, transactionPrepared, id))
	if !commit {
		return nil
	}
	var live []part
	for i := range p.parts {
		if t.core.codec(p.parts[i].relation) != nil { // dropped meanwhile: its rows go with it
			live = append(live, p.parts[i])
		}
	}
	return t.writeParts(live)
}

// A prepared transaction is stored as
//
//	version u8 · coordinator · participants n · shard* · parts n · part*
//	part := relation · stream u8 · length · record batch, or batch of sql/types
func (p *preparedTransaction) append(buf []byte) []byte {
	buf = append(buf, recordVersion)
	buf = binary.AppendUvarint(buf, uint64(p.coordinator))
	buf = binary.AppendUvarint(buf, uint64(len(p.participants)))
	for _, shard := range p.participants {
		buf = binary.AppendUvarint(buf, uint64(shard))
	}
	buf = binary.AppendUvarint(buf, uint64(len(p.parts)))
	for i := range p.parts {
		buf = binary.AppendUvarint(buf, uint64(p.parts[i].relation))
		content, stream := p.parts[i].records, byte(1)
		if content == nil {
			content, stream = types.AppendBatch(nil, p.parts[i].rows), 0
		}
		buf = append(buf, stream)
		buf = binary.AppendUvarint(buf, uint64(len(content)))
		buf = append(buf, content...)
	}
	return buf
}

// decodePrepared decodes a stored prepared transaction. Parts of relations that
// are gone are left out.
func (c *core) decodePrepared(id transactionID, data []byte) (*preparedTransaction, error) {
	p := &preparedTransaction{id: id}
	if len(data) == 0 || data[0] != recordVersion {
		return nil, errBadRecord
	}
	in := uvarintReader{data: data[1:]}
	p.coordinator = int(in.next())
	for n := in.next(); n > 0 && !in.bad; n-- {
		p.participants = append(p.participants, int(in.next()))
	}
	for n := in.next(); n > 0 && !in.bad; n-- {
		relation := catalog.ObjectID(in.next())
		if len(in.data) == 0 {
			return nil, errBadRecord
		}
		stream := in.data[0] == 1
		in.data = in.data[1:]
		content := in.bytes()
		codec := c.codec(relation)
		if codec == nil || in.bad {
			continue
		}
		decoded, err := decodePart(codec, relation, stream, content)
		if err != nil {
			return nil, err
		}
		p.parts = append(p.parts, decoded)
	}
	if in.bad {
		return nil, errBadRecord
	}
	return p, nil
}

func decodePart(codec *relationCodec, relation catalog.ObjectID, stream bool, content []byte) (part, error) {
	p := part{relation: relation}
	if !stream {
		rows, err := types.DecodeBatch(content, codec.columns)
		p.rows = rows
		return p, err
	}
	batch, _, err := log.ParseBatch(content)
	if err != nil {
		return p, err
	}
	all := make([]int, len(codec.columns))
	for i := range all {
		all[i] = i
	}
	p.records = content
	p.rows = types.NewBatch(codec.columns)
	return p, newFetchReader(codec, all).decodeRecords(&batch, 0, p.rows)
}

// loadTransactions reads the prepared transactions, their locks, and the
// decisions that may not have been carried out everywhere.
func (c *core) loadTransactions() error {
	c.prepared, c.locks, c.decided = map[transactionID]*preparedTransaction{}, map[string]transactionID{}, nil
	err := c.eachTransaction(transactionPrepared, func(id transactionID, record []byte) error {
		p, err := c.decodePrepared(id, record)
		if err == nil {
			c.hold(p)
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.eachTransaction(transactionDecided, func(id transactionID, record []byte) error {
		_, participants, err := decodeDecision(record)
		c.decided = append(c.decided, openTransaction{id: id, coordinator: c.shard, shards: participants})
		return err
	})
}

// eachTransaction calls visit with the stored records of one kind.
func (c *core) eachTransaction(kind byte, visit func(id transactionID, record []byte) error) error {
	from := []byte{byte(tables.KindTransaction), kind}
	it, err := c.state.Scan(from, tables.PrefixEnd(nil, from))
	if err != nil {
		return err
	}
	defer it.Close()
	for it.Next() {
		_, id, err := tables.ParseTransactionKey(it.Key())
		if err != nil {
			return err
		}
		if err := visit(id, append([]byte(nil), it.Value()...)); err != nil {
			return fmt.Errorf("transaction %v: %w", transactionID(id), err)
		}
	}
	return it.Err()
}

// A decision is stored as
//
//	version u8 · committed u8 · participants n · shard*
func appendDecision(buf []byte, committed bool, participants []int) []byte {
	buf = append(buf, recordVersion, 0)
	if committed {
		buf[len(buf)-1] = 1
	}
	buf = binary.AppendUvarint(buf, uint64(len(participants)))
	for _, shard := range participants {
		buf = binary.AppendUvarint(buf, uint64(shard))
	}
	return buf
}

func decodeDecision(data []byte) (committed bool, participants []int, err error) {
	if len(data) < 3 || data[0] != recordVersion {
		return false, nil, errBadRecord
	}
	in := uvarintReader{data: data[2:]}
	for n := in.next(); n > 0 && !in.bad; n-- {
		participants = append(participants, int(in.next()))
	}
	if in.bad {
		return false, nil, errBadRecord
	}
	return data[1] == 1, participants, nil
}
