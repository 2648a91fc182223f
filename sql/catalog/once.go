package catalog

import (
	"encoding/json"
	"slices"
)

// Once is a command that is applied once, however often it comes: whoever proposed it and
// does not know what became of it, since the leader of the catalog's log was lost, proposes
// it again and is told. ID names it, by chance. A command that was refused has done nothing
// and is not remembered.
type Once struct {
	ID      [16]byte
	Command Command
}

func (*Once) command() {}

// maxDone bounds the commands that are remembered. The oldest are forgotten first: nobody
// proposes them again by then.
const maxDone = 256

// doneCommand is what a command has done that is applied once.
type doneCommand struct {
	id     [16]byte
	result Result
}

func applyOnce(s *Snapshot, c *Once) (*Snapshot, Result, error) {
	if at := slices.IndexFunc(s.done, func(d doneCommand) bool { return d.id == c.ID }); at >= 0 {
		return s, s.done[at].result, nil
	}
	next, result, err := Apply(s, c.Command)
	if err != nil {
		return s, result, err
	}
	changed := *next
	changed.done = append(slices.Clip(next.done), doneCommand{c.ID, result})
	if surplus := len(changed.done) - maxDone; surplus > 0 {
		changed.done = slices.Clone(changed.done[surplus:])
	}
	return &changed, result, nil
}

type onceRecord struct {
	ID      []byte          `json:"id"`
	Command commandEnvelope `json:"command"`
}

// doneRecord is the encoded form of a doneCommand.
type doneRecord struct {
	ID     []byte       `json:"id"`
	Result resultRecord `json:"result"`
}

func newDoneRecords(done []doneCommand) []doneRecord {
	var records []doneRecord
	for i := range done {
		records = append(records, doneRecord{done[i].id[:], resultRecord(done[i].result)})
	}
	return records
}

func doneOf(records []doneRecord) ([]doneCommand, error) {
	var done []doneCommand
	for i := range records {
		id, err := (&transactionRecord{records[i].ID}).id()
		if err != nil {
			return nil, err
		}
		done = append(done, doneCommand{id, Result(records[i].Result)})
	}
	return done, nil
}

// onceBody returns the record of a command that is applied once, nil for others.
func onceBody(command Command) (kind string, body any, err error) {
	c, is := command.(*Once)
	if !is {
		return "", nil, nil
	}
	kind, body, err = commandBody(c.Command)
	if err != nil {
		return "", nil, err
	}
	encoded, err := json.Marshal(body)
	return "once", onceRecord{ID: c.ID[:], Command: commandEnvelope{Kind: kind, Body: encoded}}, err
}

// decodeOnce reads what onceBody wrote; nil for other kinds.
func decodeOnce(envelope *commandEnvelope) (Command, error) {
	if envelope.Kind != "once" {
		return nil, nil
	}
	var r onceRecord
	if err := unmarshal(envelope.Body, &r); err != nil {
		return nil, err
	}
	if r.Command.Kind == "once" {
		return nil, corrupt("a catalog command is to be applied once, twice")
	}
	id, err := (&transactionRecord{r.ID}).id()
	if err != nil {
		return nil, err
	}
	inner, err := decodeEnvelope(&r.Command)
	if err != nil {
		return nil, err
	}
	return &Once{ID: id, Command: inner}, nil
}
