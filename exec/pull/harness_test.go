package pull

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// memoryTable is a relation in memory.
type memoryTable struct {
	rows [][]types.Datum
	// weights are the rows' weights, nil for 1 each.
	weights []int64
	// batch is how many rows a batch has, 0 for all.
	batch int
}

// memorySources are relations and system tables by name. They count how often
// each was read.
type memorySources struct {
	tables map[string]*memoryTable
	scans  map[string]int
	given  []*types.Batch
	open   int
}

func newSources(tables map[string]*memoryTable) *memorySources {
	return &memorySources{tables: tables, scans: map[string]int{}}
}

// Scan implements Sources.
func (m *memorySources) Scan(_ context.Context, scan *plan.Scan, key []types.Datum, _ *Bounds) (Iterator, error) {
	m.scans[scan.Relation.Name]++
	m.open++
	table := m.tables[scan.Relation.Name]
	size := table.batch
	if size == 0 {
		size = len(table.rows)
	}
	it := &memoryIterator{sources: m}
	var b *types.Batch
	for i, row := range table.rows {
		if key != nil && !slices.Equal(row[:len(key)], key) {
			continue
		}
		if b == nil || b.Len == size {
			b = types.NewBatch(columnTypes(scan.Cols))
			it.batches = append(it.batches, b)
		}
		weight := int64(1)
		if table.weights != nil {
			weight = table.weights[i]
		}
		fetched := make([]types.Datum, len(scan.Fetch))
		for c, column := range scan.Fetch {
			fetched[c] = row[column]
		}
		b.AppendRow(fetched, weight)
	}
	return it, nil
}

// System implements Sources.
func (m *memorySources) System(_ context.Context, _, name string) ([][]types.Datum, error) {
	m.scans[name]++
	return m.tables[name].rows, nil
}

// Given implements Sources.
func (m *memorySources) Lock(context.Context, *plan.LockedTable, *types.Batch) ([]int, error) {
	return nil, nil
}

func (m *memorySources) Given(number int) (*types.Batch, error) {
	return m.given[number], nil
}

type memoryIterator struct {
	sources *memorySources
	batches []*types.Batch
	last    *types.Batch
	closed  bool
}

// Next implements Iterator. It spoils the batch that it gave before, which its
// reader must not use any more.
func (it *memoryIterator) Next(ctx context.Context) (*types.Batch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if it.last != nil {
		for c := range it.last.Columns {
			it.last.Columns[c].Resize(it.last.Len)
		}
	}
	if len(it.batches) == 0 {
		return nil, io.EOF
	}
	it.last, it.batches = it.batches[0], it.batches[1:]
	return it.last, nil
}

// Close implements Iterator.
func (it *memoryIterator) Close() {
	if !it.closed {
		it.closed = true
		it.sources.open--
	}
}

// testContext is the evaluation context of all tests.
func testContext() *expr.Context {
	return &expr.Context{Now: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC), Format: types.DefaultFormat()}
}

// datumsOf reads rows such as "1 one" or "2 -": values of the given types between
// blanks, where - is NULL and ” an empty string.
func datumsOf(t testing.TB, columns []types.Type, rows ...string) [][]types.Datum {
	t.Helper()
	list := [][]types.Datum{}
	for _, row := range rows {
		var datums []types.Datum
		for c, field := range strings.Fields(row) {
			if field == "-" {
				datums = append(datums, types.Null)
				continue
			}
			d, err := types.ParseText(columns[c], strings.Trim(field, "'"), types.DefaultFormat())
			if err != nil {
				t.Fatal(err)
			}
			datums = append(datums, d)
		}
		list = append(list, datums)
	}
	return list
}

// textOf writes rows as datumsOf reads them.
func textOf(columns []types.Type, rows [][]types.Datum) []string {
	list := []string{}
	for _, row := range rows {
		var fields []string
		for c, d := range row {
			switch {
			case !d.Valid:
				fields = append(fields, "-")
			case d.Str == "" && columns[c].Kind == types.KindText:
				fields = append(fields, "''")
			default:
				fields = append(fields, string(types.AppendText(nil, columns[c], d, types.DefaultFormat())))
			}
		}
		list = append(list, strings.Join(fields, " "))
	}
	return list
}

// collect reads an iterator to its end and returns the rows and the error that
// ended it, nil for io.EOF.
func collect(ctx context.Context, it Iterator) ([][]types.Datum, error) {
	rows := [][]types.Datum{}
	for {
		b, err := it.Next(ctx)
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		if b.Len == 0 || b.Len > batchRows {
			return rows, sqlerr.New(sqlerr.InternalError, -1, "a batch of %d rows", b.Len)
		}
		for i := range b.Len {
			rows = append(rows, b.Row(i, nil))
		}
	}
}

// queryOf makes a query of a plan whose columns are all visible.
func queryOf(root plan.Node, subqueries ...*plan.Query) *plan.Query {
	return &plan.Query{Root: root, Visible: len(root.Columns()), RowOpColumn: -1, Subqueries: subqueries}
}

// run runs a query and returns its rows as text.
func run(t testing.TB, q *plan.Query, sources *memorySources) ([]string, error) {
	t.Helper()
	it, err := Run(context.Background(), q, testContext(), sources, Options{})
	if err != nil {
		return nil, err
	}
	rows, err := collect(context.Background(), it)
	it.Close()
	it.Close()
	if sources.open != 0 {
		t.Errorf("%d scans are still open", sources.open)
	}
	return textOf(columnTypes(q.Root.Columns())[:q.Visible], rows), err
}

// check runs a plan over tables and compares its rows, in order.
func check(t *testing.T, root plan.Node, tables map[string]*memoryTable, want ...string) {
	t.Helper()
	got, err := run(t, queryOf(root), newSources(tables))
	if err != nil {
		t.Fatal(err)
	}
	compareRows(t, got, want)
}

// checkSet is check for rows in any order.
func checkSet(t *testing.T, root plan.Node, tables map[string]*memoryTable, want ...string) {
	t.Helper()
	got, err := run(t, queryOf(root), newSources(tables))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	slices.Sort(want)
	compareRows(t, got, want)
}

func compareRows(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// checkFails runs a plan and compares the rows before the error and its code.
func checkFails(t *testing.T, root plan.Node, tables map[string]*memoryTable, code sqlerr.Code, want ...string) {
	t.Helper()
	got, err := run(t, queryOf(root), newSources(tables))
	if sqlerr.CodeOf(err) != code {
		t.Fatalf("error %v with SQLSTATE %q, want %s", err, sqlerr.CodeOf(err), code)
	}
	compareRows(t, got, want)
}

// base makes a node's columns: named a, b, c ... in order.
func base(columns ...types.Type) plan.Base {
	var b plan.Base
	for i, typ := range columns {
		b.Cols = append(b.Cols, plan.Column{Name: string(rune('a' + i)), Type: typ})
	}
	return b
}

// setTable is a set-returning function in FROM; unnest may have several arrays.
func setTable(name string, args ...expr.Expr) *plan.Expand {
	x := &plan.Expand{Input: &plan.Values{Rows: [][]expr.Expr{{}}}}
	lists := [][]expr.Expr{args}
	if name == "unnest" {
		lists = slices.Collect(slices.Chunk(args, 1))
	}
	for _, list := range lists {
		var given []types.Type
		for _, arg := range list {
			given = append(given, arg.Type())
		}
		function, _, columns, err := expr.ResolveSetFunction(name, given, -1)
		if err != nil {
			panic(err)
		}
		x.Calls = append(x.Calls, &expr.SetCall{Func: function, Args: list, Columns: columns})
		for _, c := range columns {
			x.Cols = append(x.Cols, plan.Column{Name: c.Name, Type: c.Type})
		}
	}
	return x
}

func scanOf(name string, columns ...types.Type) *plan.Scan {
	s := &plan.Scan{Base: base(columns...), Relation: &catalog.Relation{Name: name}}
	for i := range columns {
		s.Fetch = append(s.Fetch, i)
	}
	return s
}

func valuesOf(t testing.TB, columns []types.Type, rows ...string) *plan.Values {
	t.Helper()
	v := &plan.Values{Base: base(columns...)}
	for _, row := range datumsOf(t, columns, rows...) {
		var exprs []expr.Expr
		for c, d := range row {
			exprs = append(exprs, constant(columns[c], d))
		}
		v.Rows = append(v.Rows, exprs)
	}
	return v
}

func filterOf(input plan.Node, predicate expr.Expr) *plan.Filter {
	return &plan.Filter{Base: plan.Base{Cols: input.Columns()}, Input: input, Predicate: predicate}
}

func projectOf(input plan.Node, exprs ...expr.Expr) *plan.Project {
	p := &plan.Project{Input: input, Exprs: exprs}
	p.Base = base(typesOf(exprs)...)
	return p
}

func sortOf(input plan.Node, keys ...plan.SortKey) *plan.Sort {
	return &plan.Sort{Base: plan.Base{Cols: input.Columns()}, Input: input, Keys: keys}
}

func limitOf(input plan.Node, count, offset expr.Expr) *plan.Limit {
	return &plan.Limit{Base: plan.Base{Cols: input.Columns()}, Input: input, Count: count, Offset: offset}
}

func joinOf(kind plan.JoinKind, left, right plan.Node) *plan.Join {
	cols := slices.Concat(left.Columns(), right.Columns())
	if kind == plan.JoinSemi || kind == plan.JoinAnti {
		cols = left.Columns()
	}
	return &plan.Join{Base: plan.Base{Cols: cols}, Kind: kind, Left: left, Right: right}
}

func typesOf(exprs []expr.Expr) []types.Type {
	var list []types.Type
	for _, e := range exprs {
		list = append(list, e.Type())
	}
	return list
}

func at(typ types.Type) expr.Node { return expr.Node{ResultType: typ, Position: -1} }

func column(index int, typ types.Type) expr.Expr {
	return &expr.Column{Node: at(typ), Index: index}
}

func outer(level, index int, typ types.Type) expr.Expr {
	return &expr.Outer{Node: at(typ), Level: level, Index: index}
}

func constant(typ types.Type, d types.Datum) expr.Expr {
	return &expr.Const{Node: at(typ), Value: d}
}

func integer(n int64) expr.Expr { return constant(types.Int8, types.IntDatum(n)) }

// call applies an operator.
func call(t testing.TB, token string, left, right expr.Expr) expr.Expr {
	t.Helper()
	overload, args, err := expr.ResolveOperator(token, left.Type(), right.Type(), -1)
	if err != nil {
		t.Fatal(err)
	}
	result, err := overload.ResultType(args)
	if err != nil {
		t.Fatal(err)
	}
	if left, err = expr.Coerce(left, args[0], expr.Implicit); err != nil {
		t.Fatal(err)
	}
	if right, err = expr.Coerce(right, args[1], expr.Implicit); err != nil {
		t.Fatal(err)
	}
	return &expr.Call{Node: at(result), Func: overload, Args: []expr.Expr{left, right}}
}

// aggregateOf is a GROUP BY of columns with calls.
func aggregateOf(input plan.Node, groupBy []expr.Expr, calls ...plan.AggregateCall) *plan.Aggregate {
	columns := typesOf(groupBy)
	for _, c := range calls {
		columns = append(columns, c.Type)
	}
	return &plan.Aggregate{Base: base(columns...), Input: input, GroupBy: groupBy, Calls: calls}
}

// callOf is a call of a built-in aggregate.
func callOf(t testing.TB, name string, args ...expr.Expr) plan.AggregateCall {
	t.Helper()
	f, argTypes, err := expr.ResolveAggregate(name, typesOf(args), -1)
	if err != nil {
		t.Fatal(err)
	}
	result, err := f.ResultType(argTypes)
	if err != nil {
		t.Fatal(err)
	}
	return plan.AggregateCall{Func: f, Args: args, Star: len(args) == 0, Type: result}
}
