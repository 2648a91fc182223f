package expr

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineKSQL defines ksqlDB's functions on numbers, times, arrays, maps and JSON
// that PostgreSQL does not have, or has under another name.
func (b *builder) defineKSQL() {
	b.defineKSQLText()
	b.defineKSQLArrays()
	b.defineMaps()
	b.defineJSONPaths()
	b.defineKSQLTime()
	b.defineHeaders()
	distance := liftRows(func(_ *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		radius := earthRadiusKilometers
		if len(row) == 5 && strings.HasPrefix(lowerASCII(row[4].Str), "mi") {
			radius = earthRadiusMiles
		}
		return types.FloatDatum(radius * greatCircle(row[0].Float, row[1].Float, row[2].Float, row[3].Float)), nil
	})
	const points = "float8,float8,float8,float8"
	b.function("geo_distance", points, "float8", distance, "distance in km of two points given as latitude, longitude")
	b.function("geo_distance", points+",text", "float8", distance, "distance in km or miles of two points given as latitude, longitude")
}

const (
	earthRadiusKilometers = 6371.0
	earthRadiusMiles      = 3959.0
)

// greatCircle returns the angle between two points on a sphere, by the haversine
// formula; latitudes and longitudes are in degrees.
func greatCircle(latitude1, longitude1, latitude2, longitude2 float64) float64 {
	const radian = math.Pi / 180
	halfLatitude := math.Sin((latitude2 - latitude1) * radian / 2)
	halfLongitude := math.Sin((longitude2 - longitude1) * radian / 2)
	a := halfLatitude*halfLatitude + math.Cos(latitude1*radian)*math.Cos(latitude2*radian)*halfLongitude*halfLongitude
	return 2 * math.Asin(math.Sqrt(min(a, 1)))
}

// onLists makes a kernel of a function of one-dimensional lists of elements.
func onLists(f func(elem types.Type, lists [][]types.Datum) types.Datum) Kernel {
	return liftRows(func(_ *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		elem := *args[0].Type.Elem
		lists := make([][]types.Datum, 0, len(row))
		for i, d := range row {
			if args[i].Type.Kind != types.KindArray {
				break
			}
			a, err := types.DecodeArray(elem, d.Str)
			if err != nil {
				return types.Null, err
			}
			lists = append(lists, a.Elems)
		}
		return f(elem, lists), nil
	})
}

// has reports whether an element is in a list, NULL being equal to NULL.
func has(elem types.Type, list []types.Datum, d types.Datum) bool {
	return slices.ContainsFunc(list, func(e types.Datum) bool { return sameElement(elem, e, d) })
}

// distinct returns the elements without repetitions, in order.
func distinct(elem types.Type, list []types.Datum) []types.Datum {
	var out []types.Datum
	for _, d := range list {
		if !has(elem, out, d) {
			out = append(out, d)
		}
	}
	return out
}

func (b *builder) defineKSQLArrays() {
	const pair = "anyarray,anyarray"
	keep := func(wanted bool) Kernel {
		return onLists(func(elem types.Type, lists [][]types.Datum) types.Datum {
			out := slices.DeleteFunc(distinct(elem, lists[0]), func(d types.Datum) bool { return has(elem, lists[1], d) != wanted })
			return encodedArray(elem, out)
		})
	}
	b.function("array_distinct", "anyarray", "anyarray", onLists(func(elem types.Type, lists [][]types.Datum) types.Datum {
		return encodedArray(elem, distinct(elem, lists[0]))
	}), "elements without repetitions")
	b.function("array_except", pair, "anyarray", keep(false), "distinct elements of the first array that the second has not")
	b.function("array_intersect", pair, "anyarray", keep(true), "distinct elements that both arrays have")
	b.function("array_union", pair, "anyarray", onLists(func(elem types.Type, lists [][]types.Datum) types.Datum {
		return encodedArray(elem, distinct(elem, slices.Concat(lists...)))
	}), "distinct elements of either array")
	b.function("array_concat", pair, "anyarray", onLists(func(elem types.Type, lists [][]types.Datum) types.Datum {
		return encodedArray(elem, slices.Concat(lists...))
	}), "elements of both arrays")
	b.function("array_contains", "anycompatiblearray,anycompatible", "bool", liftRows(func(_ *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		if !row[0].Valid {
			return types.Null, nil
		}
		elem := *args[0].Type.Elem
		a, err := types.DecodeArray(elem, row[0].Str)
		return types.BoolDatum(has(elem, a.Elems, row[1])), err
	}), "whether a value is among the elements", notStrict)
	b.function("array_length", "anyarray", "int4", onLists(func(_ types.Type, lists [][]types.Datum) types.Datum {
		return types.IntDatum(int64(len(lists[0])))
	}), "number of elements")
	for _, f := range []struct {
		name, words string
		direction   int
	}{{"array_max", "greatest element that is not NULL", 1}, {"array_min", "least element that is not NULL", -1}} {
		b.function(f.name, "anyarray", "anyelement", onLists(func(elem types.Type, lists [][]types.Datum) types.Datum {
			best := types.Null
			for _, d := range lists[0] {
				if d.Valid && (!best.Valid || types.Compare(elem, d, best)*f.direction > 0) {
					best = d
				}
			}
			return best
		}), f.words)
	}
	b.function("array_sort", "anyarray", "anyarray", liftRows(sortArray), "elements in order, NULLs last")
	b.function("array_sort", "anyarray,text", "anyarray", liftRows(sortArray), "elements in order, ASC or DESC, NULLs last")
	b.function("array_join", "anyarray,text", "text", liftRows(func(ctx *Context, args []*types.Vector, row []types.Datum, t types.Type) (types.Datum, error) {
		return arrayToString(ctx, args, append(row, types.StringDatum("null")), t)
	}), "elements' text with a separator, null for NULL", stable)
	b.function("slice", "anyarray,int4,int4", "anyarray", onArray(func(a *types.Array, elem types.Type, rest []types.Datum) (types.Datum, error) {
		first, end := max(rest[0].Int-1, 0), min(rest[1].Int, int64(len(a.Elems)))
		if first >= end {
			return encodedArray(elem, nil), nil
		}
		return encodedArray(elem, a.Elems[first:end]), nil
	}), "elements from one position to another")
}

func sortArray(_ *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	elem := *args[0].Type.Elem
	a, err := types.DecodeArray(elem, row[0].Str)
	if err != nil {
		return types.Null, err
	}
	direction := 1
	if len(row) == 2 {
		switch lowerASCII(row[1].Str) {
		case "asc", "ascending":
		case "desc", "descending":
			direction = -1
		default:
			return types.Null, sqlerr.New(sqlerr.InvalidParameterValue, -1, "sort direction must be ASC or DESC")
		}
	}
	slices.SortStableFunc(a.Elems, func(x, y types.Datum) int {
		if !x.Valid || !y.Valid {
			return int(boolInt(y.Valid) - boolInt(x.Valid))
		}
		return types.Compare(elem, x, y) * direction
	})
	return encodedArray(elem, a.Elems), nil
}

func (b *builder) defineMaps() {
	entries := func(f func(t types.Type, entries []types.MapEntry) types.Datum) Kernel {
		return liftRows(func(_ *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
			list, err := types.DecodeMap(args[0].Type, row[0].Str)
			if err != nil {
				return types.Null, err
			}
			return f(args[0].Type, list), nil
		})
	}
	b.function("map_keys", "anymap", "mapkey[]", entries(func(t types.Type, list []types.MapEntry) types.Datum {
		var keys []types.Datum
		for _, e := range list {
			keys = append(keys, e.Key)
		}
		return encodedArray(*t.Key, keys)
	}), "keys of a map, in order")
	b.function("map_values", "anymap", "mapvalue[]", entries(func(t types.Type, list []types.MapEntry) types.Datum {
		var values []types.Datum
		for _, e := range list {
			values = append(values, e.Value)
		}
		return encodedArray(*t.Elem, values)
	}), "values of a map, in the order of its keys")
}

// defineJSONPaths defines ksqlDB's functions on JSON in strings.
func (b *builder) defineJSONPaths() {
	b.function("extractjsonfield", "text,text", "text", lift2e(func(text, path string) (string, error) {
		v, err := types.ParseJSON(text)
		if err != nil {
			return "", errNull
		}
		steps, err := jsonPath(path)
		if err != nil {
			return "", err
		}
		d, err := jsonTextResult(atPath(&v, steps))
		if err == nil && !d.Valid {
			err = errNull
		}
		return d.Str, err
	}), "value at a path such as $.a[0].b of JSON text, NULL when there is none")
	b.function("is_json_string", "text", "bool", lift1(func(text string) int64 {
		_, err := types.ParseJSON(text)
		return boolInt(err == nil)
	}), "whether a string is JSON")
	b.function("to_json_string", "anyelement", "text", liftRows(func(ctx *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		v := types.ToJSON(args[0].Type, row[0], ctx.format())
		return types.StringDatum(jsonText(&v)), nil
	}), "the value as JSON text", stable)
}

// jsonPath reads a path such as $.a[0]['b c'] as steps.
func jsonPath(path string) ([]types.Datum, error) {
	malformed := sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid JSON path \"%s\"", path)
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil, malformed
	}
	var steps []types.Datum
	for rest != "" {
		var step string
		switch rest[0] {
		case '.':
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			step, rest = rest[1:end+1], rest[end+1:]
		case '[':
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return nil, malformed
			}
			step, rest = rest[1:end], rest[end+1:]
			quoted := len(step) >= 2 && (step[0] == '\'' || step[0] == '"') && step[len(step)-1] == step[0]
			if quoted {
				step = step[1 : len(step)-1]
			} else if _, err := strconv.Atoi(step); err != nil {
				return nil, malformed
			}
		}
		if step == "" {
			return nil, malformed
		}
		steps = append(steps, types.StringDatum(step))
	}
	return steps, nil
}
