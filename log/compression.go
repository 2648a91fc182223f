package log

import "fmt"

// Compression is the codec of a record batch, as numbered in the low three
// bits of the batch attributes (Kafka protocol, "Record Batch").
type Compression int8

// The codecs of the Kafka record batch format.
const (
	CompressionNone   Compression = 0
	CompressionGzip   Compression = 1
	CompressionSnappy Compression = 2
	CompressionLZ4    Compression = 3
	CompressionZstd   Compression = 4
)

// String returns Kafka's name of the codec.
func (c Compression) String() string {
	switch c {
	case CompressionNone:
		return "none"
	case CompressionGzip:
		return "gzip"
	case CompressionSnappy:
		return "snappy"
	case CompressionLZ4:
		return "lz4"
	case CompressionZstd:
		return "zstd"
	}
	return fmt.Sprintf("compression(%d)", int8(c))
}

// MaxBatchBytes bounds the records of one batch, decompressed.
const MaxBatchBytes = 64 << 20

func compress(dst, src []byte, compression Compression) ([]byte, error) { return nil, errAPI }
func decompress(src []byte, compression Compression) ([]byte, error)    { return nil, errAPI }
