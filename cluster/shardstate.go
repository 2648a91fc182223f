package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"millrace/log"
)

// shardState is what a shard's snapshot contains: everything that is needed to
// apply the log from there on, beside what is durable in segments and in the
// key-value store.
//
//	state     := version u8 (1) · state index uvarint · count uvarint · partition*
//	partition := object uvarint · created uvarint
//	             · start offset uvarint · next offset uvarint
//	             · segment base uvarint · segment bytes uvarint
type shardState struct {
	// stateIndex is the machine's state index at the snapshot's index.
	stateIndex uint64
	partitions []partitionState
}

const shardStateVersion = 1

// encode appends the encoded state to buf, partitions ordered by object.
func (s *shardState) encode(buf []byte) []byte {
	slices.SortFunc(s.partitions, func(a, b partitionState) int {
		if a.object < b.object {
			return -1
		}
		return 1
	})
	buf = append(buf, shardStateVersion)
	buf = binary.AppendUvarint(buf, s.stateIndex)
	buf = binary.AppendUvarint(buf, uint64(len(s.partitions)))
	for _, p := range s.partitions {
		for _, v := range [...]uint64{
			p.object, p.created,
			uint64(p.end.StartOffset), uint64(p.end.NextOffset),
			uint64(p.end.SegmentBase), uint64(p.end.SegmentBytes),
		} {
			buf = binary.AppendUvarint(buf, v)
		}
	}
	return buf
}

// decodeShardState is the inverse of encode.
func decodeShardState(data []byte) (*shardState, error) {
	if len(data) == 0 || data[0] != shardStateVersion {
		return nil, errors.New("cluster: a shard's state of an unknown version")
	}
	r := uvarintReader{data: data[1:]}
	s := &shardState{stateIndex: r.next()}
	count := r.next()
	// A partition takes six bytes at least, which bounds a count that lies.
	if count > uint64(len(r.data)/6) {
		return nil, fmt.Errorf("cluster: a shard's state counts %d partitions in %d bytes", count, len(r.data))
	}
	s.partitions = make([]partitionState, count)
	for i := range s.partitions {
		s.partitions[i] = partitionState{
			object:  r.next(),
			created: r.next(),
			end: log.SyncedEnd{
				StartOffset: r.offset(), NextOffset: r.offset(),
				SegmentBase: r.offset(), SegmentBytes: r.offset(),
			},
		}
	}
	if r.bad || len(r.data) > 0 {
		return nil, errors.New("cluster: a shard's state is malformed")
	}
	return s, nil
}

// uvarintReader reads uvarints until one is malformed.
type uvarintReader struct {
	data []byte
	bad  bool
}

// next reads one; 0 when it or an earlier one is malformed.
func (r *uvarintReader) next() uint64 {
	v, n := binary.Uvarint(r.data)
	if r.bad || n <= 0 {
		r.bad = true
		return 0
	}
	r.data = r.data[n:]
	return v
}

// offset reads one that must fit a signed number.
func (r *uvarintReader) offset() int64 {
	v := r.next()
	if v > math.MaxInt64 {
		r.bad = true
		return 0
	}
	return int64(v)
}
