package types

import (
	"millrace/sql/sqlerr"
)

func notYet(what string) error {
	return sqlerr.New(sqlerr.FeatureNotSupported, -1, "%s is not supported", what)
}

func AppendBinary(buf []byte, t Type, d Datum) []byte { return buf }
func ParseBinary(t Type, data []byte) (Datum, error)  { return Null, notYet("ParseBinary") }

func NumericPower(a, b string) (string, error)  { return "", notYet("numeric") }
func NumericLog(base, a string) (string, error) { return "", notYet("numeric") }
func NumericSqrt(a string) (string, error)      { return "", notYet("numeric") }
func NumericExp(a string) (string, error)       { return "", notYet("numeric") }
func NumericLn(a string) (string, error)        { return "", notYet("numeric") }

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

func appendInterval(buf []byte, v IntervalValue, f *Format) []byte       { return buf }
func appendArrayText(buf []byte, elem Type, s string, f *Format) []byte  { return buf }
func appendCompositeJSON(buf []byte, t Type, s string, f *Format) []byte { return buf }
func parseInterval(t Type, s string, f *Format) (IntervalValue, error) {
	return IntervalValue{}, notYet("interval")
}
func parseArrayText(elem Type, s string, f *Format) (string, error)  { return "", notYet("array") }
func parseCompositeJSON(t Type, s string, f *Format) (string, error) { return "", notYet("struct") }
func parseDateSlow(s string, f *Format) (int64, error)               { return 0, invalidSyntax(Date, s) }
func parseTimeSlow(s string, f *Format) (int64, error)               { return 0, invalidSyntax(Time, s) }
func parseTimestampSlow(t Type, s string, f *Format) (int64, error)  { return 0, invalidSyntax(t, s) }
func fitInterval(t Type, v IntervalValue) IntervalValue              { return v }
