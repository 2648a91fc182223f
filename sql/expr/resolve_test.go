package expr

import (
	"testing"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

func TestResolutionErrors(t *testing.T) {
	resolve := func(name string, args ...types.Type) error {
		_, _, err := ResolveFunction(name, args, 7)
		return err
	}
	operator := func(token string, left, right types.Type) error {
		_, _, err := ResolveOperator(token, left, right, 7)
		return err
	}
	aggregate := func(name string, args ...types.Type) error {
		_, _, err := ResolveAggregate(name, args, 7)
		return err
	}
	common := func(ts ...types.Type) error {
		_, err := CommonType(ts, "UNION", 7)
		return err
	}
	for _, c := range []struct {
		err     error
		code    sqlerr.Code
		message string
	}{
		{resolve("foo", types.Int4), sqlerr.UndefinedFunction, "function foo(integer) does not exist"},
		{resolve("upper", types.Int4, types.Text), sqlerr.UndefinedFunction, "function upper(integer, text) does not exist"},
		{operator("+", types.Text, types.Int4), sqlerr.UndefinedFunction, "operator does not exist: text + integer"},
		{operator("-", types.Void, types.Text), sqlerr.UndefinedFunction, "operator does not exist: - text"},
		{operator("+", types.Unknown, types.Unknown), sqlerr.AmbiguousFunction, "operator is not unique: unknown + unknown"},
		{aggregate("sum", types.Text), sqlerr.UndefinedFunction, "function sum(text) does not exist"},
		{common(types.Int4, types.Bool), sqlerr.DatatypeMismatch, "UNION types integer and boolean cannot be matched"},
	} {
		e := sqlerr.From(c.err)
		if e == nil || e.Code != c.code || e.Message != c.message || e.Position != 7 {
			t.Errorf("got %+v, want %s %s", e, c.code, c.message)
		}
	}
}

func TestResolvedTypes(t *testing.T) {
	for _, c := range []struct {
		token       string
		left, right types.Type
		want        string // operand types and result
	}{
		{"+", types.Int4, types.Int8, "integer, bigint > bigint"},
		{"+", types.Int4, types.Numeric, "numeric, numeric > numeric"},
		{"+", types.Int4, types.Float4, "double precision, real > double precision"},
		{"=", types.Varchar, types.Unknown, "text, text > boolean"},
		{"=", types.Unknown, types.Unknown, "text, text > boolean"},
		{"||", types.Unknown, types.Unknown, "text, text > text"},
		{"||", types.Text, types.Int4, "text, integer > text"},
		{"-", types.Date, types.Date, "date, date > integer"},
		{"+", types.Timestamp, types.Unknown, "timestamp without time zone, interval > timestamp without time zone"},
		{"<", types.Date, types.Unknown, "date, date > boolean"},
		{"=", types.Int4, types.Unknown, "integer, integer > boolean"},
		{"||", types.ArrayOf(types.Int4), types.Int8, "bigint[], bigint > bigint[]"},
		{"->", types.JSONB, types.Unknown, "jsonb, text > jsonb"},
	} {
		o, args, err := ResolveOperator(c.token, c.left, c.right, -1)
		if err != nil {
			t.Errorf("%s %s %s: %v", c.left, c.token, c.right, err)
			continue
		}
		result, err := o.ResultType(args)
		if got := typeNames(args) + " > " + result.String(); err != nil || got != c.want {
			t.Errorf("%s %s %s: %s, want %s", c.left, c.token, c.right, got, c.want)
		}
	}
}

func TestCommonType(t *testing.T) {
	for _, c := range []struct {
		in   []types.Type
		want string
	}{
		{[]types.Type{types.Int4, types.Int8}, "bigint"},
		{[]types.Type{types.Int8, types.Float4}, "real"},
		{[]types.Type{types.Numeric, types.Float8, types.Int2}, "double precision"},
		{[]types.Type{types.Unknown, types.Unknown}, "text"},
		{[]types.Type{types.Unknown, types.Date}, "date"},
		{[]types.Type{types.Date, types.TimestampTZ, types.Timestamp}, "timestamp with time zone"},
		{[]types.Type{types.VarcharOf(5), types.VarcharOf(5)}, "character varying(5)"},
		{[]types.Type{types.VarcharOf(5), types.VarcharOf(6)}, "character varying"},
		{[]types.Type{types.Varchar, types.Text}, "character varying"},
	} {
		got, err := CommonType(c.in, "CASE", -1)
		if err != nil || got.String() != c.want {
			t.Errorf("%v: %s (%v), want %s", c.in, got, err, c.want)
		}
	}
}

func TestCoerce(t *testing.T) {
	literal := func(s string) Expr {
		return &Const{Node: Node{ResultType: types.Unknown, Position: 3}, Value: types.StringDatum(s)}
	}
	_, err := Coerce(literal("abc"), types.Int4, Implicit)
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.InvalidTextRepresentation || e.Position != 3 {
		t.Errorf("a bad literal: %+v", e)
	}
	_, err = Coerce(lit("text", "1"), types.Int4, Assignment)
	if sqlerr.CodeOf(err) != sqlerr.DatatypeMismatch {
		t.Errorf("text to integer in an assignment: %v", err)
	}
	_, err = Coerce(lit("bool", "t"), types.Date, Explicit)
	if sqlerr.CodeOf(err) != sqlerr.CannotCoerce {
		t.Errorf("boolean to date: %v", err)
	}
	_, err = Coerce(literal("too long"), types.VarcharOf(3), Assignment)
	if sqlerr.CodeOf(err) != sqlerr.StringDataRightTruncation {
		t.Errorf("a long literal: %v", err)
	}
	e, err := Coerce(literal("too long"), types.VarcharOf(3), Explicit)
	if err != nil || e.(*Const).Value.Str != "too" {
		t.Errorf("an explicit cast: %v, %v", e, err)
	}
}

// TestEveryFunctionIsUsable compiles a call of each overload and evaluates it
// for NULL arguments.
func TestEveryFunctionIsUsable(t *testing.T) {
	stand := map[types.Kind]types.Type{
		kindAny: types.Int4, kindAnyElement: types.Int4, kindAnyNonArray: types.Int4, kindAnyArray: types.ArrayOf(types.Int4),
		kindAnyCompatible: types.Int4, kindAnyCompatibleArray: types.ArrayOf(types.Int4),
		kindAnyStruct: types.StructOf([]types.Field{{Name: "a", Type: types.Int4}}),
		kindAnyMap:    types.MapOf(types.Text, types.Int4), kindMapKey: types.Text, kindMapValue: types.Int4,
		kindAnyEnum: types.EnumOf(&types.Named{ID: 1, Name: "e", Labels: []types.EnumLabel{{Label: "a"}}}),
	}
	seen := map[string]bool{}
	for _, o := range AllFunctions() {
		if o.Description == "" || seen[o.Signature()] {
			t.Errorf("%s has no description or is defined twice", o.Signature())
		}
		seen[o.Signature()] = true
		var args []Expr
		var ts []types.Type
		for _, a := range o.Args {
			if s, ok := stand[a.Kind]; ok {
				a = s
			}
			args = append(args, &Const{Node: Node{ResultType: a, Position: -1}})
			ts = append(ts, a)
		}
		result, err := o.ResultType(ts)
		if err != nil || isPolymorphic(result) {
			t.Errorf("%s: result %v, %v", o.Signature(), result, err)
			continue
		}
		if _, err := EvalDatum(&Context{}, &Call{Node: Node{ResultType: result}, Func: o, Args: args}, nil); err != nil && sqlerr.CodeOf(err) == sqlerr.InternalError {
			t.Errorf("%s: %v", o.Signature(), err)
		}
	}
	for _, a := range AllAggregates() {
		if a.Description == "" || !IsAggregate(a.Name) {
			t.Errorf("%s has no description", a.Signature())
		}
	}
}
