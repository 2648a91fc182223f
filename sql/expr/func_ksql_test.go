package expr

import (
	"testing"

	"millrace/sql/types"
)

func TestKSQLFunctions(t *testing.T) {
	ints := func(s string) Expr { return lit("int4[]", s) }
	text := func(s string) Expr { return lit("text", s) }
	number := func(s string) Expr { return lit("int4", s) }
	float := func(s string) Expr { return lit("float8", s) }
	counts := &MapConstructor{
		Node: Node{ResultType: types.MapOf(types.Text, types.Int4)},
		Keys: []Expr{text("b"), text("a")}, Values: []Expr{number("2"), number("1")},
	}
	for _, c := range []struct {
		e    Expr
		want string
	}{
		{fn("len", text("ünï")), "3"},
		{fn("ucase", text("a")), "A"},
		{fn("instr", text("abcabc"), text("b")), "2"},
		{fn("instr", text("abcabc"), text("b"), number("3")), "5"},
		{fn("instr", text("abcabc"), text("b"), number("-1"), number("2")), "2"},
		{fn("split", text("a,b,,c"), text(",")), `{a,b,"",c}`},
		{fn("regexp_extract", text("(o+)b"), text("foobar"), number("1")), "oo"},
		{fn("field", text("b"), text("a"), text("b")), "2"},
		{fn("elt", number("2"), text("a"), text("b")), "b"},
		{fn("ifnull", &Const{Node: Node{ResultType: types.Int4}}, number("3")), "3"},
		{fn("mask", text("Ab 12")), "Xx-nn"},
		{fn("mask_keep_left", text("secret"), number("2")), "sexxxx"},
		{fn("mask_right", text("secret"), number("2")), "secrxx"},
		{fn("url_extract_host", text("https://example.org:8080/a?b=c")), "example.org"},
		{fn("url_extract_port", text("https://example.org:8080/a?b=c")), "8080"},
		{fn("url_extract_parameter", text("https://example.org/a?b=c"), text("b")), "c"},
		{fn("array_distinct", ints("{1,2,1,NULL,NULL}")), "{1,2,NULL}"},
		{fn("array_except", ints("{1,2,3}"), ints("{2}")), "{1,3}"},
		{fn("array_intersect", ints("{1,2,3}"), ints("{3,1}")), "{1,3}"},
		{fn("array_union", ints("{1,2}"), ints("{2,3}")), "{1,2,3}"},
		{fn("array_contains", ints("{1,2}"), number("2")), "true"},
		{fn("array_max", ints("{1,NULL,5}")), "5"},
		{fn("array_sort", ints("{3,NULL,1}")), "{1,3,NULL}"},
		{fn("array_sort", ints("{3,NULL,1}"), text("desc")), "{3,1,NULL}"},
		{fn("array_join", ints("{3,NULL,1}"), text("-")), "3-null-1"},
		{fn("slice", ints("{1,2,3,4}"), number("2"), number("3")), "{2,3}"},
		{fn("map_keys", counts), "{a,b}"},
		{fn("map_values", counts), "{1,2}"},
		{fn("extractjsonfield", text(`{"a": [1, {"b c": "x"}]}`), text("$.a[1]['b c']")), "x"},
		{fn("is_json_string", text("{")), "false"},
		{fn("to_json_string", ints("{1}")), "[1]"},
		{fn("from_unixtime", lit("int8", "1500")), "1970-01-01 00:00:01.5+00"},
		{fn("unix_timestamp", lit("timestamptz", "1970-01-01 00:00:01.5+00")), "1500"},
		{fn("from_days", number("1")), "1970-01-02"},
		{fn("round", fn("geo_distance", float("52.52"), float("13.40"), float("48.86"), float("2.35"))), "877"},
	} {
		d, err := EvalDatum(&Context{}, c.e, nil)
		if err != nil {
			t.Errorf("%s: %v", c.e.(*Call).Func.Signature(), err)
			continue
		}
		text, err := castToTextDatum(&Context{}, c.e.Type(), d)
		if err != nil || text != c.want {
			t.Errorf("%s = %q (%v), want %q", c.e.(*Call).Func.Signature(), text, err, c.want)
		}
	}
}
