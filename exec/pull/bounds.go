package pull

import (
	"millrace/planner/plan"
	"millrace/sql/types"
)

// Bounds are the values of a plan.Access.
type Bounds struct {
	// Equals holds, for each of the first columns, the values that it may have, not
	// necessarily different ones: none of them NULL, or NULL alone.
	Equals [][]types.Datum
	// Low and High bound the column behind; nil for no bound. Their values are not
	// NULL.
	Low, High *Bound
}

// Bound is one end of a range.
type Bound struct {
	Value     types.Datum
	Inclusive bool
}

// bounds evaluates an access. It returns nil where no row can satisfy it, because
// something is compared with NULL.
func (s *scope) bounds(a *plan.Access) (*Bounds, error) {
	b := &Bounds{}
	for i := range a.Equals {
		values, err := s.alternatives(&a.Equals[i])
		if err != nil || len(values) == 0 {
			return nil, err
		}
		b.Equals = append(b.Equals, values)
	}
	for _, end := range []struct {
		from *plan.Bound
		to   **Bound
	}{{a.Low, &b.Low}, {a.High, &b.High}} {
		if end.from == nil {
			continue
		}
		d, err := s.datum(end.from.Value)
		if err != nil || !d.Valid {
			return nil, err
		}
		*end.to = &Bound{Value: d, Inclusive: end.from.Inclusive}
	}
	return b, nil
}

func (s *scope) alternatives(a *plan.Alternatives) ([]types.Datum, error) {
	if a.Null {
		return []types.Datum{types.Null}, nil
	}
	var values []types.Datum
	add := func(d types.Datum) {
		if d.Valid {
			values = append(values, d)
		}
	}
	for _, e := range a.List {
		d, err := s.datum(e)
		if err != nil {
			return nil, err
		}
		add(d)
	}
	if a.Array == nil {
		return values, nil
	}
	d, err := s.datum(a.Array)
	if err != nil || !d.Valid {
		return nil, err
	}
	array, err := types.DecodeArray(*a.Array.Type().Elem, d.Str)
	if err != nil {
		return nil, err
	}
	for _, element := range array.Elems {
		add(element)
	}
	return values, nil
}
