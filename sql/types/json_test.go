package types

import (
	"math/rand/v2"
	"strings"
	"testing"

	"millrace/sql/sqlerr"
)

func TestToJSONAgainstPostgreSQL(t *testing.T) {
	names := []string{"boolean", "integer", "bigint", "real", "double precision", "numeric", "text", "bytea", "uuid", "date", "time", "timestamp",
		"timestamp with time zone", "interval", "jsonb", "integer[]", "text[]", "numeric[]", "timestamp[]", "jsonb[]"}
	settings := []string{"TimeZone = 'Asia/Kolkata'"}
	format := DefaultFormat()
	format.TimeZone = zoneNamed("Asia/Kolkata")
	r := rand.New(rand.NewPCG(11, 11))
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			typ := typeNamed(t, name)
			var expressions, got []string
			for range 200 {
				d := randomDatum(r, typ)
				printed := string(AppendText(nil, typ, d, format))
				if strings.Contains(printed, "-2562047788:00:54.775808") {
					continue
				}
				v := ToJSON(typ, d, format)
				expressions = append(expressions, "to_jsonb("+literal(printed)+"::"+name+")")
				got = append(got, "="+string(AppendJSON(nil, &v)))
				again, err := FromJSON(typ, &v, format)
				if typ.Kind == KindArray {
					// JSON has no lower bounds.
					a, errDecode := DecodeArray(*typ.Elem, d.Str)
					if errDecode != nil {
						t.Fatal(errDecode)
					}
					a.LowerBounds = nil
					d = StringDatum(EncodeArray(*typ.Elem, a))
				}
				if nullElements := strings.Contains(name, "jsonb[]"); !nullElements && (err != nil || Compare(typ, again, d) != 0) {
					t.Errorf("%s: %s reads back as %s, %v", printed, AppendJSON(nil, &v), show(typ, again), err)
				}
			}
			compareOutcomes(t, settings, expressions, got)
		})
	}
}

func TestJSONErrorsNamePlace(t *testing.T) {
	_, err := NormalizeJSONB("{\"a\": 1,\n \"b\": oops}")
	if got, want := sqlerr.From(err).Where, `JSON data, line 2:  "b": oops...`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	deep := strings.Repeat("[", 1_000_000)
	if _, err := NormalizeJSONB(deep); sqlerr.CodeOf(err) != sqlerr.StatementTooComplex {
		t.Errorf("a million brackets: %v", err)
	}
}

func TestJSONNullInKeyIsNotNull(t *testing.T) {
	key := AppendKey(nil, JSONB, StringDatum("null"))
	d, _, err := DecodeKey(JSONB, key)
	if err != nil || !d.Valid || d.Str != "null" {
		t.Errorf("got %+v, %v", d, err)
	}
}

func FuzzNormalizeJSONB(f *testing.F) {
	for _, s := range inputs["jsonb"] {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, err := NormalizeJSONB(s)
		if err != nil {
			return
		}
		again, err := NormalizeJSONB(once)
		if err != nil || again != once {
			t.Fatalf("%q is %q and then %q, %v", s, once, again, err)
		}
		if CompareJSONB(once, again) != 0 {
			t.Fatalf("%q does not equal itself", once)
		}
	})
}
