package types

import (
	"strings"
	"testing"

	"millrace/sql/sqlerr"
)

func TestParseTextIntoDoesNotAllocate(t *testing.T) {
	cases := map[string]Type{
		"12345": Int4, "-9223372036854775807": Int8, "1.25e3": Float8, "t": Bool, "2024-01-02": Date, "10:20:30.5": Time,
		"2024-01-02 03:04:05.678": Timestamp, "2024-01-02T03:04:05Z": TimestampTZ,
	}
	format := DefaultFormat()
	for s, typ := range cases {
		data := []byte(s)
		v := NewVector(typ, 0)
		v.Ints, v.Floats = make([]int64, 0, 256), make([]float64, 0, 256)
		allocations := testing.AllocsPerRun(100, func() {
			if err := ParseTextInto(&v, data, format); err != nil {
				t.Fatal(err)
			}
		})
		if allocations > 0 {
			t.Errorf("%s %q: %v allocations", typ, s, allocations)
		}
	}
	arena := &StringArena{}
	v := NewVector(Text, 0)
	v.Strs = make([]string, 0, 2048)
	data := []byte("a string of some length")
	if allocations := testing.AllocsPerRun(1000, func() {
		if err := ParseTextIntoArena(&v, data, format, arena); err != nil {
			t.Fatal(err)
		}
	}); allocations > 0.1 {
		t.Errorf("text into an arena: %v allocations", allocations)
	}
	clear(data)
	if v.Strs[0] != "a string of some length" {
		t.Errorf("the vector aliases its input: %q", v.Strs[0])
	}
}

func TestAppendVectorTextDoesNotAllocate(t *testing.T) {
	format := DefaultFormat()
	buf := make([]byte, 0, 256)
	for _, typ := range allTypes {
		switch typ.Kind {
		case KindArray, KindStruct, KindMap:
			continue
		}
		v := NewVector(typ, 0)
		for _, s := range []string{"0", "2024-01-02", "10:20:30", "1 day", `\x00`, "00000000-0000-0000-0000-000000000000"} {
			if d, err := ParseText(typ, s, format); err == nil {
				v.Append(d)
			}
		}
		for i := range v.Len() {
			if allocations := testing.AllocsPerRun(10, func() { AppendVectorText(buf, &v, i, format) }); allocations > 0 {
				t.Errorf("%s value %d: %v allocations", typ, i, allocations)
			}
			if allocations := testing.AllocsPerRun(10, func() { AppendKeyFrom(buf, &v, i) }); allocations > 0 && typ.Kind != KindJSONB {
				t.Errorf("%s value %d as key: %v allocations", typ, i, allocations)
			}
			if allocations := testing.AllocsPerRun(10, func() { CompareVectors(&v, i, &v, i) }); allocations > 0 {
				t.Errorf("%s value %d compared: %v allocations", typ, i, allocations)
			}
		}
	}
}

func TestParseTextErrorsKeepTheVector(t *testing.T) {
	for _, typ := range allTypes {
		v := NewVector(typ, 0)
		err := ParseTextInto(&v, []byte("\xff\x00{"), DefaultFormat())
		if err == nil {
			if typ.Kind != KindBytea && typ.Kind != KindChar {
				t.Errorf("%s reads garbage", typ)
			}
			continue
		}
		if v.Len() != 0 {
			t.Errorf("%s: %d values after an error", typ, v.Len())
		}
	}
}

func TestCharacterColumns(t *testing.T) {
	if _, err := ParseText(VarcharOf(3), "abcd", DefaultFormat()); sqlerr.CodeOf(err) != sqlerr.StringDataRightTruncation ||
		err.Error() != "value too long for type character varying(3)" {
		t.Errorf("varchar(3): %v", err)
	}
	if d, err := ParseText(VarcharOf(3), "abc   ", DefaultFormat()); err != nil || d.Str != "abc" {
		t.Errorf("varchar(3) with blanks: %q, %v", d.Str, err)
	}
	if d, err := ParseText(BpcharOf(3), "é", DefaultFormat()); err != nil || d.Str != "é  " {
		t.Errorf("char(3): %q, %v", d.Str, err)
	}
	if _, err := ParseText(Text, "a\x00", DefaultFormat()); sqlerr.CodeOf(err) != sqlerr.CharacterNotInRepertoire {
		t.Errorf("zero byte: %v", err)
	}
	if _, err := ParseText(Text, "ab\xe2\x28\xa1", DefaultFormat()); err == nil ||
		!strings.HasSuffix(err.Error(), `invalid byte sequence for encoding "UTF8": 0xe2 0x28 0xa1`) {
		t.Errorf("bad UTF-8: %v", err)
	}
}

func TestStructsAndMapsAsJSON(t *testing.T) {
	structure := StructOf([]Field{{"name", Text}, {"n", Int4}, {"list", ArrayOf(Numeric)}, {"at", TimestampTZ}})
	d, err := ParseText(structure, `{"n": 7, "list": [1.50, null], "name": "x\"y", "at": "2024-01-02T03:04:05+00:00", "other": 1}`, DefaultFormat())
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"n": 7, "at": "2024-01-02T03:04:05+00:00", "list": [1.50, null], "name": "x\"y"}`
	if got := show(structure, d); got != want {
		t.Errorf("got %s", got)
	}
	table := MapOf(Text, ArrayOf(Int4))
	d, err = ParseText(table, `{"b": [1], "aa": null}`, DefaultFormat())
	if err != nil {
		t.Fatal(err)
	}
	if got := show(table, d); got != `{"b": [1], "aa": null}` {
		t.Errorf("got %s", got)
	}
}

func benchmarkParse(b *testing.B, typ Type, s string) {
	v := NewVector(typ, 0)
	data, format, arena := []byte(s), DefaultFormat(), &StringArena{}
	b.ReportAllocs()
	for b.Loop() {
		if v.Len() == 1024 {
			v.Reset(typ)
		}
		if err := ParseTextIntoArena(&v, data, format, arena); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseInt(b *testing.B)       { benchmarkParse(b, Int4, "12345") }
func BenchmarkParseFloat(b *testing.B)     { benchmarkParse(b, Float8, "1234.5678") }
func BenchmarkParseTimestamp(b *testing.B) { benchmarkParse(b, Timestamp, "2001-01-07 18:30:00") }
func BenchmarkParseNumeric(b *testing.B)   { benchmarkParse(b, Numeric, "1234.56") }
func BenchmarkParseString(b *testing.B)    { benchmarkParse(b, Text, "San Francisco") }

func BenchmarkAppendTimestamp(b *testing.B) {
	v := NewVector(Timestamp, 1)
	v.Ints[0] = 123_456_789_000_000
	var buf []byte
	format := DefaultFormat()
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendVectorText(buf[:0], &v, 0, format)
	}
}
