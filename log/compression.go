package log

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// Compression is the codec of a record batch, as numbered in the low three
// bits of the batch attributes (Kafka documentation, "Record Batch").
type Compression int8

// The codecs of the Kafka record batch format.
const (
	CompressionNone   Compression = 0
	CompressionGzip   Compression = 1
	CompressionSnappy Compression = 2
	CompressionLZ4    Compression = 3
	CompressionZstd   Compression = 4
)

// MaxBatchBytes bounds the records of one batch after decompression, so that a
// small batch cannot claim all memory.
const MaxBatchBytes = 64 << 20

var errBatchTooLarge = fmt.Errorf("decompresses to more than %d bytes", MaxBatchBytes)

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

// compressor holds what the codecs reuse from batch to batch.
type compressor struct {
	gzip *gzip.Writer
	zstd *zstd.Encoder
	lz4  *lz4Encoder
}

// append compresses src behind dst, which src must not overlap.
func (c *compressor) append(dst, src []byte, compression Compression) ([]byte, error) {
	switch compression {
	case CompressionNone:
		return append(dst, src...), nil
	case CompressionGzip:
		out := bytes.NewBuffer(dst)
		if c.gzip == nil {
			c.gzip = gzip.NewWriter(out)
		} else {
			c.gzip.Reset(out)
		}
		if _, err := c.gzip.Write(src); err != nil {
			return nil, err
		}
		err := c.gzip.Close()
		return out.Bytes(), err
	case CompressionSnappy:
		return append(dst, snappy.Encode(nil, src)...), nil
	case CompressionLZ4:
		if c.lz4 == nil {
			c.lz4 = new(lz4Encoder)
		}
		return c.lz4.appendFrame(dst, src), nil
	case CompressionZstd:
		if c.zstd == nil {
			encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
			if err != nil {
				return nil, err
			}
			c.zstd = encoder
		}
		return c.zstd.EncodeAll(src, dst), nil
	}
	return nil, fmt.Errorf("unknown codec %v", compression)
}

// decompress returns the records of a compressed batch in memory of their own.
// Every failure is a *CorruptionError with a position relative to the batch.
func decompress(src []byte, compression Compression) ([]byte, error) {
	var records []byte
	var err error
	switch compression {
	case CompressionGzip:
		records, err = decompressGzip(src)
	case CompressionSnappy:
		records, err = decompressSnappy(src)
	case CompressionLZ4:
		records, err = decompressLZ4(src, MaxBatchBytes)
	case CompressionZstd:
		records, err = decompressZstd(src)
	default:
		err = errors.New("unknown codec")
	}
	if err != nil {
		return nil, corruption("", BatchHeaderSize, "records compressed with %v: %v", compression, err)
	}
	return records, nil
}

func decompressGzip(src []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(src))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(reader, MaxBatchBytes+1))
	if err != nil {
		return nil, err
	}
	if n > MaxBatchBytes {
		return nil, errBatchTooLarge
	}
	return out.Bytes(), nil
}

func decompressZstd(src []byte) ([]byte, error) {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxBatchBytes))
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	return decoder.DecodeAll(src, nil)
}

// xerialMagic begins the framing of snappy-java, which Kafka's Java client
// writes: the magic, two version numbers (8 bytes), then blocks of length u32
// and that many bytes of a raw snappy block. Other clients write one raw block.
const (
	xerialMagic      = "\x82SNAPPY\x00"
	xerialHeaderSize = 16
)

func decompressSnappy(src []byte) ([]byte, error) {
	if !bytes.HasPrefix(src, []byte(xerialMagic)) {
		return appendSnappyBlock(nil, src)
	}
	if len(src) < xerialHeaderSize {
		return nil, io.ErrUnexpectedEOF
	}
	var out []byte
	for src = src[xerialHeaderSize:]; len(src) > 0; {
		if len(src) < 4 {
			return nil, io.ErrUnexpectedEOF
		}
		length := int64(src[0])<<24 | int64(src[1])<<16 | int64(src[2])<<8 | int64(src[3])
		src = src[4:]
		if length > int64(len(src)) {
			return nil, io.ErrUnexpectedEOF
		}
		var err error
		if out, err = appendSnappyBlock(out, src[:length]); err != nil {
			return nil, err
		}
		src = src[length:]
	}
	return out, nil
}

// appendSnappyBlock decompresses one raw block behind dst.
func appendSnappyBlock(dst, block []byte) ([]byte, error) {
	length, err := snappy.DecodedLen(block)
	if err != nil {
		return nil, err
	}
	if length+len(dst) > MaxBatchBytes {
		return nil, errBatchTooLarge
	}
	// Snappy expands at most 64-fold or so: a copy of up to 64 bytes takes at
	// least two. A longer claim is a lie that must not be allocated.
	if length > 64*len(block) {
		return nil, snappy.ErrCorrupt
	}
	decoded, err := snappy.Decode(nil, block)
	if err != nil {
		return nil, err
	}
	if dst == nil {
		return decoded, nil
	}
	return append(dst, decoded...), nil
}
