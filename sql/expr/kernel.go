package expr

import (
	"errors"

	"millrace/sql/types"
)

// cell is a Go type that a vector's slot can have.
type cell interface{ int64 | float64 | string }

// slots returns the vector's values as the physical type asked for.
func slots[T cell](v *types.Vector) []T {
	var s any
	switch any(*new(T)).(type) {
	case int64:
		s = v.Ints
	case float64:
		s = v.Floats
	default:
		s = v.Strs
	}
	return s.([]T)
}

// errNull is returned by a scalar function whose result is NULL.
var errNull = errors.New("null")

// settle makes row i NULL, and failed unless err is errNull.
func settle(ctx *Context, out *types.Vector, i int32, err error) {
	if err == errNull {
		out.SetNull(int(i))
		return
	}
	fail(ctx, out, i, err)
}

// The lift functions make kernels of scalar functions. Those whose names end in
// e take functions that can fail (or return errNull), those in c functions that
// also read the context.

func lift0c[R cell](f func(*Context) (R, error)) Kernel {
	return func(ctx *Context, _ []*types.Vector, selection []int32, out *types.Vector) {
		r := slots[R](out)
		for _, i := range selection {
			v, err := f(ctx)
			if err != nil {
				settle(ctx, out, i, err)
				continue
			}
			r[i] = v
		}
	}
}

func lift1[A, R cell](f func(A) R) Kernel {
	return func(_ *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		a, r := slots[A](args[0]), slots[R](out)
		for _, i := range selection {
			r[i] = f(a[i])
		}
	}
}

func lift1e[A, R cell](f func(A) (R, error)) Kernel {
	return lift1c(func(_ *Context, a A) (R, error) { return f(a) })
}

func lift1c[A, R cell](f func(*Context, A) (R, error)) Kernel {
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		a, r := slots[A](args[0]), slots[R](out)
		for _, i := range selection {
			v, err := f(ctx, a[i])
			if err != nil {
				settle(ctx, out, i, err)
				continue
			}
			r[i] = v
		}
	}
}

func lift2[A, B, R cell](f func(A, B) R) Kernel {
	return func(_ *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		a, b, r := slots[A](args[0]), slots[B](args[1]), slots[R](out)
		for _, i := range selection {
			r[i] = f(a[i], b[i])
		}
	}
}

func lift2e[A, B, R cell](f func(A, B) (R, error)) Kernel {
	return lift2c(func(_ *Context, a A, b B) (R, error) { return f(a, b) })
}

func lift2c[A, B, R cell](f func(*Context, A, B) (R, error)) Kernel {
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		a, b, r := slots[A](args[0]), slots[B](args[1]), slots[R](out)
		for _, i := range selection {
			v, err := f(ctx, a[i], b[i])
			if err != nil {
				settle(ctx, out, i, err)
				continue
			}
			r[i] = v
		}
	}
}

func lift3e[A, B, C, R cell](f func(A, B, C) (R, error)) Kernel {
	return lift3c(func(_ *Context, a A, b B, c C) (R, error) { return f(a, b, c) })
}

func lift3c[A, B, C, R cell](f func(*Context, A, B, C) (R, error)) Kernel {
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		a, b, c, r := slots[A](args[0]), slots[B](args[1]), slots[C](args[2]), slots[R](out)
		for _, i := range selection {
			v, err := f(ctx, a[i], b[i], c[i])
			if err != nil {
				settle(ctx, out, i, err)
				continue
			}
			r[i] = v
		}
	}
}

func lift4e[A, B, C, D, R cell](f func(A, B, C, D) (R, error)) Kernel {
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		a, b, c, d := slots[A](args[0]), slots[B](args[1]), slots[C](args[2]), slots[D](args[3])
		r := slots[R](out)
		for _, i := range selection {
			v, err := f(a[i], b[i], c[i], d[i])
			if err != nil {
				settle(ctx, out, i, err)
				continue
			}
			r[i] = v
		}
	}
}

// intervals1 and intervals2 make the kernel of a function that returns intervals.
func intervals1[A cell](f func(*Context, A) (types.IntervalValue, error)) option {
	return stateful(func() Kernel { return liftInterval1(f) })
}

func intervals2[A, B cell](f func(*Context, A, B) (types.IntervalValue, error)) option {
	return stateful(func() Kernel { return liftInterval2(f) })
}

// liftInterval1 and liftInterval2 write intervals one behind the other into memory
// of the kernel's own.
func liftInterval1[A cell](f func(*Context, A) (types.IntervalValue, error)) Kernel {
	var arena types.StringArena
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		a, r := slots[A](args[0]), out.Strs
		for _, i := range selection {
			v, err := f(ctx, a[i])
			if err != nil {
				settle(ctx, out, i, err)
				continue
			}
			r[i] = types.EncodeIntervalIn(&arena, v)
		}
	}
}

func liftInterval2[A, B cell](f func(*Context, A, B) (types.IntervalValue, error)) Kernel {
	var arena types.StringArena
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		a, b, r := slots[A](args[0]), slots[B](args[1]), out.Strs
		for _, i := range selection {
			v, err := f(ctx, a[i], b[i])
			if err != nil {
				settle(ctx, out, i, err)
				continue
			}
			r[i] = types.EncodeIntervalIn(&arena, v)
		}
	}
}

// liftRows makes a kernel of a function over whole rows, for functions with
// many, variadic, polymorphic or NULL arguments. f sees the arguments as datums
// with the types of args, in memory that is reused.
func liftRows(f func(ctx *Context, args []*types.Vector, row []types.Datum, result types.Type) (types.Datum, error)) Kernel {
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		row := make([]types.Datum, len(args))
		for _, i := range selection {
			for n, v := range args {
				row[n] = v.Datum(int(i))
			}
			d, err := f(ctx, args, row, out.Type)
			if err != nil {
				settle(ctx, out, i, err)
				continue
			}
			out.Set(int(i), d)
		}
	}
}

// boolInt is a boolean as vectors hold it.
func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
