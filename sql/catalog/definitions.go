package catalog

import (
	"cmp"
	"encoding/json"
	"slices"

	"millrace/sql/sqlerr"
)

// The definitions of a transaction.
//
// A transaction that defines something applies its commands to a copy of the catalog
// that is its own (Extend), and its statements are planned against the copy. At COMMIT
// the commands become one entry of the catalog's log, Define: all of them or none.
// The catalog may have changed meanwhile, so that they are applied again to what
// there is then, and must do there what they did in the copy.
//
// Invariants:
//   - What a command makes has the same IDs in every copy: the transaction reserves a
//     range of IDs before, and a step says where in it its command begins. So IDs need
//     not grow with time: an object is put into its place in the lists, and a query
//     shares only the work of those with smaller IDs.
//   - A command says by versions what it was made from. Those above the step's Base
//     are of the copy: they count from there, and are moved with it.
//   - A step that does another number of changes than it did in the copy fails, and
//     with it the whole entry, which the session reports as 40001.
//   - A transaction that writes rows, too, has these prepared on their shards before,
//     and Define is its decision (Transaction). It is remembered until the shards have
//     carried it out. A transaction that is not remembered was not committed; who says
//     so to a shard makes sure by DecideTransaction that it will not be, either: Define
//     counts only while Aborts is what it was when the first part was prepared.

// Define applies what a transaction has defined.
type Define struct {
	Steps []Step
	// End is behind the last ID of the transaction's range. What is left of it is
	// given back where no other ID was given since.
	End ObjectID
	// Transaction names the transaction whose rows are prepared, all zeros for one
	// that has none, and Aborts is Snapshot.Aborts before they were.
	Transaction [16]byte
	Aborts      uint64
	// Held says that the definitions rely on what Holder has locked in Reign.
	Held          bool
	Reign, Holder uint64
}

// Step is one command of a transaction.
type Step struct {
	Command Command
	// Base is the version of the catalog that the copy was made from to which the
	// command was applied first.
	Base uint64
	// First is the ID of the first object that it makes, and Changes is how many
	// versions it made.
	First   ObjectID
	Changes uint64
}

// ReserveIDs reserves Count IDs of objects for a transaction, from Result.First on. It
// does not change the catalog's version.
type ReserveIDs struct{ Count int64 }

// ReturnIDs gives the IDs from First to End back that were reserved, End left out, where
// no other ID was given since. It does not change the catalog's version.
type ReturnIDs struct{ First, End ObjectID }

// DecideTransaction asks whether a transaction that a Define decides was committed, and
// sees to it that it will not be if it was not. Result.Count is 1 where it was, and 2 where
// the shards have carried it out, too.
type DecideTransaction struct{ ID [16]byte }

// ForgetTransaction says that the shards have carried out a committed transaction.
type ForgetTransaction struct{ ID [16]byte }

func (*Define) command()            {}
func (*ReserveIDs) command()        {}
func (*ReturnIDs) command()         {}
func (*DecideTransaction) command() {}
func (*ForgetTransaction) command() {}

// Aborts counts the transactions that were decided not to be committed.
func (s *Snapshot) Aborts() uint64 { return s.aborts }

// Committed returns the transactions with definitions that are committed and not yet
// carried out on all shards.
func (s *Snapshot) Committed() [][16]byte { return s.committed }

// IsCommitted reports whether Committed has a transaction.
func (s *Snapshot) IsCommitted(id [16]byte) bool { return slices.Contains(s.committed, id) }

// Extend applies a command of a transaction to its copy of the catalog, which was made
// from version base, and returns the next copy and the step. The objects that the
// command makes have IDs from first on. The copy must not be written to a log.
func (s *Snapshot) Extend(command Command, base uint64, first ObjectID) (*Snapshot, Step, Result, error) {
	copied := *s
	copied.nextID = first
	next, result, err := Apply(&copied, command)
	if err != nil {
		return nil, Step{}, result, err
	}
	return next, Step{Command: command, Base: base, First: first, Changes: next.version - s.version}, result, nil
}

// NextID is the ID that the next object is given.
func (s *Snapshot) NextID() ObjectID { return s.nextID }

// Replay applies the steps of a transaction in their order: to make its copy anew when
// the catalog has changed, and at COMMIT. Errors of steps that cannot be done any more
// have SQLSTATE 40001.
func (s *Snapshot) Replay(steps []Step) (*Snapshot, Result, error) {
	next, all := s, Result{Version: s.version}
	for i := range steps {
		step := &steps[i]
		command := Moved(step.Command, step.Base, s.version)
		after, done, result, err := next.Extend(command, s.version, step.First)
		if err != nil {
			return nil, all, outdatedError(err)
		}
		if done.Changes != step.Changes {
			return nil, all, outdatedError(nil)
		}
		next = after
		all.Created, all.Dropped = append(all.Created, result.Created...), append(all.Dropped, result.Dropped...)
		all.Version = next.version
	}
	return next, all, nil
}

// outdatedError is the error of a transaction whose definitions met others.
func outdatedError(cause error) error {
	err := sqlerr.New(sqlerr.SerializationFailure, -1, "could not serialize access due to concurrent definition of the same objects").
		WithHint("Run the transaction again.")
	if cause != nil {
		err = err.WithDetail("%v", cause)
	}
	return err
}

// Moved returns a command with the versions that lie above base counted from another
// one.
func Moved(command Command, base, to uint64) Command {
	move := func(version uint64) uint64 {
		if version > base {
			return version - base + to
		}
		return version
	}
	switch c := command.(type) {
	case *Authored:
		return &Authored{Role: c.Role, Command: Moved(c.Command, base, to)}
	case *Held:
		return &Held{Reign: c.Reign, Holder: c.Holder, Command: Moved(c.Command, base, to)}
	case *CreateRelation:
		if c.Query == nil {
			return c
		}
		clone, query := *c, *c.Query
		query.Version = move(query.Version)
		clone.Query = &query
		return &clone
	case *CreateQuery:
		return withVersion(c, func(c *CreateQuery) *uint64 { return &c.Query.Version }, move)
	case *CreateView:
		return withVersion(c, func(c *CreateView) *uint64 { return &c.View.Version }, move)
	case *AlterView:
		return withVersion(c, func(c *AlterView) *uint64 { return &c.Base }, move)
	case *AlterType:
		return withVersion(c, func(c *AlterType) *uint64 { return &c.Base }, move)
	case *AlterRelation:
		return withVersion(c, func(c *AlterRelation) *uint64 { return &c.Base }, move)
	case *CreateShadow:
		return withVersion(c, func(c *CreateShadow) *uint64 { return &c.Base }, move)
	default:
		return command
	}
}

// withVersion returns a copy of a command whose version is moved.
func withVersion[C any](command *C, version func(*C) *uint64, move func(uint64) uint64) *C {
	clone := *command
	at := version(&clone)
	*at = move(*at)
	return &clone
}

// inserted puts an object into its place in a list that is in the order of IDs: those
// that a transaction reserved may be smaller than others that are there.
func inserted[T any](list []*T, object *T, id func(*T) ObjectID) []*T {
	at, _ := slices.BinarySearchFunc(list, id(object), func(x *T, wanted ObjectID) int { return cmp.Compare(id(x), wanted) })
	return slices.Insert(list, at, object)
}

func applyDefine(s *Snapshot, c *Define) (*Snapshot, Result, error) {
	decides := c.Transaction != [16]byte{}
	if decides && c.Aborts != s.aborts {
		return s, Result{Version: s.version}, sqlerr.New(sqlerr.SerializationFailure, -1, "the transaction was aborted because its outcome was not decided in time").
			WithHint("Run the transaction again.")
	}
	if c.Held && s.lost(c.Reign, c.Holder) {
		return s, Result{Version: s.version}, lostError()
	}
	if c.End > s.nextID {
		return s, Result{Version: s.version}, outdatedError(nil) // its IDs were given back
	}
	defined, result, err := s.Replay(c.Steps)
	if err == nil && defined != s && defined.nextID > c.End {
		err = outdatedError(nil)
	}
	if err != nil {
		return s, Result{Version: s.version}, err
	}
	next := *defined
	next.nextID = max(s.nextID, FirstObjectID)
	if c.End == s.nextID && defined != s && defined.nextID < c.End {
		next.nextID = defined.nextID
	}
	if decides {
		next.committed = append(slices.Clip(s.committed), c.Transaction)
	}
	return &next, result, nil
}

func applyReserveIDs(s *Snapshot, c *ReserveIDs) (*Snapshot, Result, error) {
	result := Result{Version: s.version}
	first := max(s.nextID, FirstObjectID)
	if c.Count < 1 || ObjectID(c.Count) > maxObjectID-first {
		return s, result, sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "there are no more object identifiers")
	}
	next := *s
	next.nextID = first + ObjectID(c.Count)
	result.First = int64(first)
	return &next, result, nil
}

// maxObjectID bounds IDs, which clients see as OIDs of 32 bits.
const maxObjectID ObjectID = 1<<32 - 1

func applyReturnIDs(s *Snapshot, c *ReturnIDs) (*Snapshot, Result, error) {
	result := Result{Version: s.version}
	if c.End != s.nextID || c.First >= c.End || c.First < FirstObjectID {
		return s, result, nil // others were given since
	}
	next := *s
	next.nextID = c.First
	return &next, result, nil
}

func applyDecideTransaction(s *Snapshot, c *DecideTransaction) (*Snapshot, Result, error) {
	result := Result{Version: s.version}
	switch {
	case s.IsCommitted(c.ID):
		result.Count = 1
		return s, result, nil
	case slices.Contains(s.carriedOut, c.ID):
		result.Count = 2
		return s, result, nil
	}
	next := *s
	next.aborts++
	return &next, result, nil
}

func applyForgetTransaction(s *Snapshot, c *ForgetTransaction) (*Snapshot, Result, error) {
	result := Result{Version: s.version}
	if !s.IsCommitted(c.ID) {
		return s, result, nil
	}
	next := *s
	next.committed = slices.DeleteFunc(slices.Clone(s.committed), func(id [16]byte) bool { return id == c.ID })
	next.carriedOut = append(slices.Clip(s.carriedOut), c.ID)
	if surplus := len(next.carriedOut) - maxDone; surplus > 0 {
		next.carriedOut = slices.Clone(next.carriedOut[surplus:])
	}
	return &next, result, nil
}

// The records of these commands.

type defineRecord struct {
	Steps       []stepRecord `json:"steps"`
	End         ObjectID     `json:"end,omitempty"`
	Transaction []byte       `json:"transaction,omitempty"`
	Aborts      uint64       `json:"aborts,omitempty"`
	Held        *holdRecord  `json:"held,omitempty"`
}

type holdRecord struct {
	Reign  uint64 `json:"reign"`
	Holder uint64 `json:"holder"`
}

type stepRecord struct {
	Command commandEnvelope `json:"command"`
	Base    uint64          `json:"base"`
	First   ObjectID        `json:"first"`
	Changes uint64          `json:"changes"`
}

type returnIDsRecord struct {
	First ObjectID `json:"first"`
	End   ObjectID `json:"end"`
}

type transactionRecord struct {
	ID []byte `json:"id"`
}

// transactionBytes are transactions in a record.
func transactionBytes(ids [][16]byte) [][]byte {
	var list [][]byte
	for _, id := range ids {
		list = append(list, id[:])
	}
	return list
}

// transactionsOf is the inverse of transactionBytes.
func transactionsOf(list [][]byte) ([][16]byte, error) {
	var ids [][16]byte
	for _, bytes := range list {
		id, err := (&transactionRecord{bytes}).id()
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// definitionBody returns the record of a command about definitions, nil for others.
func definitionBody(command Command) (kind string, body any, err error) {
	switch c := command.(type) {
	case *Define:
		record := defineRecord{Steps: []stepRecord{}, End: c.End, Aborts: c.Aborts}
		if c.Transaction != [16]byte{} {
			record.Transaction = c.Transaction[:]
		}
		if c.Held {
			record.Held = &holdRecord{Reign: c.Reign, Holder: c.Holder}
		}
		for _, step := range c.Steps {
			kind, body, err := commandBody(step.Command)
			if err != nil {
				return "", nil, err
			}
			encoded, err := json.Marshal(body)
			if err != nil {
				return "", nil, err
			}
			record.Steps = append(record.Steps, stepRecord{
				Command: commandEnvelope{Kind: kind, Body: encoded}, Base: step.Base, First: step.First, Changes: step.Changes,
			})
		}
		return "define", record, nil
	case *ReserveIDs:
		return "reserve_ids", reserveRecord(*c), nil
	case *ReturnIDs:
		return "return_ids", returnIDsRecord(*c), nil
	case *DecideTransaction:
		return "decide_transaction", transactionRecord{c.ID[:]}, nil
	case *ForgetTransaction:
		return "forget_transaction", transactionRecord{c.ID[:]}, nil
	default:
		return "", nil, nil
	}
}

// decodeDefinition reads what definitionBody wrote; nil for other kinds.
func decodeDefinition(envelope *commandEnvelope) (Command, error) {
	switch envelope.Kind {
	case "define":
		return decodeDefine(envelope)
	case "reserve_ids":
		var r reserveRecord
		return (*ReserveIDs)(&r), unmarshal(envelope.Body, &r)
	case "return_ids":
		var r returnIDsRecord
		return (*ReturnIDs)(&r), unmarshal(envelope.Body, &r)
	case "decide_transaction", "forget_transaction":
		var r transactionRecord
		if err := unmarshal(envelope.Body, &r); err != nil {
			return nil, err
		}
		id, err := r.id()
		if envelope.Kind == "decide_transaction" {
			return &DecideTransaction{ID: id}, err
		}
		return &ForgetTransaction{ID: id}, err
	default:
		return nil, nil
	}
}

func (r *transactionRecord) id() (id [16]byte, err error) {
	if len(r.ID) != len(id) {
		return id, corrupt("the ID of a transaction has %d bytes", len(r.ID))
	}
	copy(id[:], r.ID)
	return id, nil
}

func decodeDefine(envelope *commandEnvelope) (Command, error) {
	var r defineRecord
	if err := unmarshal(envelope.Body, &r); err != nil {
		return nil, err
	}
	c := &Define{End: r.End, Aborts: r.Aborts}
	if r.Held != nil {
		c.Held, c.Reign, c.Holder = true, r.Held.Reign, r.Held.Holder
	}
	if r.Transaction != nil {
		var err error
		if c.Transaction, err = (&transactionRecord{r.Transaction}).id(); err != nil {
			return nil, err
		}
	}
	for i := range r.Steps {
		step := &r.Steps[i]
		if step.Command.Kind == "define" {
			return nil, corrupt("a catalog command defines by itself")
		}
		command, err := decodeEnvelope(&step.Command)
		if err != nil {
			return nil, err
		}
		c.Steps = append(c.Steps, Step{Command: command, Base: step.Base, First: step.First, Changes: step.Changes})
	}
	return c, nil
}
