package expr

import (
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

func (b *builder) defineArraySets() {
	b.set("unnest", "anyarray", unnamed("anyelement"), func(args []types.Type) RowSource {
		elem := *args[0].Elem
		return newList(func(_ *Context, args []types.Datum) ([][]types.Datum, error) {
			a, err := types.DecodeArray(elem, args[0].Str)
			return [][]types.Datum{a.Elems}, err
		})
	}, "the elements of an array, of all its dimensions")
	entry := []SetColumn{{Name: "key", Type: typeNamed("mapkey")}, {Name: "value", Type: typeNamed("mapvalue")}}
	b.set("unnest", "anymap", entry, func(args []types.Type) RowSource {
		mapType := args[0]
		return newList(func(_ *Context, args []types.Datum) ([][]types.Datum, error) {
			entries, err := types.DecodeMap(mapType, args[0].Str)
			out := make([][]types.Datum, 2)
			for _, e := range entries {
				out[0], out[1] = append(out[0], e.Key), append(out[1], e.Value)
			}
			return out, err
		})
	}, "the entries of a map, in the order of its keys")
	b.setAlias("explode", "unnest")
	newSubscripts := func(args []types.Type) RowSource { return &subscripts{elem: *args[0].Elem} }
	for _, args := range []string{"anyarray,int4", "anyarray,int4,bool"} {
		b.set("generate_subscripts", args, unnamed("int4"), newSubscripts, "the subscripts of one dimension of an array")
	}
	numbered := []SetColumn{{Name: "x", Type: typeNamed("anyelement")}, {Name: "n", Type: types.Int4}}
	b.set("_pg_expandarray", "anyarray", numbered, func(args []types.Type) RowSource {
		elem := *args[0].Elem
		return newList(func(_ *Context, args []types.Datum) ([][]types.Datum, error) {
			a, err := types.DecodeArray(elem, args[0].Str)
			numbers := make([]types.Datum, len(a.Elems))
			for i := range numbers {
				numbers[i] = types.IntDatum(int64(i + 1))
			}
			return [][]types.Datum{a.Elems, numbers}, err
		})
	}, "the elements of an array with their numbers from one, for drivers that read the catalog")
	b.set("cube_explode", "anyarray", unnamed("anyarray"), func(args []types.Type) RowSource {
		return &cube{elem: *args[0].Elem}
	}, "the array with NULL in place of its elements, in all combinations")
}

// subscripts is generate_subscripts.
type subscripts struct {
	elem types.Type
	intSeries
}

// Start implements RowSource.
func (s *subscripts) Start(_ *Context, args []types.Datum) error {
	s.intSeries = intSeries{done: true}
	a, err := types.DecodeArray(s.elem, args[0].Str)
	dimension := args[1].Int - 1
	if err != nil || dimension < 0 || dimension >= int64(len(a.Dims)) {
		return err
	}
	low := int64(a.LowerBound(int(dimension)))
	high := low + int64(a.Dims[dimension]) - 1
	s.intSeries = intSeries{value: low, stop: high, step: 1}
	if len(args) == 3 && args[2].Int != 0 {
		s.intSeries = intSeries{value: high, stop: low, step: -1}
	}
	return nil
}

// cube is CUBE_EXPLODE: like a binary number whose first digit is the array's
// first element, where 1 stands for the element and 0 for NULL. What is NULL
// anyway has no second combination.
type cube struct {
	elem    types.Type
	array   types.Array
	present []int // the elements that are not NULL
	number  uint64
	ended   bool
}

// maxCube bounds the elements of CUBE_EXPLODE's argument that are not NULL.
const maxCube = 32

// Start implements RowSource.
func (c *cube) Start(_ *Context, args []types.Datum) error {
	var err error
	c.array, err = types.DecodeArray(c.elem, args[0].Str)
	c.present, c.number, c.ended = c.present[:0], 0, false
	for i, d := range c.array.Elems {
		if d.Valid {
			c.present = append(c.present, i)
		}
	}
	if err == nil && len(c.present) > maxCube {
		err = sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "cube_explode takes an array of at most %d elements that are not NULL", maxCube)
	}
	return err
}

// Append implements RowSource.
func (c *cube) Append(columns []types.Vector, n int) (int, error) {
	row := c.array
	for rows := range n {
		if c.ended {
			return rows, nil
		}
		row.Elems = make([]types.Datum, len(c.array.Elems))
		for digit, i := range c.present {
			if c.number>>(len(c.present)-1-digit)&1 == 1 {
				row.Elems[i] = c.array.Elems[i]
			}
		}
		columns[0].Append(types.StringDatum(types.EncodeArray(c.elem, row)))
		c.number++
		c.ended = c.number == 1<<len(c.present)
	}
	return n, nil
}
