package planner

import (
	"cmp"
	"slices"

	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// How scans of tables find rows by their key or an index. There are no statistics;
// what is known of the columns decides:
//
//	the primary key, all columns equal to one value each
//	a unique index or the primary key, all columns equal to values
//	the longest run of first columns that are equal to values, with a range of
//	the column behind these if there is one
//
// Of two alike, the key comes before indexes, and the older index first.

// maxAlternatives bounds the combinations of values that one access looks up.
const maxAlternatives = 4096

// restrictions are what the conjuncts of a filter say of one column.
type restrictions struct {
	equals    *plan.Alternatives
	low, high *plan.Bound
}

// chooseAccess returns the access for a scan under a condition, or nil.
func (r *ruleContext) chooseAccess(scan *plan.Scan, predicate expr.Expr) *plan.Access {
	known := map[int]*restrictions{}
	for _, c := range split(predicate) {
		restrict(scan, c, known)
	}
	if len(known) == 0 {
		return nil
	}
	table := scan.Relation
	var best *candidate
	consider := func(index *catalog.Index, columns []int, unique bool) {
		c := newCandidate(table, index, columns, unique, known)
		if c != nil && (best == nil || c.compare(best) > 0) {
			best = c
		}
	}
	if !table.Bag && len(table.Key) > 0 {
		consider(nil, table.Key, true)
	}
	for _, index := range r.env.Catalog.IndexesOf(table.ID) {
		if index.Ready {
			consider(index, index.Numbers(), index.Unique)
		}
	}
	if best == nil {
		return nil
	}
	return best.access
}

// candidate is one way to find the rows.
type candidate struct {
	access *plan.Access
	// whole says that all columns of something unique are equal to values, bounds
	// how many ends the range has.
	whole  bool
	bounds int
}

// newCandidate returns what an index gives, nil for nothing.
func newCandidate(table *catalog.Relation, index *catalog.Index, columns []int, unique bool, known map[int]*restrictions) *candidate {
	c := &candidate{access: &plan.Access{Index: index}}
	combinations := 1
	used := 0
	for _, column := range columns {
		r := known[column]
		if r == nil {
			break
		}
		if e := r.equals; e != nil && combinations*len(e.List) <= maxAlternatives && (e.Array == nil || combinations == 1) {
			c.access.Equals = append(c.access.Equals, *e)
			combinations *= max(1, len(e.List))
			used++
			if e.Array != nil {
				combinations = maxAlternatives
			}
			continue
		}
		c.access.Low, c.access.High = r.low, r.high
		for _, b := range []*plan.Bound{r.low, r.high} {
			if b != nil {
				c.bounds++
			}
		}
		if c.bounds > 0 {
			used++
		}
		break
	}
	if used == 0 || index != nil && index.Unique && !hasAllRows(table, index, used, c.access) {
		return nil
	}
	c.whole = unique && len(c.access.Equals) == len(columns)
	return c
}

// hasAllRows reports whether a unique index has an entry for each row that an
// access to its first columns may want: a row with a NULL in it has none.
func hasAllRows(table *catalog.Relation, index *catalog.Index, used int, access *plan.Access) bool {
	if index.NullsNotDistinct {
		return true
	}
	if slices.ContainsFunc(access.Equals, func(a plan.Alternatives) bool { return a.Null }) {
		return false
	}
	return !slices.ContainsFunc(index.Columns[used:], func(c catalog.IndexColumn) bool { return !table.Columns[c.Column].NotNull })
}

func (c *candidate) compare(other *candidate) int {
	return cmp.Or(
		compareBool(c.whole, other.whole),
		cmp.Compare(len(c.access.Equals), len(other.access.Equals)),
		cmp.Compare(c.bounds, other.bounds),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// restrict notes what a condition says of a column.
func restrict(scan *plan.Scan, condition expr.Expr, known map[int]*restrictions) {
	switch c := condition.(type) {
	case *expr.Column:
		equal(scan, c, known, plan.Alternatives{List: []expr.Expr{booleanConst(true)}})
	case *expr.Not:
		if column, ok := c.Arg.(*expr.Column); ok {
			equal(scan, column, known, plan.Alternatives{List: []expr.Expr{booleanConst(false)}})
		}
	case *expr.IsNull:
		if column := plainColumn(c.Arg); column != nil && !c.Negated {
			equal(scan, column, known, plan.Alternatives{Null: true})
		}
	case *expr.In:
		restrictIn(scan, c, known)
	case *expr.AnyAll:
		column := plainColumn(c.Left)
		if column == nil || c.All || c.Func.Name != "=" || !isFixed(c.Array) || c.Array.Type().Kind != types.KindArray {
			return
		}
		if t := columnType(scan, column); t != nil && t.Kind != types.KindBpchar && comparesAs(*c.Array.Type().Elem, *t) {
			equal(scan, column, known, plan.Alternatives{Array: c.Array})
		}
	case *expr.Call:
		restrictCall(scan, c, known)
	}
}

func booleanConst(v bool) expr.Expr {
	return &expr.Const{Node: expr.Node{ResultType: types.Bool, Position: -1}, Value: types.BoolDatum(v)}
}

// choosePlace returns the range of a stream's rows that a condition leaves by their
// offsets, or else by their rowtimes, which rise roughly: of these it only says where
// to begin. It is nil where the condition says nothing.
func choosePlace(scan *plan.Scan, predicate expr.Expr) *plan.Access {
	known := map[int]*restrictions{}
	for _, c := range split(predicate) {
		restrict(scan, c, known)
	}
	for _, pseudocolumn := range []int{plan.FetchRowOffset, plan.FetchRowtime} {
		r := known[pseudocolumn]
		if r == nil {
			continue
		}
		access := &plan.Access{Pseudocolumn: pseudocolumn, Low: r.low, High: r.high}
		if r.equals != nil && len(r.equals.List) == 1 {
			access.Low = &plan.Bound{Value: r.equals.List[0], Inclusive: true}
			access.High = access.Low
		}
		if pseudocolumn == plan.FetchRowtime {
			access.High = nil
		}
		if access.Low != nil || access.High != nil {
			return access
		}
	}
	return nil
}

// columnType returns the type of a column that a scan gives, nil for a pseudocolumn
// by which rows are not found.
func columnType(scan *plan.Scan, column *expr.Column) *types.Type {
	number := scan.Fetch[column.Index]
	if scan.Relation.Kind == catalog.KindStream && (number == plan.FetchRowOffset || number == plan.FetchRowtime) {
		return &scan.Cols[column.Index].Type
	}
	if number < 0 {
		return nil
	}
	return &scan.Relation.Columns[number].Type
}

func restrictIn(scan *plan.Scan, in *expr.In, known map[int]*restrictions) {
	column := plainColumn(in.Arg)
	if column == nil || in.Negated {
		return
	}
	t := columnType(scan, column)
	if t == nil {
		return
	}
	list := make([]expr.Expr, len(in.List))
	for i, e := range in.List {
		if list[i] = fixedValue(e, *t); list[i] == nil {
			return
		}
	}
	equal(scan, column, known, plan.Alternatives{List: list})
}

// equal notes the values that a column may have. The first condition stays: the
// others are tested on what it finds.
func equal(scan *plan.Scan, column *expr.Column, known map[int]*restrictions, values plan.Alternatives) {
	if columnType(scan, column) == nil {
		return
	}
	r := restrictionsOf(scan, column, known)
	if r.equals == nil || len(values.List) == 1 && len(r.equals.List) != 1 {
		r.equals = &values
	}
}

func restrictionsOf(scan *plan.Scan, column *expr.Column, known map[int]*restrictions) *restrictions {
	number := scan.Fetch[column.Index]
	if known[number] == nil {
		known[number] = &restrictions{}
	}
	return known[number]
}

// mirrored are the comparisons with their sides exchanged.
var mirrored = map[string]string{"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

// restrictCall notes a comparison of a column with a value.
func restrictCall(scan *plan.Scan, call *expr.Call, known map[int]*restrictions) {
	operator := call.Func.Name
	if mirrored[operator] == "" || len(call.Args) != 2 {
		return
	}
	column, value := plainColumn(call.Args[0]), call.Args[1]
	if column == nil {
		column, value, operator = plainColumn(call.Args[1]), call.Args[0], mirrored[operator]
	}
	if column == nil {
		return
	}
	t := columnType(scan, column)
	if t == nil {
		return
	}
	if value = fixedValue(value, *t); value == nil {
		return
	}
	if operator == "=" {
		equal(scan, column, known, plan.Alternatives{List: []expr.Expr{value}})
		return
	}
	r := restrictionsOf(scan, column, known)
	bound := &plan.Bound{Value: value, Inclusive: len(operator) == 2}
	if operator[0] == '>' && r.low == nil {
		r.low = bound
	} else if operator[0] == '<' && r.high == nil {
		r.high = bound
	}
}

// fixedValue returns a value for comparisons with a column of type t as its key
// compares; nil where it is not the same for all rows, or comparing keys is not
// comparing values.
func fixedValue(value expr.Expr, t types.Type) expr.Expr {
	switch v := value.(type) {
	case *expr.Const:
		if !v.Value.Valid {
			return nil
		}
		return keyValue(v, t)
	case *expr.Param:
		return keyValue(v, t)
	}
	if !isFixed(value) || t.Kind == types.KindBpchar || !comparesAs(value.Type(), t) {
		return nil
	}
	return value
}

// isFixed reports whether an expression has one value in a query.
func isFixed(e expr.Expr) bool {
	fixed := !isVolatile(e) && !hasSubquery(e) && !hasOuter(e)
	expr.Walk(e, func(e expr.Expr) bool {
		switch e.(type) {
		case *expr.Column, *expr.Rowtime, *expr.RowOffset, *expr.RowPartition:
			fixed = false
		}
		return fixed
	})
	return fixed
}

// comparesAs reports whether values of one type have keys that compare with those
// of the other as the values do, without fail.
func comparesAs(from, t types.Type) bool {
	return from.SameKind(t) ||
		from.Kind == types.KindText && t.Kind == types.KindVarchar ||
		intWidth(from) > 0 && intWidth(from) <= intWidth(t)
}
