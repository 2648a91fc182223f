package exec

import "encoding/binary"

// keptErrors bounds the rows of the error stream that are kept per query and
// shard.
const keptErrors = 1000

// rowFailure is a row of a query that could not be evaluated, in the error
// stream:
//
//	version u8 · time · partition · offset + 1 · code length · code · message
type rowFailure struct {
	time          int64 // milliseconds since the Unix epoch
	partition     int
	offset        int64 // -1 where the row has none
	code, message string
}

func (f *rowFailure) append(buf []byte) []byte {
	buf = append(buf, recordVersion)
	buf = binary.AppendUvarint(buf, uint64(f.time))
	buf = binary.AppendUvarint(buf, uint64(f.partition))
	buf = binary.AppendUvarint(buf, uint64(f.offset+1))
	buf = binary.AppendUvarint(buf, uint64(len(f.code)))
	buf = append(buf, f.code...)
	return append(buf, f.message...)
}

func decodeRowFailure(data []byte) (rowFailure, error) {
	var f rowFailure
	if len(data) == 0 || data[0] != recordVersion {
		return f, errBadRecord
	}
	in := uvarintReader{data: data[1:]}
	f.time, f.partition, f.offset = int64(in.next()), int(in.next()), int64(in.next())-1
	f.code = string(in.bytes())
	if in.bad {
		return f, errBadRecord
	}
	f.message = string(in.data)
	return f, nil
}
