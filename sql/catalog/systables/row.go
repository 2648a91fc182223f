package systables

import (
	"fmt"
	"time"

	"millrace/sql/catalog"
	"millrace/sql/types"
)

// postgresEpoch is where timestamps count from.
var postgresEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// datums puts a row's values in the order of the table's columns.
func (t *Table) datums(r row) ([]types.Datum, error) {
	out := make([]types.Datum, len(t.Columns))
	used := 0
	for i := range t.Columns {
		c := &t.Columns[i]
		value, given := r[c.Name]
		if !given {
			out[i] = zeroDatum(c.Type)
			continue
		}
		used++
		datum, err := toDatum(c.Type, value)
		if err != nil {
			return nil, fmt.Errorf("system table %s.%s, column %s: %w", t.Schema, t.Name, c.Name, err)
		}
		out[i] = datum
	}
	if used != len(r) {
		return nil, fmt.Errorf("system table %s.%s: a row has a column that the table has not", t.Schema, t.Name)
	}
	return out, nil
}

// zeroDatum is the value of a column that a row leaves out.
func zeroDatum(t types.Type) types.Datum {
	if t.Kind.IsReg() {
		return types.IntDatum(0)
	}
	switch t.Kind {
	case types.KindBool, types.KindInt2, types.KindInt4, types.KindInt8, types.KindOID:
		return types.IntDatum(0)
	case types.KindFloat4, types.KindFloat8:
		return types.FloatDatum(0)
	case types.KindName, types.KindChar:
		return types.StringDatum("")
	default:
		return types.Null
	}
}

func toDatum(t types.Type, value any) (types.Datum, error) {
	switch v := value.(type) {
	case nil:
		return types.Null, nil
	case types.Datum:
		return v, nil
	case bool:
		return types.BoolDatum(v), nil
	case int:
		return intDatum(t, int64(v))
	case int16:
		return intDatum(t, int64(v))
	case int32:
		return intDatum(t, int64(v))
	case int64:
		return intDatum(t, v)
	case uint32:
		return intDatum(t, int64(v))
	case catalog.ObjectID:
		return intDatum(t, int64(v))
	case string:
		if t.Physical() != types.PhysicalString {
			return types.Null, fmt.Errorf("text for type %s", t)
		}
		return types.StringDatum(v), nil
	case time.Time:
		if v.IsZero() {
			return types.Null, nil
		}
		return types.IntDatum(v.Sub(postgresEpoch).Microseconds()), nil
	case []int:
		elems := make([]types.Datum, len(v))
		for i := range v {
			elems[i] = types.IntDatum(int64(v[i]))
		}
		return arrayDatum(t, elems)
	case []string:
		elems := make([]types.Datum, len(v))
		for i := range v {
			elems[i] = types.StringDatum(v[i])
		}
		return arrayDatum(t, elems)
	default:
		return types.Null, fmt.Errorf("no value of type %s from %T", t, value)
	}
}

func intDatum(t types.Type, v int64) (types.Datum, error) {
	switch t.Physical() {
	case types.PhysicalInt:
		return types.IntDatum(v), nil
	case types.PhysicalFloat:
		return types.FloatDatum(float64(v)), nil
	default:
		return types.Null, fmt.Errorf("a number for type %s", t)
	}
}

func arrayDatum(t types.Type, elems []types.Datum) (types.Datum, error) {
	if t.Kind != types.KindArray {
		return types.Null, fmt.Errorf("an array for type %s", t)
	}
	a := types.Array{Elems: elems}
	if len(elems) > 0 {
		a.Dims, a.LowerBounds = []int32{int32(len(elems))}, []int32{1}
		if t.Vector {
			a.LowerBounds[0] = 0
		}
	}
	return types.StringDatum(types.EncodeArray(*t.Elem, a)), nil
}

// orNull is nil for an empty text.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// orUnknown is nil for a negative number, which stands for one that is not
// known.
func orUnknown(n int64) any {
	if n < 0 {
		return nil
	}
	return n
}
