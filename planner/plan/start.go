package plan

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// StartKind says where the reading of a stream begins.
type StartKind uint8

// The kinds of start; without one a stream is read from its beginning, or what
// the host of the query says.
const (
	// StartLatest begins with the rows that come from now on.
	StartLatest StartKind = iota + 1
	// StartTime begins, in each partition, with the first row that has at least a
	// rowtime.
	StartTime
	// StartOffsets begins, in each partition, with an offset.
	StartOffsets
)

// Start is where a push or a continuous query begins to read a stream.
type Start struct {
	Kind StartKind
	// Millis is the time, in milliseconds since the Unix epoch.
	Millis int64
	// Offsets are the offsets by partition, -1 for those that are read from the
	// first row there is.
	Offsets []int64
}

// String describes the start for EXPLAIN.
func (s *Start) String() string {
	switch s.Kind {
	case StartLatest:
		return "latest"
	case StartTime:
		return "rowtime " + time.UnixMilli(s.Millis).UTC().Format("2006-01-02 15:04:05.999+00")
	default:
		var list []string
		for partition, offset := range s.Offsets {
			if offset >= 0 {
				list = append(list, strconv.Itoa(partition)+":"+strconv.FormatInt(offset, 10))
			}
		}
		return fmt.Sprintf("offsets %s", strings.Join(list, ", "))
	}
}
