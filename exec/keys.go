package exec

import (
	"encoding/binary"
	"errors"

	"millrace/sql/catalog"
	"millrace/tables"
)

// The loops' own records in the table store, beside rows and operator state.
// Those about positions share the position key's form (query, stage, input):
//
//	(0, 0, 0)              the shard: catalog version and the objects known in it
//	(query, stage, 0xffff) the stage: whether it has started, its shuffle numbers
//	(query, stage, n)      the position of input n
//	(index, 0, 0)          how far the building of an index is
//
// and rows on their way the internal key's (query, stage, direction, peer,
// number): outgoing rows for shard peer; incoming rows that wait for input peer;
// and, with directions of their own, the errors of a query's rows and the rows
// that came too late (stage and peer 0), and the keys ahead of the scan of input
// peer (the key instead of a number).

const (
	directionErrors tables.Direction = 'e'
	directionAhead  tables.Direction = 'a'
	directionLate   tables.Direction = 'l'

	wholeStage = 0xffff

	transactionPrepared = 'p'
	transactionDecided  = 'd'
)

func shardKey() []byte { return tables.AppendPositionKey(nil, 0, 0, 0) }

func queryStatusKey(query catalog.ObjectID) []byte {
	return tables.AppendQueryKey(nil, uint64(query))
}

func stageKey(id stageID) []byte {
	return tables.AppendPositionKey(nil, uint64(id.query), uint16(id.stage), wholeStage)
}

func inputKey(buf []byte, id stageID, input int) []byte {
	return tables.AppendPositionKey(buf, uint64(id.query), uint16(id.stage), uint16(input))
}

func outgoingKey(buf []byte, id stageID, shard int, number uint64) []byte {
	return tables.AppendInternalKey(buf, uint64(id.query), uint16(id.stage), tables.Outgoing, uint32(shard), number)
}

func waitingKey(buf []byte, id stageID, input int, number uint64) []byte {
	return tables.AppendInternalKey(buf, uint64(id.query), uint16(id.stage), tables.Incoming, uint32(input), number)
}

func lateKey(buf []byte, query catalog.ObjectID, number uint64) []byte {
	return tables.AppendInternalKey(buf, uint64(query), 0, directionLate, 0, number)
}

func errorKey(buf []byte, query catalog.ObjectID, number uint64) []byte {
	return tables.AppendInternalKey(buf, uint64(query), 0, directionErrors, 0, number)
}

// aheadPrefix is what the keys begin with that are ahead of an input's scan; see
// changelog.
func aheadPrefix(id stageID, input int) []byte {
	return tables.AppendInternalPrefix(nil, uint64(id.query), uint16(id.stage), directionAhead, uint32(input))
}

const (
	recordVersion      = 1
	shardRecordVersion = 2
)

var errBadRecord = errors.New("damaged record of a shard's loop")

// shardRecord is what a shard knows of the catalog.
type shardRecord struct {
	version                     uint64
	relations, queries, indexes []catalog.ObjectID
	// tables says, per relation, whether it is a table, and paused, per query,
	// whether it is paused.
	tables, paused []bool
	// storages are the IDs under which rows of tables are stored, those of copies
	// that rewrites are building among them.
	storages []catalog.ObjectID
}

func (r *shardRecord) append(buf []byte) []byte {
	buf = append(buf, shardRecordVersion)
	buf = binary.AppendUvarint(buf, r.version)
	buf = binary.AppendUvarint(buf, uint64(len(r.relations)))
	for i, id := range r.relations {
		buf = appendFlagged(buf, id, r.tables[i])
	}
	buf = binary.AppendUvarint(buf, uint64(len(r.queries)))
	for i, id := range r.queries {
		buf = appendFlagged(buf, id, r.paused[i])
	}
	buf = binary.AppendUvarint(buf, uint64(len(r.storages)))
	for _, id := range r.storages {
		buf = binary.AppendUvarint(buf, uint64(id))
	}
	buf = binary.AppendUvarint(buf, uint64(len(r.indexes)))
	for _, id := range r.indexes {
		buf = binary.AppendUvarint(buf, uint64(id))
	}
	return buf
}

// appendFlagged appends an object and a flag of it.
func appendFlagged(buf []byte, id catalog.ObjectID, flag bool) []byte {
	buf = binary.AppendUvarint(buf, uint64(id))
	if flag {
		return append(buf, 1)
	}
	return append(buf, 0)
}

func decodeShardRecord(data []byte) (shardRecord, error) {
	var r shardRecord
	if len(data) == 0 || data[0] != shardRecordVersion {
		return r, errBadRecord
	}
	in := uvarintReader{data: data[1:]}
	r.version = in.next()
	for n := in.next(); n > 0 && !in.bad; n-- {
		r.relations = append(r.relations, catalog.ObjectID(in.next()))
		r.tables = append(r.tables, in.next() == 1)
	}
	for n := in.next(); n > 0 && !in.bad; n-- {
		r.queries = append(r.queries, catalog.ObjectID(in.next()))
		r.paused = append(r.paused, in.next() == 1)
	}
	for n := in.next(); n > 0 && !in.bad; n-- {
		r.storages = append(r.storages, catalog.ObjectID(in.next()))
	}
	for n := in.next(); n > 0 && !in.bad; n-- {
		r.indexes = append(r.indexes, catalog.ObjectID(in.next()))
	}
	if in.bad {
		return r, errBadRecord
	}
	return r, nil
}

// appendQueryStatus encodes a query's status on a shard.
func appendQueryStatus(buf []byte, state queryState, errorCount, late uint64, failure string) []byte {
	buf = append(buf, recordVersion, byte(state))
	buf = binary.AppendUvarint(buf, errorCount)
	buf = binary.AppendUvarint(buf, late)
	return append(buf, failure...)
}

func decodeQueryStatus(data []byte) (state queryState, errorCount, late uint64, failure string, err error) {
	if len(data) < 3 || data[0] != recordVersion || data[1] > byte(queryFailed) {
		return 0, 0, 0, "", errBadRecord
	}
	in := uvarintReader{data: data[2:]}
	errorCount, late = in.next(), in.next()
	if in.bad {
		return 0, 0, 0, "", errBadRecord
	}
	return queryState(data[1]), errorCount, late, string(in.data), nil
}

const (
	stageStarted = 1 << 0
	stageTold    = 1 << 1
)

func (s *stage) appendRecord(buf []byte) []byte {
	flags := byte(0)
	if s.started {
		flags |= stageStarted
	}
	if s.told {
		flags |= stageTold
	}
	buf = append(buf, recordVersion, flags)
	buf = binary.AppendUvarint(buf, uint64(len(s.sent)))
	for i := range s.sent {
		buf = binary.AppendUvarint(buf, s.sent[i])
		buf = binary.AppendUvarint(buf, s.trimmed[i])
	}
	return buf
}

func (s *stage) decodeRecord(data []byte) error {
	if len(data) < 3 || data[0] != recordVersion {
		return errBadRecord
	}
	s.started, s.told = data[1]&stageStarted != 0, data[1]&stageTold != 0
	in := uvarintReader{data: data[2:]}
	n := in.next()
	if n != uint64(len(s.sent)) {
		return errBadRecord
	}
	for i := range s.sent {
		s.sent[i], s.trimmed[i] = in.next(), in.next()
		s.acknowledged[i], s.handed[i] = s.trimmed[i], s.trimmed[i]
	}
	if in.bad {
		return errBadRecord
	}
	return nil
}
