package catalog

// resultRecord is the encoded form of a Result.
type resultRecord struct {
	Version   uint64     `json:"version"`
	Created   []ObjectID `json:"created,omitempty"`
	Dropped   []ObjectID `json:"dropped,omitempty"`
	First     int64      `json:"first,omitempty"`
	Count     int64      `json:"count,omitempty"`
	Increment int64      `json:"increment,omitempty"`
	Epoch     uint64     `json:"epoch,omitempty"`
	Notices   []Notice   `json:"notices,omitempty"`
}

// EncodeResult returns the bytes of a command's result, for the node that asked for the
// command.
func EncodeResult(result *Result) ([]byte, error) { return marshalVersioned(resultRecord(*result)) }

// DecodeResult is the inverse of EncodeResult.
func DecodeResult(encoded []byte) (Result, error) {
	var r resultRecord
	err := unmarshalVersioned(encoded, &r)
	return Result(r), err
}
