package exec

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"millrace/log"
	"millrace/sql/catalog"
	"millrace/sql/types"
	"millrace/tables"
)

// A prepared transaction is stored as
//
//	version u8 · coordinator · participants n · shard* · parts n · part*
//	part := relation · kind u8 · columns · length · content [· length · batch of old rows]
//
// The kind is 1 for a stream, whose content is a record batch, and else says
// what is done with the rows in a batch of sql/types: 0 inserts them, the others
// are one more than their Operation. Updates have the old rows behind. A kind of 128
// more is that of a relation which the transaction itself has made or changed.
func (p *preparedTransaction) append(buf []byte) []byte {
	buf = append(buf, recordVersion)
	buf = binary.AppendUvarint(buf, uint64(p.coordinator))
	buf = binary.AppendUvarint(buf, uint64(len(p.participants)))
	for _, shard := range p.participants {
		buf = binary.AppendUvarint(buf, uint64(shard))
	}
	buf = binary.AppendUvarint(buf, uint64(len(p.parts)))
	for i := range p.parts {
		buf = p.parts[i].append(buf)
	}
	return buf
}

// append appends a part as it is stored.
func (p *part) append(buf []byte) []byte {
	if p.stored != nil {
		return append(buf, p.stored...)
	}
	buf = binary.AppendUvarint(buf, uint64(p.relation))
	content, kind := p.records, byte(storedStream)
	if content == nil {
		content, kind = types.AppendBatch(nil, p.rows), storedKind(p.operation)
	}
	if p.own {
		kind |= storedOwn
	}
	buf = append(buf, kind)
	buf = binary.AppendUvarint(buf, uint64(len(p.rows.Columns)))
	buf = binary.AppendUvarint(buf, uint64(len(content)))
	buf = append(buf, content...)
	if p.old != nil {
		content = types.AppendBatch(nil, p.old)
		buf = binary.AppendUvarint(buf, uint64(len(content)))
		buf = append(buf, content...)
	}
	return buf
}

// preparedPiece is how large the values are in which a prepared transaction is
// stored, in bytes: a large value would make a large block of the table store,
// which every lookup that comes across it reads whole.
const preparedPiece = 32 << 10

// writePrepared stores a prepared transaction: the first piece under its key, the
// others under that and their number.
func (t *tick) writePrepared(p *preparedTransaction) {
	key := tables.AppendTransactionKey(nil, transactionPrepared, p.id)
	record := p.append(nil)
	for p.pieces = 0; p.pieces == 0 || len(record) > 0; p.pieces++ {
		at := key
		if p.pieces > 0 {
			at = binary.BigEndian.AppendUint32(key[:len(key):len(key)], uint32(p.pieces))
		}
		n := min(len(record), t.core.preparedPiece)
		t.write.Set(at, record[:n])
		record = record[n:]
	}
}

func (t *tick) deletePrepared(p *preparedTransaction) {
	key := tables.AppendTransactionKey(nil, transactionPrepared, p.id)
	if p.pieces == 1 {
		t.write.Delete(key)
		return
	}
	t.write.DeleteRange(key, tables.PrefixEnd(nil, key))
}

// storedStream is the kind of a stored part of a stream, and storedOwn is added to the
// kind of a part whose relation is the transaction's own.
const (
	storedStream = 1
	storedOwn    = 128
)

func storedKind(operation Operation) byte {
	if operation == OperationInsert {
		return 0
	}
	return byte(operation) + 1
}

// decodePrepared decodes a stored prepared transaction. Parts of relations that
// are gone are left out, and so are those of its own relations before it is committed.
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
		stored := in.part()
		codec := c.codec(stored.relation)
		if codec == nil || in.bad || stored.own && !c.snapshot.IsCommitted(id) {
			continue
		}
		decoded, err := stored.decode(codec)
		if err != nil {
			return nil, err
		}
		decoded.own = stored.own
		p.parts = append(p.parts, decoded)
	}
	if in.bad {
		return nil, errBadRecord
	}
	return p, nil
}

// storedPart is a part as it is stored, of whose relation nothing is known.
type storedPart struct {
	relation     catalog.ObjectID
	kind         byte
	own          bool
	columns      uint64
	content, old []byte
	// whole is all of it, as it is stored.
	whole []byte
}

// part reads a stored part, which aliases the data.
func (r *uvarintReader) part() storedPart {
	whole := r.data
	p := storedPart{relation: catalog.ObjectID(r.next())}
	if len(r.data) == 0 {
		r.bad = true
		return p
	}
	p.kind, p.own = r.data[0]&^storedOwn, r.data[0]&storedOwn != 0
	r.data = r.data[1:]
	p.columns, p.content = r.next(), r.bytes()
	if p.kind == storedKind(OperationUpdate) {
		p.old = r.bytes()
	}
	p.whole = whole[:len(whole)-len(r.data)]
	return p
}

// decode decodes a stored part, whose rows have the first columns of the relation, and
// adds the others.
func (s *storedPart) decode(codec *relationCodec) (part, error) {
	p := part{relation: s.relation, layout: codec.relation.Layout}
	if s.columns > uint64(len(codec.columns)) || s.kind > storedKind(OperationDelete) {
		return p, errBadRecord
	}
	if s.kind != storedStream {
		if s.kind > 0 {
			p.operation = Operation(s.kind - 1)
		}
		var err error
		if s.kind == storedKind(OperationUpdate) {
			if p.old, err = types.DecodeBatch(s.old, codec.columns[:s.columns]); err != nil {
				return p, err
			}
			codec.complete(p.old)
		}
		if p.rows, err = types.DecodeBatch(s.content, codec.columns[:s.columns]); err == nil {
			codec.complete(p.rows)
		}
		return p, err
	}
	batch, _, err := log.ParseBatch(s.content)
	if err != nil {
		return p, err
	}
	all := make([]int, len(codec.columns))
	for i := range all {
		all[i] = i
	}
	p.records = s.content
	p.rows = types.NewBatch(codec.columns)
	fetch := newFetchReader(codec, all)
	fetch.headers = true
	return p, fetch.decodeRecords(&batch, 0, p.rows)
}

// loadTransactions reads the prepared transactions, their locks, and the
// decisions that may not have been carried out everywhere.
func (c *core) loadTransactions() error {
	c.prepared, c.locks, c.decided = map[transactionID]*preparedTransaction{}, map[string]transactionID{}, map[transactionID]openTransaction{}
	err := c.eachTransaction(transactionPrepared, func(id transactionID, record []byte, pieces int) error {
		p, err := c.decodePrepared(id, record)
		if err == nil {
			p.pieces = pieces
			c.hold(p)
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.eachTransaction(transactionDecided, func(id transactionID, record []byte, _ int) error {
		committed, participants, err := decodeDecision(record)
		c.decided[id] = openTransaction{id: id, coordinator: c.shard, shards: participants, committed: committed}
		return err
	})
}

// eachTransaction calls visit with the stored records of one kind, each put
// together from its pieces.
func (c *core) eachTransaction(kind byte, visit func(id transactionID, record []byte, pieces int) error) error {
	return eachTransaction(c.state, kind, visit)
}

// eachTransaction is core.eachTransaction for any state of a shard.
func eachTransaction(state tables.Reader, kind byte, visit func(id transactionID, record []byte, pieces int) error) error {
	from := []byte{byte(tables.KindTransaction), kind}
	it, err := state.Scan(from, tables.PrefixEnd(nil, from))
	if err != nil {
		return err
	}
	defer it.Close()
	keyLen := len(tables.AppendTransactionKey(nil, kind, transactionID{}))
	for more := it.Next(); more; {
		first := append([]byte(nil), it.Key()...)
		_, id, err := tables.ParseTransactionKey(first)
		if err != nil {
			return err
		}
		record, pieces := append([]byte(nil), it.Value()...), 1
		for more = it.Next(); more && len(it.Key()) > keyLen && bytes.HasPrefix(it.Key(), first); more = it.Next() {
			record = append(record, it.Value()...)
			pieces++
		}
		if err := visit(id, record, pieces); err != nil {
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
