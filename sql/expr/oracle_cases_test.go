package expr

// interesting holds literals of each type that are worth combining.
var interesting = map[string][]string{
	"bool":        {"t", "f", "NULL"},
	"int2":        {"0", "1", "-1", "7", "32767", "-32768", "NULL"},
	"int4":        {"0", "1", "-1", "7", "-13", "100", "2147483647", "-2147483648", "NULL"},
	"int8":        {"0", "1", "-1", "42", "4294967296", "9223372036854775807", "-9223372036854775808", "NULL"},
	"float4":      {"0", "1.5", "-2.25", "3.4e38", "1e-45", "NaN", "Infinity", "-Infinity", "NULL"},
	"float8":      {"0", "-0", "1", "2.5", "-3.5", "1e308", "1e-300", "NaN", "Infinity", "-Infinity", "NULL"},
	"numeric":     {"0", "1", "-1.50", "2.5", "0.001", "12345678901234567890.123", "-99999999999999999999", "1e-20", "NaN", "Infinity", "-Infinity", "NULL"},
	"text":        {"", "a", "abc", "Hello World", "ünïcødé", "a%b_c\\d", "  pad  ", "123", "NULL"},
	"varchar":     {"abc", "NULL"},
	"bpchar":      {"abc  ", "abc", "NULL"},
	"name":        {"abc", "pg_class"},
	"bytea":       {"\\x", "\\x00ff", "\\xdeadbeef", "NULL"},
	"date":        {"2000-01-01", "2024-02-29", "1999-12-31", "0044-03-15 BC", "infinity", "-infinity", "NULL"},
	"time":        {"00:00:00", "12:34:56.789", "23:59:59.999999", "24:00:00", "NULL"},
	"timetz":      {"00:00:00+00", "12:34:56.789-03:30", "23:59:59.999999+15:59:59", "24:00:00-08", "12:34:56.789Z", "04:05", "NULL"},
	"timestamp":   {"2000-01-01 00:00:00", "2024-02-29 12:34:56.789012", "1969-12-31 23:59:59.5", "infinity", "-infinity", "NULL"},
	"timestamptz": {"2000-01-01 00:00:00+00", "2024-07-04 01:02:03.5+02", "1901-01-01 00:00:00+00", "infinity", "NULL"},
	"interval":    {"0", "1 day", "-1 mon 3 days", "1 year 2 mons 3 days 04:05:06.789", "-00:00:00.5", "36:00:00", "NULL"},
	"uuid":        {"00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "NULL"},
	"jsonb":       {"null", "1", "\"a\"", "true", "{\"a\": 1, \"b\": [1, 2, {\"c\": null}]}", "[1, \"a\", null]", "{}", "[]", "1.50", "NULL"},
	"json":        {"null", " 1 ", "\"a\\u0041\"", "true", "{\"b\" : [1,2, {\"c\":null}],\"a\":1, \"a\": 2}", "[1,\"a\" ,null]", "{ }", "1.50e400", "NULL"},
	"oid":         {"0", "25", "4294967295"},
	"int4[]":      {"{}", "{1,2,3}", "{3,NULL,1}", "{{1,2},{3,4}}", "NULL"},
	"text[]":      {"{}", "{a,b}", "{a,NULL,\"c d\"}", "NULL"},
	"unknown":     {"1", "a", "NULL", ""},
}

// oracleCases returns all cases, always in the same order.
func oracleCases() []oracleCase {
	var cases []oracleCase
	cases = append(cases, operatorCases(operatorTypes, operatorTypes)...)
	cases = append(cases, castCases(operatorTypes, operatorTypes)...)
	cases = append(cases, functionCases(functionCalls)...)
	// The golden file has one case of so many by their place, so what is added stands
	// behind what there was.
	for _, later := range laterTypes {
		all := append([]string{later.name}, operatorTypes...)
		cases = append(cases, operatorCases(all[:1], all)...)
		cases = append(cases, operatorCases(operatorTypes, all[:1])...)
		cases = append(cases, castCases(all[:1], operatorTypes)...)
		cases = append(cases, castCases(all, []string{later.name, "unknown"})...)
		cases = append(cases, functionCases(later.calls)...)
	}
	return cases
}

var operatorTypes = []string{
	"bool", "int2", "int4", "int8", "float4", "float8", "numeric", "text", "varchar", "bpchar", "name", "bytea",
	"date", "time", "timestamp", "timestamptz", "interval", "uuid", "jsonb", "oid", "int4[]", "text[]", "unknown",
}

// laterTypes are further types, each with the calls of its functions.
var laterTypes = []struct {
	name  string
	calls []functionCall
}{
	{"json", jsonTextCalls},
	{"timetz", timeTZCalls},
}

var binaryTokens = []string{
	"+", "-", "*", "/", "%", "^", "=", "<>", "<", "<=", ">", ">=", "||", "&", "|", "#", "<<", ">>",
}

// operatorCases combines operators with all pairs of types: every pair once or
// twice, and pairs of equal or related types with many values.
func operatorCases(leftTypes, rightTypes []string) []oracleCase {
	var cases []oracleCase
	n := 0
	for _, token := range binaryTokens {
		for _, left := range leftTypes {
			for _, right := range rightTypes {
				lefts, rights := interesting[left], interesting[right]
				if left == right {
					for i := range lefts {
						for j := range rights {
							if (i+j+n)%2 == 0 || i == j {
								cases = append(cases, operation(token, left, lefts[i], right, rights[j]))
							}
						}
					}
					continue
				}
				for k := range 3 {
					n++
					cases = append(cases, operation(token, left, lefts[(n+k)%len(lefts)], right, rights[(n*7+k)%len(rights)]))
				}
			}
		}
	}
	for _, token := range []string{"-", "+", "@", "~", "|/", "||/"} {
		for _, typ := range leftTypes {
			for _, v := range interesting[typ] {
				cases = append(cases, oracleCase{token, []literal{{typ, v}}})
			}
		}
	}
	return cases
}

func operation(token, leftType, left, rightType, right string) oracleCase {
	return oracleCase{token, []literal{{leftType, left}, {rightType, right}}}
}

// castCases casts every value of the sources to every one of kinds but the last, which is
// unknown, and to some with modifiers.
func castCases(sources, kinds []string) []oracleCase {
	var cases []oracleCase
	targets := append([]string{
		"numeric(5,2)", "numeric(3)", "varchar(3)", "bpchar(4)", "timestamp(0)", "timestamptz(1)", "time(0)",
	}, kinds[:len(kinds)-1]...)
	for _, from := range sources {
		for _, to := range targets {
			for _, v := range interesting[from] {
				cases = append(cases, oracleCase{"::" + to, []literal{{from, v}}})
			}
		}
	}
	return cases
}

// functionCases calls functions with the given arguments.
func functionCases(calls []functionCall) []oracleCase {
	var cases []oracleCase
	for _, call := range calls {
		cases = append(cases, combine(call.name, call.args, nil)...)
	}
	return append(cases, unknownCases(calls)...)
}

// unknownCases calls each function with literals that have no type, all of them
// or one, and with arguments of related types: which overload is chosen shows
// in the result, or in the error.
func unknownCases(calls []functionCall) []oracleCase {
	related := map[string]string{"int4": "int2", "int8": "int4", "float8": "int4", "numeric": "int4", "text": "varchar", "timestamp": "date", "timestamptz": "timestamp"}
	var cases []oracleCase
	for _, call := range calls {
		first := combine(call.name, firstValues(call.args), nil)[0]
		variants := [][]literal{retyped(first.args, func(int, string) string { return "unknown" })}
		for n := range first.args {
			variants = append(variants, retyped(first.args, func(i int, typ string) string {
				if i == n {
					return "unknown"
				}
				return typ
			}))
		}
		for _, args := range variants {
			cases = append(cases, oracleCase{call.name, args})
		}
		widened := retyped(first.args, func(_ int, typ string) string {
			if other, ok := related[typ]; ok {
				return other
			}
			return typ
		})
		cases = append(cases, oracleCase{call.name, widened})
	}
	return cases
}

// firstValues keeps one value of each argument.
func firstValues(args []argument) []argument {
	out := make([]argument, len(args))
	for i, a := range args {
		values := a.values
		if values == nil {
			values = interesting[a.typ]
		}
		out[i] = argument{a.typ, values[:1]}
	}
	return out
}

func retyped(args []literal, typ func(i int, typ string) string) []literal {
	out := make([]literal, len(args))
	for i, a := range args {
		out[i] = literal{typ(i, a.typ), a.text}
	}
	return out
}

// functionCall is a function with the literals that each argument takes in
// turn; an argument without literals takes the interesting ones of its type.
type functionCall struct {
	name string
	args []argument
}

type argument struct {
	typ    string
	values []string
}

func combine(name string, args []argument, chosen []literal) []oracleCase {
	if len(args) == 0 {
		return []oracleCase{{name, append([]literal(nil), chosen...)}}
	}
	values := args[0].values
	if values == nil {
		values = interesting[args[0].typ]
	}
	var cases []oracleCase
	for _, v := range values {
		cases = append(cases, combine(name, args[1:], append(chosen, literal{args[0].typ, v}))...)
	}
	return cases
}
