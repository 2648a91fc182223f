package exec

import (
	"encoding/binary"
	"errors"

	"millrace/sql/catalog"
)

// A request on its way to the node that leads its shard:
//
//	version u8 · shard · catalog version · kind u8 · producer · sequence ·
//	transaction 16 bytes · coordinator varint · participants n · shard* · flags u8 ·
//	parts n · part*
//	part := stored part (transaction_records.go) · layout · flags u8 · unique n · index*
//
// The numbers are uvarints. The catalog version is the asker's: the rows of the parts can
// be read with one that is as new. Of a part's flags, 1 says that the rows are entries of a
// unique index; of the request's, 1 is commit and 2 lapsed.

const (
	requestVersion = 1

	partEntry = 1
)

var errBadRequest = errors.New("exec: another node's request is malformed")

// appendRequest encodes a request to a shard.
func appendRequest(buf []byte, shard int, version uint64, r *request) []byte {
	buf = append(buf, requestVersion)
	buf = binary.AppendUvarint(buf, uint64(shard))
	buf = binary.AppendUvarint(buf, version)
	buf = append(buf, byte(r.kind))
	buf = binary.AppendUvarint(buf, r.producer)
	buf = binary.AppendUvarint(buf, r.sequence)
	buf = append(buf, r.transaction[:]...)
	buf = binary.AppendVarint(buf, int64(r.coordinator))
	buf = binary.AppendUvarint(buf, uint64(len(r.participant)))
	for _, shard := range r.participant {
		buf = binary.AppendUvarint(buf, uint64(shard))
	}
	buf = appendBool(buf, r.commit, r.lapsed)
	buf = binary.AppendUvarint(buf, uint64(len(r.parts)))
	for i := range r.parts {
		p := &r.parts[i]
		buf = p.append(buf)
		buf = binary.AppendUvarint(buf, p.layout)
		buf = appendFlag(buf, p.entry)
		buf = binary.AppendUvarint(buf, uint64(len(p.unique)))
		for _, id := range p.unique {
			buf = binary.AppendUvarint(buf, uint64(id))
		}
	}
	return buf
}

func appendFlag(buf []byte, flag bool) []byte {
	if flag {
		return append(buf, 1)
	}
	return append(buf, 0)
}

// encodedRequest is a request of which the parts are not decoded.
type encodedRequest struct {
	request request
	parts   []encodedPart
}

type encodedPart struct {
	stored storedPart
	layout uint64
	entry  bool
	unique []catalog.ObjectID
}

// readRequest reads an encoded request, which aliases the data, and says for which shard it
// is, and with which version of the catalog it can be decoded.
func readRequest(data []byte, shards int) (shard int, version uint64, e *encodedRequest, err error) {
	if len(data) == 0 || data[0] != requestVersion {
		return 0, 0, nil, errBadRequest
	}
	in := uvarintReader{data: data[1:]}
	e = &encodedRequest{}
	shard, version = in.shard(shards), in.next()
	r := &e.request
	r.kind = requestKind(in.byte())
	r.producer, r.sequence = in.next(), in.next()
	if id := in.take(len(r.transaction)); id != nil {
		r.transaction = transactionID(id)
	}
	r.coordinator = int(in.varint())
	for n := in.next(); n > 0 && !in.bad; n-- {
		r.participant = append(r.participant, in.shard(shards))
	}
	flags := in.byte()
	r.commit, r.lapsed = flags&1 != 0, flags&2 != 0
	for n := in.next(); n > 0 && !in.bad; n-- {
		p := encodedPart{stored: in.part(), layout: in.next(), entry: in.byte()&partEntry != 0}
		for unique := in.next(); unique > 0 && !in.bad; unique-- {
			p.unique = append(p.unique, catalog.ObjectID(in.next()))
		}
		e.parts = append(e.parts, p)
	}
	if in.bad || len(in.data) > 0 || r.kind > requestForget || r.coordinator < catalogCoordinator || r.coordinator >= shards {
		return 0, 0, nil, errBadRequest
	}
	return shard, version, e, nil
}

// decode decodes the parts with a catalog. Those whose relation is another one there are
// outdated.
func (e *encodedRequest) decode(snapshot *catalog.Snapshot) (*request, error) {
	r := e.request
	for i := range e.parts {
		in := &e.parts[i]
		p := part{relation: in.stored.relation, layout: in.layout, entry: in.entry, unique: in.unique, own: in.stored.own}
		relation := storedRelation(snapshot, p.relation)
		switch {
		case p.own:
			p.stored = in.stored.whole
		case relation == nil || relation.Layout != in.layout:
			p.outdated = true
		default:
			codec := newRelationCodec(relation)
			if (in.stored.kind == storedStream) != (relation.Kind == catalog.KindStream) || in.stored.columns != uint64(len(codec.columns)) {
				return nil, errBadRequest
			}
			decoded, err := in.stored.decode(codec)
			if err != nil {
				return nil, err
			}
			p.operation, p.rows, p.old, p.records = decoded.operation, decoded.rows, decoded.old, decoded.records
		}
		r.parts = append(r.parts, p)
		r.bytes += len(in.stored.whole)
	}
	return &r, nil
}

// shard reads the number of a shard.
func (r *uvarintReader) shard(shards int) int {
	n := r.next()
	if n >= uint64(shards) {
		r.bad = true
		return 0
	}
	return int(n)
}

// byte reads a byte.
func (r *uvarintReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// take reads so many bytes, which alias the data; nil when there are fewer.
func (r *uvarintReader) take(n int) []byte {
	if n > len(r.data) {
		r.bad, r.data = true, nil
		return nil
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}
