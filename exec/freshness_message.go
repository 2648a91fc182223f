package exec

import (
	"encoding/binary"
	"time"

	"millrace/sql/catalog"
)

// What readers and leaders say to each other about freshness:
//
//	request := count · query* · at · index · timeout (ns) · numbers
//	answer  := at · index · stopped u8 · [state u8 · length · failure] · numbers
//	at      := query · stage
//	numbers := count · (query · stage · number for each shard)*
//
// all uvarints but what is marked. The state is there where stopped is freshNotRunning.

// freshRequest asks the leader of a shard to let the stages of queries pass.
type freshRequest struct {
	// queries stand behind those that feed them; at is the first stage that has not
	// passed.
	queries []catalog.ObjectID
	at      freshAt
	// index is that of the shard's last answer to the reader, 0 before the first.
	index uint64
	// wanted are, of stages that have passed on all shards, the numbers of the next
	// deliveries to this one, by sender.
	wanted []stageNumbers
	// timeout bounds the wait.
	timeout time.Duration
}

// stageNumbers are numbers of a stage, one for each shard.
type stageNumbers struct {
	stage   stageID
	numbers []uint64
}

// numbers returns what was sent by a stage, nil where that is not known.
func (r *freshRequest) numbers(stage stageID) []uint64 {
	for i := range r.wanted {
		if r.wanted[i].stage == stage {
			return r.wanted[i].numbers
		}
	}
	return nil
}

// freshStop says why a stage does not pass.
type freshStop uint8

const (
	// freshPassed is for none: all have passed, or one needs to know what was sent.
	freshPassed freshStop = iota
	freshSlow
	// freshNotRunning queries are paused or have failed.
	freshNotRunning
)

// freshAnswer is how far a shard has come.
type freshAnswer struct {
	at freshAt
	// index is an entry in whose state the stages have passed.
	index   uint64
	stopped freshStop
	// status is that of the query that does not run.
	status queryStatus
	// sent are, of stages that have passed now, the numbers of their next deliveries, by
	// receiver.
	sent []stageNumbers
}

func (a freshAt) append(buf []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(buf, uint64(a.query)), uint64(a.stage))
}

func appendStageNumbers(buf []byte, list []stageNumbers) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(list)))
	for i := range list {
		buf = binary.AppendUvarint(buf, uint64(list[i].stage.query))
		buf = binary.AppendUvarint(buf, uint64(list[i].stage.stage))
		for _, n := range list[i].numbers {
			buf = binary.AppendUvarint(buf, n)
		}
	}
	return buf
}

func (r *freshRequest) append(buf []byte) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(r.queries)))
	for _, id := range r.queries {
		buf = binary.AppendUvarint(buf, uint64(id))
	}
	buf = binary.AppendUvarint(r.at.append(buf), r.index)
	buf = binary.AppendUvarint(buf, uint64(r.timeout))
	return appendStageNumbers(buf, r.wanted)
}

func (a *freshAnswer) append(buf []byte) []byte {
	buf = binary.AppendUvarint(a.at.append(buf), a.index)
	buf = append(buf, byte(a.stopped))
	if a.stopped == freshNotRunning {
		buf = append(buf, byte(a.status.state))
		buf = binary.AppendUvarint(buf, uint64(len(a.status.failure)))
		buf = append(buf, a.status.failure...)
	}
	return appendStageNumbers(buf, a.sent)
}

// small reads a number that is used as an index.
func (r *uvarintReader) small() int {
	v := r.next()
	if v > 1<<31 {
		r.bad = true
		return 0
	}
	return int(v)
}

func (r *uvarintReader) freshAt() freshAt { return freshAt{r.small(), r.small()} }

func (r *uvarintReader) stageNumbers(shards int) []stageNumbers {
	count := r.next()
	if count > uint64(len(r.data)) {
		r.bad = true
		return nil
	}
	var list []stageNumbers
	for range count {
		n := stageNumbers{stageID{catalog.ObjectID(r.next()), r.small()}, make([]uint64, shards)}
		for i := range n.numbers {
			n.numbers[i] = r.next()
		}
		if r.bad {
			return nil
		}
		list = append(list, n)
	}
	return list
}

func decodeFreshRequest(data []byte, shards int) (*freshRequest, error) {
	in := uvarintReader{data: data}
	r := &freshRequest{}
	count := in.next()
	if count > uint64(len(in.data)) {
		return nil, errBadQuestion
	}
	for range count {
		r.queries = append(r.queries, catalog.ObjectID(in.next()))
	}
	r.at, r.index = in.freshAt(), in.next()
	r.timeout = time.Duration(min(in.next(), uint64(24*time.Hour)))
	r.wanted = in.stageNumbers(shards)
	if in.bad || len(in.data) > 0 {
		return nil, errBadQuestion
	}
	return r, nil
}

func decodeFreshAnswer(data []byte, shards int) (*freshAnswer, error) {
	in := uvarintReader{data: data}
	a := &freshAnswer{at: in.freshAt(), index: in.next(), stopped: freshStop(in.byte())}
	if a.stopped == freshNotRunning {
		a.status.state = queryState(in.byte())
		a.status.failure = string(in.bytes())
	}
	a.sent = in.stageNumbers(shards)
	if in.bad || len(in.data) > 0 || a.stopped > freshNotRunning {
		return nil, errBadAnswer
	}
	return a, nil
}
