package types

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// allTypes are types of every kind that can be stored.
var allTypes = []Type{
	Bool, Int2, Int4, Int8, Float4, Float8, Numeric, NumericOf(30, 4), Text, VarcharOf(8), Bpchar, BpcharOf(8), Name, Char, Bytea,
	Date, Time, TimeTZ, Timestamp, TimestampTZ, Interval, UUID, JSON, JSONB, OID, Regclass,
	ArrayOf(Int4), ArrayOf(Text), ArrayOf(Numeric), ArrayOf(JSON), ArrayOf(JSONB),
	StructOf([]Field{{"a", Int4}, {"b", Text}, {"c", ArrayOf(Float8)}}), MapOf(Text, Int4), MapOf(Int4, ArrayOf(Text)),
	EnumOf(testEnum), ArrayOf(EnumOf(testEnum)), testComposite, ArrayOf(testComposite),
}

// testEnum has values with what needs quotes in arrays and rows.
var testEnum = &Named{ID: 90001, Array: 90002, Schema: "public", Name: "mood", Labels: []EnumLabel{
	{ID: 1, Label: "sad", Position: -enumSpace}, {ID: 2, Label: "", Position: 0}, {ID: 3, Label: `a "b", (c\)`, Position: 7},
	{ID: 4, Label: "NULL", Position: enumSpace},
}}

var testComposite = Type{Kind: KindStruct, Mod: -1, Named: &Named{ID: 90003, Array: 90004, Schema: "public", Name: "place"}, Fields: []Field{
	{"name", Text}, {"m", EnumOf(testEnum)}, {"at", Type{Kind: KindStruct, Mod: -1, Named: &Named{ID: 90005, Array: 90006, Name: "point2"},
		Fields: []Field{{"x", Float8}, {"list", ArrayOf(Text)}}}}, {"t", TimestampTZ}, {"j", JSONB},
}}

// fitted returns a random value that fits t's modifier.
func fitted(r *rand.Rand, t Type) Datum {
	for {
		if d, err := CoerceToModifier(t, randomDatum(r, t), true); err == nil {
			return d
		}
	}
}

// relative returns a random value that is often equal to d or near it.
func relative(r *rand.Rand, t Type, d Datum) Datum {
	switch {
	case r.IntN(4) == 0:
		return d
	case t.Kind == KindNumeric && t.Mod < 0 && !numericIsSpecial(d.Str) && r.IntN(2) == 0:
		if s, err := NumericRound(d.Str, NumericScale(d.Str)+int32(r.IntN(4))-1); err == nil {
			return StringDatum(s)
		}
	case t.Kind == KindBpchar && r.IntN(2) == 0:
		return StringDatum(strings.TrimRight(d.Str, " ") + strings.Repeat(" ", r.IntN(3)))
	case t.Kind == KindInterval && r.IntN(2) == 0:
		v := DecodeInterval(d.Str)
		if v.Months > 0 && v.Days < 1e9 {
			v.Months--
			v.Days += 30
		}
		return StringDatum(EncodeInterval(v))
	}
	return fitted(r, t)
}

func TestKeyOrderIsCompareOrder(t *testing.T) {
	for _, typ := range allTypes {
		t.Run(typ.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
				a := fitted(r, typ)
				b := relative(r, typ, a)
				keyA, keyB := AppendKey(nil, typ, a), AppendKey(nil, typ, b)
				order := Compare(typ, a, b)
				if got := bytes.Compare(keyA, keyB); got != order {
					t.Fatalf("%s and %s: keys %x and %x order %d, values %d", show(typ, a), show(typ, b), keyA, keyB, got, order)
				}
				if order != 0 && (bytes.HasPrefix(keyA, keyB) || bytes.HasPrefix(keyB, keyA)) {
					t.Fatalf("%x is a prefix of %x or the other way", keyA, keyB)
				}
				if Compare(typ, b, a) != -order {
					t.Fatalf("%s and %s do not compare alike both ways", show(typ, a), show(typ, b))
				}
				if null := AppendKey(nil, typ, Null); bytes.Compare(keyA, null) >= 0 {
					t.Fatalf("%s is not before NULL", show(typ, a))
				}
				checkKeyDecodes(t, typ, a, keyA)
			})
		})
	}
}

func checkKeyDecodes(t *rapid.T, typ Type, d Datum, key []byte) {
	const behind = "behind"
	got, rest, err := DecodeKey(typ, append(slices.Clone(key), behind...))
	if err != nil || string(rest) != behind {
		t.Fatalf("%s: key %x decodes with %v, leaves %q", show(typ, d), key, err, rest)
	}
	if Compare(typ, d, got) != 0 {
		t.Fatalf("%s became %s", show(typ, d), show(typ, got))
	}
	if KeyIsExact(typ) && got != d {
		t.Fatalf("%s became %s, which is not the same", show(typ, d), show(typ, got))
	}
	if again := AppendKey(nil, typ, got); !bytes.Equal(again, key) {
		t.Fatalf("%s: key %x encodes again as %x", show(typ, d), key, again)
	}
	rest, err = SkipKey(typ, append(slices.Clone(key), behind...))
	if err != nil || string(rest) != behind {
		t.Fatalf("%s: skipping the key gives %v, leaves %q", show(typ, d), err, rest)
	}
	v := NewVector(typ, 0)
	v.Append(d)
	v.Append(Null)
	if fromVector := AppendKeyFrom(nil, &v, 0); !bytes.Equal(fromVector, key) {
		t.Fatalf("%s: the vector's key is %x, the datum's %x", show(typ, d), fromVector, key)
	}
	if CompareVectors(&v, 0, &v, 0) != 0 {
		t.Fatalf("%s is not equal to itself", show(typ, d))
	}
}

func show(t Type, d Datum) string { return string(AppendText(nil, t, d, DefaultFormat())) }

// TestKeysAreStable holds the bytes of keys for ever: rows lie under them.
func TestKeysAreStable(t *testing.T) {
	cases := []struct {
		typ  Type
		text string
		key  string
	}{
		{Bool, "f", "80"}, {Bool, "t", "81"},
		{Int4, "0", "80"}, {Int4, "111", "ef"}, {Int4, "112", "f070"}, {Int8, "65536", "f2010000"},
		{Int4, "-1", "7f"}, {Int4, "-2", "7efe"}, {Int8, "-9223372036854775808", "778000000000000000"},
		{Float8, "1.5", "01bff8000000000000"}, {Float8, "-0", "018000000000000000"}, {Float8, "NaN", "01ffffffffffffffff"},
		{Text, "", "010001"}, {Text, "ab", "0161620001"}, {Bytea, `\x00`, "0100ff0001"}, {BpcharOf(4), "ab", "0161620001"},
		{Numeric, "0.00", "04"}, {Numeric, "1", "05810b00"}, {Numeric, "1.00", "05810b00"}, {Numeric, "-1", "037ef4ff"}, {Numeric, "123.4", "05830d2300"},
		{Numeric, "NaN", "07"}, {Numeric, "Infinity", "06"}, {Numeric, "-Infinity", "02"},
		{Date, "2000-01-02", "81"}, {Timestamp, "2000-01-01 00:00:00.000112", "f070"},
		{Interval, "1 mon", "019e80"}, {Interval, "30 days", "019e80"},
		{UUID, "00000000-0000-0000-0000-000000000001", "0100ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff010001"},
		{JSONB, "[]", "01"}, {JSONB, "null", "02"}, {JSONB, `{"a": [true, 1]}`, "08810161000107820604" + "05810b00"},
		{ArrayOf(Int4), "{1,NULL}", "0181ff00818281"},
	}
	for _, c := range cases {
		d, err := ParseText(c.typ, c.text, DefaultFormat())
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(AppendKey(nil, c.typ, d)); got != c.key {
			t.Errorf("%s %q: key %s, want %s", c.typ, c.text, got, c.key)
		}
	}
	if got := PartitionHash([]byte("0161620001")); got != 0x7d8e91d66a9e4e67 {
		t.Errorf("partition hash %#x", got)
	}
}

func TestOrderAgainstPostgreSQL(t *testing.T) {
	names := []string{"boolean", "integer", "bigint", "real", "double precision", "numeric", "text", "char(6)", "name", `"char"`, "bytea", "date", "time", "timestamp",
		"interval", "uuid", "jsonb", "integer[]", "text[]", "numeric[]", "interval[]"}
	r := rand.New(rand.NewPCG(7, 7))
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			typ := typeNamed(t, name)
			values := make([]Datum, 500)
			texts := make([]string, len(values))
			for i := range values {
				values[i] = fitted(r, typ)
				if i > 0 {
					values[i] = relative(r, typ, values[r.IntN(i)])
				}
				texts[i] = show(typ, values[i])
				if strings.Contains(texts[i], "-2562047788:00:54.775808") {
					values[i], texts[i] = values[0], texts[0]
				}
			}
			ranks := ranksOf(t, texts, name)
			slices.SortFunc(ranks, func(a, b [2]int) int { return cmp.Compare(a[1], b[1]) })
			for i := 1; i < len(ranks); i++ {
				before, after := ranks[i-1], ranks[i]
				want := cmp.Compare(before[1], after[1])
				if got := Compare(typ, values[before[0]], values[after[0]]); got != want {
					t.Fatalf("%s and %s: got %d, want %d", texts[before[0]], texts[after[0]], got, want)
				}
			}
		})
	}
}

// ranksOf returns each text's number and its rank among them in PostgreSQL's
// order of the type.
func ranksOf(t *testing.T, texts []string, typeName string) [][2]int {
	t.Helper()
	array := show(ArrayOf(Text), StringDatum(EncodeArray(Text, NewArray(stringDatums(texts)))))
	answer := tryAll(t, nil, []string{fmt.Sprintf(
		`(SELECT string_agg(n || ' ' || r, ',') FROM (SELECT n, dense_rank() OVER (ORDER BY v::%s) AS r
		  FROM unnest(%s::text[]) WITH ORDINALITY AS u (v, n)) AS ranked)`, typeName, literal(array))})[0]
	if !strings.HasPrefix(answer, "=") {
		t.Fatal(answer)
	}
	var ranks [][2]int
	for _, pair := range strings.Split(answer[1:], ",") {
		number, rank, _ := strings.Cut(pair, " ")
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		r, err := strconv.Atoi(rank)
		if err != nil {
			t.Fatal(err)
		}
		ranks = append(ranks, [2]int{n - 1, r})
	}
	return ranks
}

func FuzzDecodeKey(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for i, typ := range allTypes {
		f.Add(uint8(i), AppendKey(nil, typ, fitted(r, typ)))
	}
	f.Fuzz(func(t *testing.T, index uint8, key []byte) {
		typ := allTypes[int(index)%len(allTypes)]
		d, rest, err := DecodeKey(typ, key)
		if err != nil {
			return
		}
		if len(rest) > len(key) {
			t.Fatalf("%d bytes are left of %d", len(rest), len(key))
		}
		AppendText(nil, typ, d, DefaultFormat())
		// Decoding what the datum encodes as gives the datum again.
		again, _, err := DecodeKey(typ, AppendKey(nil, typ, d))
		if err != nil || again.Valid != d.Valid || d.Valid && Compare(typ, d, again) != 0 {
			t.Fatalf("%s decodes as %s, %v", show(typ, d), show(typ, again), err)
		}
	})
}
