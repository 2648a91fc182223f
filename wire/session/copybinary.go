package session

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"millrace/sql/ast"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// copySignature begins COPY data in binary format; flags and the length of an
// extension area follow (https://www.postgresql.org/docs/15/sql-copy.html).
const copySignature = "PGCOPY\n\xff\r\n\x00"

const (
	copyHeaderLength = len(copySignature) + 8
	// copyFlagOIDs is the critical flag of data with OIDs, which is no longer
	// supported, as in PostgreSQL.
	copyFlagOIDs = 1 << 16
	// copyCriticalFlags must be understood.
	copyCriticalFlags = 0xffff << 16
	copyTrailer       = -1
	maxBinaryField    = 1 << 30
)

// withoutBinary returns a COPY without the option FORMAT binary, and whether
// it was there. The binary format is a matter of the session's alone; a plan is
// the same as for text.
func withoutBinary(n *ast.Copy) (*ast.Copy, bool) {
	for i, option := range n.Options {
		if option.Name != "format" || option.Value == nil {
			continue
		}
		value, err := settingText(option.Value)
		if err != nil || value != "binary" || len(n.Options) > 1 {
			continue
		}
		plain := *n
		plain.Options = append(append([]*ast.Option{}, n.Options[:i]...), n.Options[i+1:]...)
		return &plain, true
	}
	return n, false
}

// binaryDecoder decodes COPY data in binary format.
type binaryDecoder struct {
	loader *copyLoader
	buffer []byte
	start  int
	header bool
	ended  bool
	// tuple counts the rows from 1, field is the number of the field being read or
	// -1.
	tuple int64
	field int
}

func newBinaryDecoder(l *copyLoader) *binaryDecoder { return &binaryDecoder{loader: l, field: -1} }

func (d *binaryDecoder) add(data []byte) {
	if d.start > 0 {
		d.buffer = d.buffer[:copy(d.buffer, d.buffer[d.start:])]
		d.start = 0
	}
	d.buffer = append(d.buffer, data...)
}

// finished implements copyDecoder: data behind the trailer is not passed over, it
// is an error.
func (d *binaryDecoder) finished() bool { return false }

func (d *binaryDecoder) where() string {
	place := fmt.Sprintf("COPY %s, line %d", d.loader.plan.Target.Name, max(1, d.tuple))
	if d.field < 0 {
		return place
	}
	return fmt.Sprintf("%s, column %s", place, d.loader.fieldName(d.field))
}

func (d *binaryDecoder) lastRow() (line int64, text []byte) { return max(1, int64(d.tuple)), nil }

func badBinary(format string, args ...any) error {
	return sqlerr.New(sqlerr.BadCopyFileFormat, -1, format, args...)
}

func (d *binaryDecoder) row(last bool) (bool, error) {
	if d.ended {
		return false, d.checkEnd()
	}
	if !d.header {
		ok, err := d.readHeader(last)
		if !ok || err != nil {
			return false, err
		}
	}
	d.field = -1
	rest := d.buffer[d.start:]
	whole, err := d.wholeTuple(rest)
	switch {
	case err != nil:
		return false, err
	case !whole && last:
		if len(rest) == 0 {
			// PostgreSQL takes the end of the data for the trailer.
			d.ended = true
			return false, nil
		}
		return false, badBinary("unexpected EOF in COPY data")
	case !whole:
		return false, checkRowSize(len(rest))
	}
	if d.ended {
		return false, d.checkEnd()
	}
	return true, d.readTuple(rest)
}

// checkEnd refuses data behind the trailer.
func (d *binaryDecoder) checkEnd() error {
	if len(d.buffer) > d.start {
		return badBinary("received copy data after EOF marker")
	}
	return nil
}

// readHeader reads the signature and what follows, when it has all come.
func (d *binaryDecoder) readHeader(last bool) (bool, error) {
	rest := d.buffer[d.start:]
	known := min(len(rest), len(copySignature))
	if !bytes.Equal(rest[:known], []byte(copySignature)[:known]) || last && known < len(copySignature) {
		return false, badBinary("COPY file signature not recognized")
	}
	if len(rest) < copyHeaderLength {
		if last {
			return false, badBinary("invalid COPY file header (missing length)")
		}
		return false, nil
	}
	flags := binary.BigEndian.Uint32(rest[len(copySignature):])
	extension := int(int32(binary.BigEndian.Uint32(rest[len(copySignature)+4:])))
	switch {
	case flags&copyFlagOIDs != 0:
		return false, badBinary("invalid COPY file header (WITH OIDS)")
	case flags&copyCriticalFlags != 0:
		return false, badBinary("unrecognized critical flags in COPY file header")
	case extension < 0:
		return false, badBinary("invalid COPY file header (wrong length)")
	case len(rest) < copyHeaderLength+extension:
		if last {
			return false, badBinary("invalid COPY file header (wrong length)")
		}
		return false, nil
	}
	d.start += copyHeaderLength + extension
	d.header = true
	return true, nil
}

// wholeTuple reports whether data begins with a whole tuple or the trailer, for
// which it sets ended.
func (d *binaryDecoder) wholeTuple(data []byte) (bool, error) {
	if len(data) < 2 {
		return false, nil
	}
	count := int(int16(binary.BigEndian.Uint16(data)))
	if count == copyTrailer {
		d.ended = true
		d.start += 2
		return true, nil
	}
	if count != len(d.loader.fields) {
		d.tuple++
		return false, badBinary("row field count is %d, expected %d", count, len(d.loader.fields))
	}
	at := 2
	for i := range count {
		if len(data)-at < 4 {
			return false, nil
		}
		length := int(int32(binary.BigEndian.Uint32(data[at:])))
		at += 4
		if length < -1 || length > maxBinaryField {
			d.tuple++
			d.field = i
			return false, badBinary("invalid field size")
		}
		if length > 0 {
			at += length
		}
		if at > len(data) {
			return false, nil
		}
	}
	return true, nil
}

// readTuple appends a whole tuple to the batch.
func (d *binaryDecoder) readTuple(data []byte) error {
	d.tuple++
	l := d.loader
	at := 2
	for i, vector := range l.fields {
		d.field = i
		length := int(int32(binary.BigEndian.Uint32(data[at:])))
		at += 4
		if length < 0 {
			vector.Append(types.Null)
			continue
		}
		value, err := types.ParseBinary(vector.Type, data[at:at+length])
		if err != nil {
			return err
		}
		if vector.Type.Mod >= 0 {
			if value, err = types.CoerceToModifier(vector.Type, value, false); err != nil {
				return err
			}
		}
		vector.Append(value)
		at += length
	}
	d.start += at
	d.field = -1
	return nil
}
