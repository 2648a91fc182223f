package catalog

import (
	"encoding/json"
	"slices"

	"millrace/sql/sqlerr"
)

// The catalog and the cluster's locks.
//
// One node, the coordinator, knows who has locked what; its time is a reign. A reign
// begins with an entry of the catalog's log, and whatever was locked before is not any
// more. So is what a holder has locked, a node from one start to its end, once the
// coordinator has given it up.
//
// Invariants:
//   - A definition that is right only because its maker has locked something (Held,
//     Define.Held) is refused when another reign has begun or the holder was given up, however late it
//     comes: an entry of this log is in front of it.
//   - Copies of tables and unique indexes that are not ready are work of a holder, which
//     nobody goes on with when it or its locks are gone. They go in the same entry.

// Coordinate begins the reign of a node. Result.Count is its number. What was being built
// under locks is dropped.
type Coordinate struct{ Node uint64 }

// GiveUp says that the locks of a holder are not held any more, in a reign. What the holder
// was building is dropped. Where another reign has begun, it does nothing.
type GiveUp struct{ Reign, Holder uint64 }

// Held is a command that relies on what a holder has locked in a reign.
type Held struct {
	Reign, Holder uint64
	Command       Command
}

func (*Coordinate) command() {}
func (*GiveUp) command()     {}
func (*Held) command()       {}

// Reign is a time in which one node knows the cluster's locks.
type Reign struct {
	// Number is 0 before the first reign.
	Number uint64 `json:"number"`
	Node   uint64 `json:"node"`
	// GivenUp are the holders that have been given up in this reign, and Work is what
	// the others are building.
	GivenUp []uint64 `json:"given_up,omitempty"`
	Work    []Work   `json:"work,omitempty"`
}

// Work is what a holder is building.
type Work struct {
	// Object is the copy of a table or a unique index.
	Object ObjectID `json:"object"`
	Holder uint64   `json:"holder"`
}

// Reign returns the newest reign.
func (s *Snapshot) Reign() Reign { return s.reign }

// maxGivenUp bounds the holders that are remembered. The oldest are forgotten first: they
// ended so long ago that nothing of them is under way.
const maxGivenUp = 1024

func applyCoordinate(s *Snapshot, c *Coordinate) (*Snapshot, Result, error) {
	next, result, err := s.dropWork(func(ObjectID) bool { return true })
	if err != nil {
		return s, result, err
	}
	next.reign = Reign{Number: s.reign.Number + 1, Node: c.Node}
	result.Count = int64(next.reign.Number)
	return next, result, nil
}

func applyGiveUp(s *Snapshot, c *GiveUp) (*Snapshot, Result, error) {
	if s.lost(c.Reign, c.Holder) {
		return s, Result{Version: s.version}, nil
	}
	mine := func(object ObjectID) bool { return slices.Contains(s.reign.Work, Work{object, c.Holder}) }
	next, result, err := s.dropWork(mine)
	if err != nil {
		return s, result, err
	}
	next.reign.GivenUp = append(slices.Clone(s.reign.GivenUp), c.Holder)
	if surplus := len(next.reign.GivenUp) - maxGivenUp; surplus > 0 {
		next.reign.GivenUp = next.reign.GivenUp[surplus:]
	}
	next.reign.Work = slices.DeleteFunc(slices.Clone(s.reign.Work), func(w Work) bool { return w.Holder == c.Holder })
	return next, result, nil
}

// lost reports whether what a holder had locked in a reign is not locked any more.
func (s *Snapshot) lost(reign, holder uint64) bool {
	return reign != s.reign.Number || slices.Contains(s.reign.GivenUp, holder)
}

func lostError() error {
	return sqlerr.New(sqlerr.SerializationFailure, -1, "could not serialize access because the transaction's locks were lost").
		WithHint("Run the transaction again.")
}

func applyHeld(s *Snapshot, c *Held) (*Snapshot, Result, error) {
	if s.lost(c.Reign, c.Holder) {
		return s, Result{Version: s.version}, lostError()
	}
	if _, nested := c.Command.(*Held); nested {
		return s, Result{Version: s.version}, sqlerr.New(sqlerr.InternalError, -1, "a command has two holders")
	}
	next, result, err := Apply(s, c.Command)
	if err != nil || next == s {
		return next, result, err
	}
	work := slices.DeleteFunc(slices.Clone(s.reign.Work), func(w Work) bool { return !next.unfinished(w.Object) })
	for _, id := range result.Created {
		if next.unfinished(id) {
			work = append(work, Work{id, c.Holder})
		}
	}
	if len(work) > 0 || len(s.reign.Work) > 0 {
		changed := *next
		changed.reign.Work = work
		next = &changed
	}
	return next, result, nil
}

// unfinished reports whether an object is the copy of a table, or a unique index that is
// not ready.
func (s *Snapshot) unfinished(id ObjectID) bool {
	index := s.Index(id)
	return s.Shadow(id) != nil || index != nil && index.Unique && !index.Ready
}

// dropWork returns a catalog that may be changed, without some of the objects that are
// unfinished.
func (s *Snapshot) dropWork(drop func(ObjectID) bool) (*Snapshot, Result, error) {
	next, all := s, Result{Version: s.version}
	apply := func(command Command) error {
		after, result, err := Apply(next, command)
		if err == nil {
			next, all.Version, all.Dropped = after, result.Version, append(all.Dropped, result.Dropped...)
		}
		return err
	}
	for _, shadow := range s.shadows {
		if drop(shadow.ID) {
			if err := apply(&DropShadow{ID: shadow.ID}); err != nil {
				return s, all, err
			}
		}
	}
	for _, index := range s.indexes {
		if s.unfinished(index.ID) && drop(index.ID) {
			if err := apply(&AbandonIndex{ID: index.ID}); err != nil {
				return s, all, err
			}
		}
	}
	copied := *next
	return &copied, all, nil
}

type heldRecord struct {
	Reign   uint64          `json:"reign"`
	Holder  uint64          `json:"holder"`
	Command commandEnvelope `json:"command"`
}

type coordinateRecord struct {
	Node uint64 `json:"node"`
}

type giveUpRecord struct {
	Reign  uint64 `json:"reign"`
	Holder uint64 `json:"holder"`
}

// reignBody returns the record of a command about reigns, nil for others.
func reignBody(command Command) (kind string, body any, err error) {
	switch c := command.(type) {
	case *Coordinate:
		return "coordinate", coordinateRecord(*c), nil
	case *GiveUp:
		return "give_up", giveUpRecord(*c), nil
	case *Held:
		kind, body, err := commandBody(c.Command)
		if err != nil {
			return "", nil, err
		}
		encoded, err := json.Marshal(body)
		return "held", heldRecord{Reign: c.Reign, Holder: c.Holder, Command: commandEnvelope{Kind: kind, Body: encoded}}, err
	default:
		return "", nil, nil
	}
}

// decodeReignCommand reads what reignBody wrote; nil for other kinds.
func decodeReignCommand(envelope *commandEnvelope) (Command, error) {
	switch envelope.Kind {
	case "coordinate":
		var r coordinateRecord
		return (*Coordinate)(&r), unmarshal(envelope.Body, &r)
	case "give_up":
		var r giveUpRecord
		return (*GiveUp)(&r), unmarshal(envelope.Body, &r)
	case "held":
		var r heldRecord
		if err := unmarshal(envelope.Body, &r); err != nil {
			return nil, err
		}
		if r.Command.Kind == "held" {
			return nil, corrupt("a catalog command has two holders")
		}
		inner, err := decodeEnvelope(&r.Command)
		if err != nil {
			return nil, err
		}
		return &Held{Reign: r.Reign, Holder: r.Holder, Command: inner}, nil
	default:
		return nil, nil
	}
}
