package expr

import (
	"crypto/rand"
	"encoding/binary"

	"millrace/sql/types"
)

// defineConditional defines GREATEST, LEAST, NULLIF and their like
// (https://www.postgresql.org/docs/15/functions-conditional.html). COALESCE and
// CASE are expressions of their own.
func (b *builder) defineConditional() {
	for _, f := range []struct {
		name, words string
		direction   int
	}{{"greatest", "greatest of the values that are not NULL", 1}, {"least", "least of the values that are not NULL", -1}} {
		b.function(f.name, "anycompatible...", "anycompatible", extreme(f.direction), f.words, notStrict)
	}
	b.function("nullif", "anycompatible,anycompatible", "anycompatible", liftRows(func(_ *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		if row[0].Valid && row[1].Valid && types.Compare(args[0].Type, row[0], row[1]) == 0 {
			return types.Null, nil
		}
		return row[0], nil
	}), "the first value, NULL when it equals the second", notStrict)
	count := func(nulls bool) Kernel {
		return liftRows(func(_ *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
			n := int64(0)
			for _, d := range row {
				n += boolInt(d.Valid != nulls)
			}
			return types.IntDatum(n), nil
		})
	}
	b.function("num_nulls", "any...", "int4", count(true), "number of arguments that are NULL", notStrict)
	b.function("num_nonnulls", "any...", "int4", count(false), "number of arguments that are not NULL", notStrict)
	b.function("gen_random_uuid", "", "uuid", lift0c(randomUUID), "random UUID (version 4)", volatile)
}

// extreme is the kernel of GREATEST, with a direction of 1, and LEAST, with -1.
func extreme(direction int) Kernel {
	any := liftRows(func(_ *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		best := types.Null
		for _, d := range row {
			if d.Valid && (!best.Valid || types.Compare(args[0].Type, d, best)*direction > 0) {
				best = d
			}
		}
		return best, nil
	})
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		switch out.Type.Kind {
		case types.KindInt2, types.KindInt4, types.KindInt8, types.KindDate, types.KindTimestamp, types.KindTimestampTZ:
			extremeInts(direction > 0, args, selection, out)
		default:
			any(ctx, args, selection, out)
		}
	}
}

// extremeInts is extreme for types whose order is that of their integers.
func extremeInts(greatest bool, args []*types.Vector, selection []int32, out *types.Vector) {
	for _, i := range selection {
		best := types.Null
		for _, v := range args {
			if v.IsNull(int(i)) {
				continue
			}
			if d := v.Ints[i]; !best.Valid || d != best.Int && (d > best.Int) == greatest {
				best = types.IntDatum(d)
			}
		}
		out.Set(int(i), best)
	}
}

// randomUUID returns a version 4 UUID.
func randomUUID(ctx *Context) (string, error) {
	var id [16]byte
	if ctx.Random != nil {
		binary.LittleEndian.PutUint64(id[:8], ctx.Random.Uint64())
		binary.LittleEndian.PutUint64(id[8:], ctx.Random.Uint64())
	} else if _, err := rand.Read(id[:]); err != nil {
		return "", err
	}
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return string(id[:]), nil
}
