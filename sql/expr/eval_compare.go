package expr

import (
	"cmp"

	"millrace/sql/types"
)

// comparison is one of the six comparison operators.
type comparison uint8

const (
	notComparison comparison = iota
	equal
	notEqual
	less
	lessOrEqual
	greater
	greaterOrEqual
)

// mirrored returns the comparison with its sides exchanged.
func (c comparison) mirrored() comparison {
	switch c {
	case less:
		return greater
	case lessOrEqual:
		return greaterOrEqual
	case greater:
		return less
	case greaterOrEqual:
		return lessOrEqual
	}
	return c
}

// holds reports whether the comparison is true of values that compare as order
// does with zero.
func (c comparison) holds(order int) bool {
	switch c {
	case equal:
		return order == 0
	case notEqual:
		return order != 0
	case less:
		return order < 0
	case lessOrEqual:
		return order <= 0
	case greater:
		return order > 0
	}
	return order >= 0
}

// ordering is how values of a type are compared.
type ordering uint8

const (
	orderedByCompare ordering = iota // through types.CompareVectors
	orderedAsInts
	orderedAsFloats // NaN equals itself and is above all
	orderedAsBytes
	orderedAsNumerics
)

// orderingOf returns how values of type t are compared.
func orderingOf(t types.Type) ordering {
	switch t.Physical() {
	case types.PhysicalInt:
		return orderedAsInts
	case types.PhysicalFloat:
		return orderedAsFloats
	}
	switch t.Kind {
	case types.KindText, types.KindVarchar, types.KindName, types.KindBytea, types.KindUUID:
		return orderedAsBytes
	case types.KindNumeric:
		return orderedAsNumerics
	}
	return orderedByCompare
}

// compareEval compares two operands whose values have one representation.
type compareEval struct {
	op          comparison
	order       ordering
	left, right operand
	selection   []int32
	vectors     [2]*types.Vector
	nulls       types.Vector
}

// compileComparison returns the evaluation of a comparison that has loops of its
// own. A constant on the left is moved to the right.
func compileComparison(f *Overload, args []operand) (evaluator, bool) {
	if f.comparison == notComparison || len(args) != 2 {
		return nil, false
	}
	c := &compareEval{op: f.comparison, order: f.ordering, left: args[0], right: args[1]}
	if c.left.constant != nil && c.right.constant == nil {
		c.left, c.right = c.right, c.left
		c.op = c.op.mirrored()
	}
	c.nulls.Type = types.Bool
	return c, true
}

func (c *compareEval) operands(ctx *Context, in *types.Batch, selection []int32, out *types.Vector) []int32 {
	c.vectors[0] = c.left.values(ctx, in, selection)
	c.vectors[1] = c.right.values(ctx, in, selection)
	return dropNulls(c.vectors[:], selection, &c.selection, out)
}

func (c *compareEval) evaluate(ctx *Context, in *types.Batch, selection []int32, out *types.Vector) {
	selection = c.operands(ctx, in, selection, out)
	compareInto(c.op, c.order, c.vectors[0], c.vectors[1], selection, out.Ints)
}

// choose implements filter without making a boolean vector.
func (c *compareEval) choose(ctx *Context, in *types.Batch, selection []int32, out []int32) []int32 {
	c.nulls.Nulls = c.nulls.Nulls[:0]
	selection = c.operands(ctx, in, selection, &c.nulls)
	a, b := c.vectors[0], c.vectors[1]
	if c.right.constant != nil && c.right.constant.Valid {
		switch c.order {
		case orderedAsInts:
			return chooseConstant(c.op, a.Ints, c.right.constant.Int, selection, out)
		case orderedAsBytes:
			return chooseConstant(c.op, a.Strs, c.right.constant.Str, selection, out)
		}
	}
	switch c.order {
	case orderedAsInts:
		return chooseOrdered(c.op, a.Ints, b.Ints, selection, out)
	case orderedAsBytes:
		return chooseOrdered(c.op, a.Strs, b.Strs, selection, out)
	case orderedAsFloats:
		return chooseFloats(c.op, a.Floats, b.Floats, selection, out)
	case orderedAsNumerics:
		for _, i := range selection {
			if c.op.holds(compareNumeric(a.Strs[i], b.Strs[i])) {
				out = append(out, i)
			}
		}
		return out
	}
	for _, i := range selection {
		if c.op.holds(types.CompareVectors(a, int(i), b, int(i))) {
			out = append(out, i)
		}
	}
	return out
}

// compareInto stores the truth of a comparison for the selected rows.
func compareInto(op comparison, order ordering, a, b *types.Vector, selection []int32, out []int64) {
	switch order {
	case orderedAsInts:
		compareOrdered(op, a.Ints, b.Ints, selection, out)
	case orderedAsBytes:
		compareOrdered(op, a.Strs, b.Strs, selection, out)
	case orderedAsFloats:
		compareFloats(op, a.Floats, b.Floats, selection, out)
	case orderedAsNumerics:
		for _, i := range selection {
			out[i] = boolInt(op.holds(compareNumeric(a.Strs[i], b.Strs[i])))
		}
	default:
		for _, i := range selection {
			out[i] = boolInt(op.holds(types.CompareVectors(a, int(i), b, int(i))))
		}
	}
}

func compareOrdered[T int64 | string](op comparison, a, b []T, selection []int32, out []int64) {
	switch op {
	case equal:
		for _, i := range selection {
			out[i] = boolInt(a[i] == b[i])
		}
	case notEqual:
		for _, i := range selection {
			out[i] = boolInt(a[i] != b[i])
		}
	case less:
		for _, i := range selection {
			out[i] = boolInt(a[i] < b[i])
		}
	case lessOrEqual:
		for _, i := range selection {
			out[i] = boolInt(a[i] <= b[i])
		}
	case greater:
		for _, i := range selection {
			out[i] = boolInt(a[i] > b[i])
		}
	case greaterOrEqual:
		for _, i := range selection {
			out[i] = boolInt(a[i] >= b[i])
		}
	}
}

// compareNumeric orders numerics, those of few digits without the general
// arithmetic.
func compareNumeric(a, b string) int {
	x, xScale, xOK := types.NumericSmall(a)
	y, yScale, yOK := types.NumericSmall(b)
	if xOK && yOK {
		scale := max(xScale, yScale)
		x, xOK = rescale(x, scale-xScale)
		y, yOK = rescale(y, scale-yScale)
		if xOK && yOK {
			return cmp.Compare(x, y)
		}
	}
	return types.NumericCompare(a, b)
}

// compareFloat orders floats as PostgreSQL does: NaN equals NaN and is greater
// than every other value; -0 equals 0.
func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	}
	return cmp.Compare(boolInt(a != a), boolInt(b != b))
}

func compareFloats(op comparison, a, b []float64, selection []int32, out []int64) {
	switch op {
	case less:
		for _, i := range selection {
			out[i] = boolInt(a[i] < b[i] || (b[i] != b[i] && a[i] == a[i]))
		}
	case greater:
		for _, i := range selection {
			out[i] = boolInt(a[i] > b[i] || (a[i] != a[i] && b[i] == b[i]))
		}
	case equal:
		for _, i := range selection {
			out[i] = boolInt(a[i] == b[i] || (a[i] != a[i] && b[i] != b[i]))
		}
	default:
		for _, i := range selection {
			out[i] = boolInt(op.holds(compareFloat(a[i], b[i])))
		}
	}
}

func chooseFloats(op comparison, a, b []float64, selection, out []int32) []int32 {
	switch op {
	case less:
		for _, i := range selection {
			if a[i] < b[i] || (b[i] != b[i] && a[i] == a[i]) {
				out = append(out, i)
			}
		}
	case greater:
		for _, i := range selection {
			if a[i] > b[i] || (a[i] != a[i] && b[i] == b[i]) {
				out = append(out, i)
			}
		}
	default:
		for _, i := range selection {
			if op.holds(compareFloat(a[i], b[i])) {
				out = append(out, i)
			}
		}
	}
	return out
}

func chooseOrdered[T int64 | string](op comparison, a, b []T, selection, out []int32) []int32 {
	switch op {
	case equal:
		for _, i := range selection {
			if a[i] == b[i] {
				out = append(out, i)
			}
		}
	case notEqual:
		for _, i := range selection {
			if a[i] != b[i] {
				out = append(out, i)
			}
		}
	case less:
		for _, i := range selection {
			if a[i] < b[i] {
				out = append(out, i)
			}
		}
	case lessOrEqual:
		for _, i := range selection {
			if a[i] <= b[i] {
				out = append(out, i)
			}
		}
	case greater:
		for _, i := range selection {
			if a[i] > b[i] {
				out = append(out, i)
			}
		}
	case greaterOrEqual:
		for _, i := range selection {
			if a[i] >= b[i] {
				out = append(out, i)
			}
		}
	}
	return out
}

// chooseConstant writes every row to the end of out and moves the end on only
// where the comparison holds, so that the loop has no branch to mispredict.
func chooseConstant[T int64 | string](op comparison, a []T, c T, selection, out []int32) []int32 {
	start := len(out)
	out = grow(out, len(selection))
	n := 0
	buf := out[start:]
	switch op {
	case equal:
		for _, i := range selection {
			buf[n] = i
			if a[i] == c {
				n++
			}
		}
	case notEqual:
		for _, i := range selection {
			buf[n] = i
			if a[i] != c {
				n++
			}
		}
	case less:
		for _, i := range selection {
			buf[n] = i
			if a[i] < c {
				n++
			}
		}
	case lessOrEqual:
		for _, i := range selection {
			buf[n] = i
			if a[i] <= c {
				n++
			}
		}
	case greater:
		for _, i := range selection {
			buf[n] = i
			if a[i] > c {
				n++
			}
		}
	case greaterOrEqual:
		for _, i := range selection {
			buf[n] = i
			if a[i] >= c {
				n++
			}
		}
	}
	return out[:start+n]
}

// grow returns s lengthened by n elements of any value.
func grow(s []int32, n int) []int32 {
	if cap(s)-len(s) < n {
		larger := make([]int32, len(s), len(s)+n)
		copy(larger, s)
		s = larger
	}
	return s[:len(s)+n]
}
