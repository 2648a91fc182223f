package tables

import (
	"encoding/binary"
	"fmt"
)

// Keys, as they stand in the store. All integers are big endian, so that keys
// sort by their fields in order.
//
//	| shard u32 | kind u8 | object u64 | rest             |
//	            `------------- a shard's key -------------'
//
//	kind                     object   rest
//	'a'  applied index       none     none; the value is the index u64
//	'c'  kept changes        storage  base index u64
//	'i'  index               index    key
//	'n'  internal partition  query    stage u16 · direction u8 · peer u32 · number u64
//	'p'  position            query    stage u16 · input u16
//	'q'  producer            producer none
//	'r'  row                 object   key
//	's'  operator state      query    stage u16 · operator u16 · key
//	't'  transaction         none     kind u8 · transaction id, 16 bytes
//	'y'  query status        query    none
//
// The keys behind rows, indexes and operator states are in the order-preserving
// encoding of sql/types.

// Kind is the first byte of a shard's key: what the key is for.
type Kind byte

// The kinds of keys. Their values are part of the format on disk.
const (
	// KindApplied is the index of the last entry whose writes are stored; the
	// store itself writes it.
	KindApplied Kind = 'a'
	// KindChange is what an entry changed in a table.
	KindChange Kind = 'c'
	// KindIndex is a secondary index.
	KindIndex Kind = 'i'
	// KindInternal is a row of a shuffle on its way.
	KindInternal Kind = 'n'
	// KindPosition is how far a stage has read one of its inputs.
	KindPosition Kind = 'p'
	// KindProducer is the last sequence of a producer.
	KindProducer Kind = 'q'
	// KindRow is a row of a table.
	KindRow Kind = 'r'
	// KindState is the state of an operator.
	KindState Kind = 's'
	// KindTransaction belongs to a transaction over several shards.
	KindTransaction Kind = 't'
	// KindQuery is the status of a query on the shard.
	KindQuery Kind = 'y'
)

// String returns what the kind is called in messages.
func (k Kind) String() string {
	switch k {
	case KindApplied:
		return "applied index"
	case KindChange:
		return "kept changes"
	case KindIndex:
		return "index"
	case KindInternal:
		return "internal partition"
	case KindPosition:
		return "position"
	case KindProducer:
		return "producer"
	case KindRow:
		return "row"
	case KindState:
		return "operator state"
	case KindTransaction:
		return "transaction"
	case KindQuery:
		return "query status"
	}
	return fmt.Sprintf("kind %#02x", byte(k))
}

// Direction tells the two sides of a shuffle apart in an internal key.
type Direction byte

// The sides of a shuffle.
const (
	// Outgoing rows wait until the peer shard has acknowledged them.
	Outgoing Direction = 'o'
	// Incoming rows have arrived from the peer shard and wait for their stage.
	Incoming Direction = 'i'
)

// The lengths of the fixed parts of keys.
const (
	shardSize       = 4
	objectSize      = 1 + 8
	stateSize       = objectSize + 2 + 2
	positionSize    = objectSize + 2 + 2
	internalSize    = objectSize + 2 + 1 + 4 + 8
	transactionSize = 1 + 1 + 16
)

// AppendObjectPrefix appends the prefix of all keys of one kind and object, to
// be used with PrefixEnd as a range.
func AppendObjectPrefix(buf []byte, kind Kind, object uint64) []byte {
	return binary.BigEndian.AppendUint64(append(buf, byte(kind)), object)
}

// AppendRowKey appends the key of a table's row; key is the primary key in the
// order-preserving encoding.
func AppendRowKey(buf []byte, object uint64, key []byte) []byte {
	return append(AppendObjectPrefix(buf, KindRow, object), key...)
}

// AppendIndexKey appends the key of an entry of a secondary index.
func AppendIndexKey(buf []byte, index uint64, key []byte) []byte {
	return append(AppendObjectPrefix(buf, KindIndex, index), key...)
}

// AppendStateKey appends the key of one state of an operator. With an empty key
// it is the prefix of all states of the operator.
func AppendStateKey(buf []byte, query uint64, stage, operator uint16, key []byte) []byte {
	buf = AppendObjectPrefix(buf, KindState, query)
	buf = binary.BigEndian.AppendUint16(buf, stage)
	buf = binary.BigEndian.AppendUint16(buf, operator)
	return append(buf, key...)
}

// AppendPositionKey appends the key of a stage's position in an input.
func AppendPositionKey(buf []byte, query uint64, stage, input uint16) []byte {
	buf = AppendObjectPrefix(buf, KindPosition, query)
	buf = binary.BigEndian.AppendUint16(buf, stage)
	return binary.BigEndian.AppendUint16(buf, input)
}

// AppendProducerKey appends the key of a producer's last sequence.
func AppendProducerKey(buf []byte, producer uint64) []byte {
	return AppendObjectPrefix(buf, KindProducer, producer)
}

// AppendQueryKey appends the key of a query's status on the shard.
func AppendQueryKey(buf []byte, query uint64) []byte {
	return AppendObjectPrefix(buf, KindQuery, query)
}

// AppendInternalPrefix appends the prefix of all rows between a stage and one
// peer shard in one direction.
func AppendInternalPrefix(buf []byte, query uint64, stage uint16, direction Direction, peer uint32) []byte {
	buf = AppendObjectPrefix(buf, KindInternal, query)
	buf = binary.BigEndian.AppendUint16(buf, stage)
	buf = append(buf, byte(direction))
	return binary.BigEndian.AppendUint32(buf, peer)
}

// AppendInternalKey appends the key of the rows numbered number between a stage
// and a peer shard.
func AppendInternalKey(buf []byte, query uint64, stage uint16, direction Direction, peer uint32, number uint64) []byte {
	return binary.BigEndian.AppendUint64(AppendInternalPrefix(buf, query, stage, direction, peer), number)
}

// AppendTransactionKey appends the key of a transaction's record; kind is the
// caller's (prepared, decided, …).
func AppendTransactionKey(buf []byte, kind byte, transaction [16]byte) []byte {
	return append(append(buf, byte(KindTransaction), kind), transaction[:]...)
}

// PrefixEnd appends to buf the smallest key above all keys that begin with
// prefix. It appends nothing when there is none (prefix is empty or all 0xff),
// which Scan takes as the end of the shard. buf and prefix must not overlap.
func PrefixEnd(buf, prefix []byte) []byte {
	for end := len(prefix); end > 0; end-- {
		if prefix[end-1] != 0xff {
			buf = append(buf, prefix[:end]...)
			buf[len(buf)-1]++
			return buf
		}
	}
	return buf
}

// KeyKind returns the kind of a shard's key.
func KeyKind(key []byte) (Kind, error) {
	if len(key) == 0 {
		return 0, fmt.Errorf("tables: empty key")
	}
	return Kind(key[0]), nil
}

// parse checks the kind and the length of the fixed part of a key.
func parse(key []byte, kind Kind, size int) error {
	if len(key) < size || Kind(key[0]) != kind {
		return fmt.Errorf("tables: %x is not the key of a %v", key, kind)
	}
	return nil
}

// ParseRowKey returns the object and the primary key, which aliases the key.
func ParseRowKey(key []byte) (object uint64, rest []byte, err error) {
	if err := parse(key, KindRow, objectSize); err != nil {
		return 0, nil, err
	}
	return binary.BigEndian.Uint64(key[1:]), key[objectSize:], nil
}

// ParseIndexKey returns the index and the indexed key, which aliases the key.
func ParseIndexKey(key []byte) (index uint64, rest []byte, err error) {
	if err := parse(key, KindIndex, objectSize); err != nil {
		return 0, nil, err
	}
	return binary.BigEndian.Uint64(key[1:]), key[objectSize:], nil
}

// StateKey is a decoded key of an operator's state.
type StateKey struct {
	Query           uint64
	Stage, Operator uint16
	// Key aliases the parsed key.
	Key []byte
}

// ParseStateKey decodes a key made by AppendStateKey.
func ParseStateKey(key []byte) (StateKey, error) {
	if err := parse(key, KindState, stateSize); err != nil {
		return StateKey{}, err
	}
	return StateKey{
		Query:    binary.BigEndian.Uint64(key[1:]),
		Stage:    binary.BigEndian.Uint16(key[objectSize:]),
		Operator: binary.BigEndian.Uint16(key[objectSize+2:]),
		Key:      key[stateSize:],
	}, nil
}

// PositionKey is a decoded key of a position.
type PositionKey struct {
	Query        uint64
	Stage, Input uint16
}

// ParsePositionKey decodes a key made by AppendPositionKey.
func ParsePositionKey(key []byte) (PositionKey, error) {
	if err := parse(key, KindPosition, positionSize); err != nil {
		return PositionKey{}, err
	}
	return PositionKey{
		Query: binary.BigEndian.Uint64(key[1:]),
		Stage: binary.BigEndian.Uint16(key[objectSize:]),
		Input: binary.BigEndian.Uint16(key[objectSize+2:]),
	}, nil
}

// ParseProducerKey returns the producer of a key made by AppendProducerKey.
func ParseProducerKey(key []byte) (producer uint64, err error) {
	if err := parse(key, KindProducer, objectSize); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(key[1:]), nil
}

// ParseQueryKey returns the query of a key made by AppendQueryKey.
func ParseQueryKey(key []byte) (query uint64, err error) {
	if err := parse(key, KindQuery, objectSize); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(key[1:]), nil
}

// InternalKey is a decoded key of an internal partition.
type InternalKey struct {
	Query     uint64
	Stage     uint16
	Direction Direction
	Peer      uint32
	Number    uint64
}

// ParseInternalKey decodes a key made by AppendInternalKey.
func ParseInternalKey(key []byte) (InternalKey, error) {
	if err := parse(key, KindInternal, internalSize); err != nil {
		return InternalKey{}, err
	}
	return InternalKey{
		Query:     binary.BigEndian.Uint64(key[1:]),
		Stage:     binary.BigEndian.Uint16(key[objectSize:]),
		Direction: Direction(key[objectSize+2]),
		Peer:      binary.BigEndian.Uint32(key[objectSize+3:]),
		Number:    binary.BigEndian.Uint64(key[objectSize+7:]),
	}, nil
}

// ParseTransactionKey decodes a key made by AppendTransactionKey.
func ParseTransactionKey(key []byte) (kind byte, transaction [16]byte, err error) {
	if err := parse(key, KindTransaction, transactionSize); err != nil {
		return 0, transaction, err
	}
	copy(transaction[:], key[2:])
	return key[1], transaction, nil
}
