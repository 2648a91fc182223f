package exec

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"sync/atomic"

	"millrace/sql/catalog"
	"millrace/sql/types"
)

// What enters a shard's loop. Messages are immutable once submitted, but for
// what their comments say.

// requestKind says what a session (or the resolver of transactions) asks of a
// shard.
type requestKind uint8

const (
	// requestAppend writes parts at once.
	requestAppend requestKind = iota
	// requestPrepare checks parts, keeps them, and locks what they touch, until
	// the transaction is decided.
	requestPrepare
	// requestDecide records a transaction's outcome on its coordinator, once; the
	// first decision stands. It carries out the coordinator's own part.
	requestDecide
	// requestFinish carries out a decision on another participant.
	requestFinish
	// requestForget removes a decision that every participant has carried out.
	requestForget
	// requestOpen asks which transactions are open on the shard: it is answered by
	// request.open, and never leaves the node (settle.go).
	requestOpen
)

// request is a session's write to one shard.
type request struct {
	kind requestKind
	// producer and sequence recognise an append whose outcome was unknown.
	producer, sequence uint64
	parts              []part
	bytes              int

	transaction transactionID
	coordinator int
	participant []int // shards of the transaction, kept with a prepared part and with the decision
	commit      bool

	// open takes, for requestOpen, those of the asked transactions that are open, or all
	// that are where none are asked for.
	asked, open []transactionID

	// hold is what an append, or a decision for commit, relies on, nil for nothing: while
	// it returns an error the request is not to take effect. lapsed says that it did, after
	// a leader may have had the request: an append is only to tell what became of it then.
	hold   func(ctx context.Context) error
	lapsed bool
	// copied is set when leaders may have several copies of the request; nil where nobody
	// minds.
	copied *atomic.Bool

	// undecided says that the request is in an entry whose fate is unknown. The loop that
	// has the request sets it.
	undecided bool
	// done takes the outcome, exactly once. For requestDecide, committed is the
	// decision that stands.
	done func(committed bool, err error)
}

// part is the rows of a request for one relation.
type part struct {
	relation catalog.ObjectID
	// layout is that of the descriptor that the rows were made for.
	layout    uint64
	operation Operation
	// rows has all columns; rowtimes are set for streams.
	rows *types.Batch
	// old has the rows that an update replaces.
	old *types.Batch
	// unique are the unique indexes whose entries the request writes with the rows
	// of a source table; entry says that the rows are such entries.
	unique []catalog.ObjectID
	entry  bool
	// own says that the transaction itself has made or changed the relation: the shard
	// cannot know it before the transaction is committed.
	own bool
	// records is the encoded record batch of a stream's rows, with base offset 0.
	// The loop sets the offset in place.
	records []byte
	// stored is the part as it is stored, of one that came from another node and is the
	// transaction's own: its rows cannot be read before that is committed.
	stored []byte
	// outdated says that the part came from another node, and was made for a relation
	// that is another one here. Such a part has no rows.
	outdated bool
}

// transactionID names a transaction over several shards: the producer of its writer and
// its sequence there, each in 8 bytes, big-endian.
type transactionID [16]byte

func newTransactionID(producer, sequence uint64) transactionID {
	var id transactionID
	binary.BigEndian.PutUint64(id[:8], producer)
	binary.BigEndian.PutUint64(id[8:], sequence)
	return id
}

// writer returns the producer and the sequence.
func (id transactionID) writer() (producer, sequence uint64) {
	return binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
}

// String returns the ID in hexadecimal, for logs.
func (id transactionID) String() string { return hex.EncodeToString(id[:]) }

// delivery is what one shard's stage sends to another shard.
type delivery struct {
	sender, receiver stageID
	from, to         int
	// number counts the deliveries from this shard's stage to that shard.
	number uint64
	// version is the catalog version that the sender used.
	version uint64
	// sent is what is delivered, or nil when payload has it encoded.
	sent    *arrival
	payload []byte
}

// acknowledgement tells a sender which delivery a receiver wants next.
type acknowledgement struct {
	sender stageID
	from   int // the receiving shard
	to     int // the sending shard
	wanted uint64
	// resend asks for everything from wanted on: the receiver has lost what it
	// had not consumed.
	resend bool
}
