package types

import (
	"encoding/binary"
	"math"
	"math/big"

	"millrace/sql/sqlerr"
)

func binaryShortError() error {
	return sqlerr.New(sqlerr.ProtocolViolation, -1, "insufficient data left in message")
}

func binaryFormatError() error {
	return sqlerr.New(sqlerr.InvalidBinaryRepresentation, -1, "incorrect binary data format")
}

// ParseBinary reads a value of type t in PostgreSQL's binary wire format and
// fits it to t's modifier. The result does not alias data. Errors: 08P01 for
// too few bytes, 22P03 for too many or malformed ones, 22008 for dates and
// times out of range, and those of the modifier.
func ParseBinary(t Type, data []byte) (Datum, error) {
	d, err := parseBinary(t, data)
	if err != nil {
		return Null, err
	}
	return CoerceToModifier(t, d, false)
}

func parseBinary(t Type, data []byte) (Datum, error) {
	switch t.Physical() {
	case PhysicalInt:
		switch t.Kind {
		case KindTimeTZ:
			return parseBinaryTimeTZ(data)
		case KindEnum:
			v, err := t.Named.Position(string(data))
			if err != nil {
				return Null, err
			}
			return IntDatum(v), nil
		}
		return parseBinaryInt(t, data)
	case PhysicalFloat:
		return parseBinaryFloat(t, data)
	}
	switch t.Kind {
	case KindText, KindVarchar, KindBpchar, KindName, KindUnknown:
		s := string(data)
		return StringDatum(s), CheckUTF8(s)
	case KindBytea:
		return StringDatum(string(data)), nil
	case KindChar:
		if err := checkBinaryLength(data, 1); err != nil {
			return Null, err
		}
		return StringDatum(charString(data[0])), nil
	case KindUUID:
		return StringDatum(string(data)), checkBinaryLength(data, uuidSize)
	case KindNumeric:
		s, err := parseBinaryNumeric(data)
		return StringDatum(s), err
	case KindInterval:
		if err := checkBinaryLength(data, intervalSize); err != nil {
			return Null, err
		}
		return StringDatum(EncodeInterval(IntervalValue{
			Micros: int64(binary.BigEndian.Uint64(data)),
			Days:   int32(binary.BigEndian.Uint32(data[8:])),
			Months: int32(binary.BigEndian.Uint32(data[12:])),
		})), nil
	case KindJSON:
		s, err := parseStringText(t, string(data), DefaultFormat())
		return StringDatum(s), err
	case KindJSONB, KindStruct, KindMap:
		if t.Named != nil {
			return parseBinaryRow(t, data)
		}
		return parseBinaryJSON(t, data)
	case KindArray:
		return parseBinaryArray(*t.Elem, data)
	default:
		return Null, sqlerr.New(sqlerr.FeatureNotSupported, -1, "cannot accept a value of type %s", t)
	}
}

func checkBinaryLength(data []byte, n int) error {
	switch {
	case len(data) < n:
		return binaryShortError()
	case len(data) > n:
		return binaryFormatError()
	default:
		return nil
	}
}

func parseBinaryInt(t Type, data []byte) (Datum, error) {
	if err := checkBinaryLength(data, int(t.Size())); err != nil {
		return Null, err
	}
	var v int64
	switch len(data) {
	case 1:
		if data[0] != 0 {
			v = 1
		}
	case 2:
		v = int64(int16(binary.BigEndian.Uint16(data)))
	case 4:
		v = int64(int32(binary.BigEndian.Uint32(data)))
	default:
		v = int64(binary.BigEndian.Uint64(data))
	}
	return checkBinaryInt(t, v)
}

// checkBinaryInt gives an integer its type's sign and checks its range.
func checkBinaryInt(t Type, v int64) (Datum, error) {
	if t.Kind.IsReg() || t.Kind == KindOID {
		return IntDatum(int64(uint32(v))), nil
	}
	switch t.Kind {
	case KindDate:
		if !isDate(v) && v != DateInfinity && v != DateNegativeInfinity {
			return Null, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "date out of range")
		}
	case KindTime:
		if v < 0 || v > microsPerDay {
			return Null, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "time out of range")
		}
	case KindTimestamp, KindTimestampTZ:
		if !isTimestamp(v) && v != TimestampInfinity && v != TimestampNegativeInfinity {
			return Null, timestampRangeError()
		}
	}
	return IntDatum(v), nil
}

func parseBinaryFloat(t Type, data []byte) (Datum, error) {
	if err := checkBinaryLength(data, int(t.Size())); err != nil {
		return Null, err
	}
	if t.Kind == KindFloat4 {
		return FloatDatum(float64(math.Float32frombits(binary.BigEndian.Uint32(data)))), nil
	}
	return FloatDatum(math.Float64frombits(binary.BigEndian.Uint64(data))), nil
}

func parseBinaryJSON(t Type, data []byte) (Datum, error) {
	if len(data) == 0 {
		return Null, binaryShortError()
	}
	if data[0] != jsonbVersion {
		return Null, sqlerr.New(sqlerr.InternalError, -1, "unsupported jsonb version number %d", data[0])
	}
	s, err := parseStringText(t, string(data[1:]), DefaultFormat())
	return StringDatum(s), err
}

func invalidNumericPart(part string) error {
	return sqlerr.New(sqlerr.InvalidBinaryRepresentation, -1, "invalid %s in external \"numeric\" value", part)
}

// parseBinaryNumeric is the inverse of appendBinaryNumeric.
func parseBinaryNumeric(data []byte) (string, error) {
	if len(data) < 8 {
		return "", binaryShortError()
	}
	count := int(binary.BigEndian.Uint16(data))
	weight := int(int16(binary.BigEndian.Uint16(data[2:])))
	sign := binary.BigEndian.Uint16(data[4:])
	scale := binary.BigEndian.Uint16(data[6:])
	switch sign {
	case binaryNumericNaN:
		return NumericNaN, nil
	case binaryNumericInfinity:
		return NumericInfinity, nil
	case binaryNumericNegativeInfinity:
		return NumericNegativeInfinity, nil
	case binaryNumericPositive, binaryNumericNegative:
	default:
		return "", invalidNumericPart("sign")
	}
	if scale > numericMaxScale {
		return "", invalidNumericPart("scale")
	}
	if err := checkBinaryLength(data[8:], 2*count); err != nil {
		return "", err
	}
	digits := make([]byte, 0, count*numericDigitsPerBaseDigit)
	for i := range count {
		v := binary.BigEndian.Uint16(data[8+2*i:])
		if v >= numericBase {
			return "", invalidNumericPart("digit")
		}
		digits = append(digits, byte('0'+v/1000), byte('0'+v/100%10), byte('0'+v/10%10), byte('0'+v%10))
	}
	var d decimal
	if len(digits) > 0 {
		d.coefficient.SetString(aliasString(digits), 10)
	}
	if sign == binaryNumericNegative {
		d.coefficient.Neg(&d.coefficient)
	}
	return fromBaseDigits(&d, (count-1-weight)*numericDigitsPerBaseDigit, int(scale))
}

// fromBaseDigits returns d's coefficient × 10^-have, cut or filled up to scale.
func fromBaseDigits(d *decimal, have, scale int) (string, error) {
	if shift := scale - have; shift >= 0 {
		d.coefficient.Mul(&d.coefficient, bigPowerOfTen(shift))
	} else {
		d.coefficient.Quo(&d.coefficient, new(big.Int).Set(bigPowerOfTen(-shift)))
	}
	d.scale = int32(scale)
	return d.numeric()
}

// binaryReader reads big-endian integers from a message.
type binaryReader struct {
	data   []byte
	failed bool
}

func (r *binaryReader) next(n int) []byte {
	if n < 0 || n > len(r.data) {
		r.failed, r.data = true, nil
		return nil
	}
	out := r.data[:n]
	r.data = r.data[n:]
	return out
}

func (r *binaryReader) int32() int32 {
	b := r.next(4)
	if b == nil {
		return 0
	}
	return int32(binary.BigEndian.Uint32(b))
}

func parseBinaryArray(elem Type, data []byte) (Datum, error) {
	r := binaryReader{data: data}
	dimensions, flags, oid := r.int32(), r.int32(), uint32(r.int32())
	switch {
	case r.failed:
		return Null, binaryShortError()
	case dimensions < 0 || dimensions > maxDimensions:
		return Null, sqlerr.New(sqlerr.ProgramLimitExceeded, -1,
			"number of array dimensions (%d) exceeds the maximum allowed (%d)", dimensions, maxDimensions)
	case flags != 0 && flags != 1:
		return Null, sqlerr.New(sqlerr.InvalidBinaryRepresentation, -1, "invalid array flags")
	case elem.Kind != KindArray && oid != elem.OID():
		return Null, sqlerr.New(sqlerr.DatatypeMismatch, -1,
			"binary data has array element type %d instead of expected %d", oid, elem.OID())
	}
	var a Array
	count := int64(min(dimensions, 1))
	for range dimensions {
		length, lower := r.int32(), r.int32()
		a.Dims = append(a.Dims, length)
		a.LowerBounds = append(a.LowerBounds, lower)
		count *= int64(max(length, 0))
		// Each element takes at least its length.
		if count > int64(len(r.data)/4) {
			return Null, binaryShortError()
		}
	}
	if err := parseBinaryElements(&a, elem, int(count), &r); err != nil {
		return Null, err
	}
	if count == 0 {
		a = Array{}
	}
	return StringDatum(EncodeArray(elem, a)), nil
}

func parseBinaryElements(a *Array, elem Type, count int, r *binaryReader) error {
	a.Elems = make([]Datum, count)
	for i := range a.Elems {
		length := r.int32()
		if r.failed {
			return binaryShortError()
		}
		if length == -1 {
			continue
		}
		value := r.next(int(length))
		if r.failed {
			return binaryShortError()
		}
		d, err := parseBinaryElement(elem, value)
		if err != nil {
			return err
		}
		a.Elems[i] = d
	}
	if len(r.data) > 0 {
		return binaryFormatError()
	}
	return nil
}

// parseBinaryElement reads an element; an array within an array is jsonb, as
// structs and maps are.
func parseBinaryElement(elem Type, data []byte) (Datum, error) {
	if elem.Kind != KindArray {
		return ParseBinary(elem, data)
	}
	if len(data) == 0 || data[0] != jsonbVersion {
		return Null, binaryFormatError()
	}
	return parseJSONValue(elem, string(data[1:]), DefaultFormat())
}
