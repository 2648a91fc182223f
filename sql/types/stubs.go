package types

import (
	"time"

	"github.com/cockroachdb/apd/v3"

	"millrace/sql/sqlerr"
)

func notYet(what string) error {
	return sqlerr.New(sqlerr.FeatureNotSupported, -1, "%s is not supported", what)
}

func TypeByName(name string, mods []int32) (Type, error) { return Type{}, notYet("TypeByName") }
func (t Type) String() string                            { return "" }
func (t Type) OID() uint32                               { return 0 }
func (t Type) ArrayOID() uint32                          { return 0 }
func TypeByOID(oid uint32) (Type, bool)                  { return Type{}, false }
func (t Type) Size() int16                               { return -1 }

func CoerceToModifier(t Type, d Datum, explicit bool) (Datum, error) { return d, nil }

func AppendText(buf []byte, t Type, d Datum, f *Format) []byte        { return buf }
func AppendVectorText(buf []byte, v *Vector, i int, f *Format) []byte { return buf }
func ParseText(t Type, s string, f *Format) (Datum, error)            { return Null, notYet("ParseText") }
func ParseTextInto(v *Vector, s []byte, f *Format) error              { return notYet("ParseTextInto") }
func ParseTextIntoArena(v *Vector, s []byte, f *Format, a *StringArena) error {
	return notYet("ParseTextInto")
}
func AppendBinary(buf []byte, t Type, d Datum) []byte { return buf }
func ParseBinary(t Type, data []byte) (Datum, error)  { return Null, notYet("ParseBinary") }

func Compare(t Type, a, b Datum) int                        { return 0 }
func Equal(t Type, a, b Datum) bool                         { return Compare(t, a, b) == 0 }
func CompareVectors(a *Vector, i int, b *Vector, j int) int { return 0 }

func NumericFromInt64(v int64) string                                      { return "" }
func NumericFromSmall(coefficient int64, scale int32) string               { return "" }
func AppendNumericSmall(buf []byte, coefficient int64, scale int32) []byte { return buf }
func NumericSmall(s string) (coefficient int64, scale int32, ok bool)      { return 0, 0, false }
func NumericFromDecimal(d *apd.Decimal) string                             { return "" }
func NumericToDecimal(s string, d *apd.Decimal)                            {}
func NumericFromFloat(f float64) string                                    { return "" }
func NumericToFloat(s string) float64                                      { return 0 }
func NumericToInt64(s string) (int64, bool)                                { return 0, false }
func NumericScale(s string) int32                                          { return 0 }
func NumericIsNaN(s string) bool                                           { return false }
func NumericSign(s string) int                                             { return 0 }
func NumericCompare(a, b string) int                                       { return 0 }
func NumericAdd(a, b string) (string, error)                               { return "", notYet("numeric") }
func NumericSub(a, b string) (string, error)                               { return "", notYet("numeric") }
func NumericMul(a, b string) (string, error)                               { return "", notYet("numeric") }
func NumericDiv(a, b string) (string, error)                               { return "", notYet("numeric") }
func NumericMod(a, b string) (string, error)                               { return "", notYet("numeric") }
func NumericPower(a, b string) (string, error)                             { return "", notYet("numeric") }
func NumericLog(base, a string) (string, error)                            { return "", notYet("numeric") }
func NumericSqrt(a string) (string, error)                                 { return "", notYet("numeric") }
func NumericExp(a string) (string, error)                                  { return "", notYet("numeric") }
func NumericLn(a string) (string, error)                                   { return "", notYet("numeric") }
func NumericNeg(a string) string                                           { return "" }
func NumericAbs(a string) string                                           { return "" }
func NumericCeil(a string) string                                          { return "" }
func NumericFloor(a string) string                                         { return "" }
func NumericRound(a string, scale int32) (string, error)                   { return "", notYet("numeric") }
func NumericTrunc(a string, scale int32) string                            { return "" }

// IntervalValue is an interval: months, days and microseconds are kept apart.
type IntervalValue struct {
	Months, Days int32
	Micros       int64
}

func EncodeInterval(v IntervalValue) string                        { return "" }
func DecodeInterval(s string) IntervalValue                        { return IntervalValue{} }
func (v IntervalValue) JustifyHours() (IntervalValue, error)       { return v, nil }
func (v IntervalValue) JustifyDays() (IntervalValue, error)        { return v, nil }
func (v IntervalValue) Justify() (IntervalValue, error)            { return v, nil }
func (v IntervalValue) Add(w IntervalValue) (IntervalValue, error) { return v, nil }
func (v IntervalValue) Sub(w IntervalValue) (IntervalValue, error) { return v, nil }
func (v IntervalValue) Neg() (IntervalValue, error)                { return v, nil }
func (v IntervalValue) Mul(factor float64) (IntervalValue, error)  { return v, nil }
func (v IntervalValue) Div(divisor float64) (IntervalValue, error) { return v, nil }
func (v IntervalValue) Compare(w IntervalValue) int                { return 0 }
func AddToTimestamp(micros int64, v IntervalValue) (int64, error)  { return 0, notYet("interval") }
func AddToTimestampTZ(micros int64, v IntervalValue, zone *time.Location) (int64, error) {
	return 0, notYet("interval")
}
func AddToDate(days int64, v IntervalValue) (int64, error) { return 0, notYet("interval") }

// Array is an array in memory. An empty array has no dimensions.
type Array struct {
	Dims        []int32
	LowerBounds []int32
	Elems       []Datum
}

func EncodeArray(elem Type, a Array) string          { return "" }
func DecodeArray(elem Type, s string) (Array, error) { return Array{}, notYet("array") }
func EncodeStruct(t Type, fields []Datum) string     { return "" }
func DecodeStruct(t Type, s string) ([]Datum, error) { return nil, notYet("struct") }
func EncodeMap(t Type, m []MapEntry) string          { return "" }
func DecodeMap(t Type, s string) ([]MapEntry, error) { return nil, notYet("map") }

// MapEntry is one entry of a map.
type MapEntry struct{ Key, Value Datum }

func NormalizeJSONB(text string) (string, error) { return "", notYet("jsonb") }
func CompareJSONB(a, b string) int               { return 0 }

func AppendKey(buf []byte, t Type, d Datum) []byte        { return buf }
func AppendKeyFrom(buf []byte, v *Vector, i int) []byte   { return buf }
func DecodeKey(t Type, key []byte) (Datum, []byte, error) { return Null, nil, notYet("key") }
func SkipKey(t Type, key []byte) ([]byte, error)          { return nil, notYet("key") }
func KeyIsExact(t Type) bool                              { return false }
func PartitionHash(key []byte) uint64                     { return 0 }
func PartitionOf(key []byte, partitions int) int          { return 0 }

// RowCodec encodes and decodes rows of fixed column types.
type RowCodec struct{}

func NewRowCodec(columns []Type) *RowCodec                                 { return &RowCodec{} }
func (c *RowCodec) AppendRow(buf []byte, b *Batch, row int) []byte         { return buf }
func (c *RowCodec) AppendDatums(buf []byte, row []Datum) []byte            { return buf }
func (c *RowCodec) DecodeInto(data []byte, b *Batch) error                 { return notYet("row") }
func (c *RowCodec) DecodeIntoCopy(data []byte, b *Batch) error             { return notYet("row") }
func (c *RowCodec) DecodeDatums(data []byte, buf []Datum) ([]Datum, error) { return nil, notYet("row") }

// DecodeColumns appends the columns named (ascending) to b's columns, one each.
func (c *RowCodec) DecodeColumns(data []byte, columns []int, b *Batch) error { return notYet("row") }

func AppendBatch(buf []byte, b *Batch) []byte                 { return buf }
func DecodeBatch(data []byte, columns []Type) (*Batch, error) { return nil, notYet("batch") }
