package planner

import (
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
)

// Continuous queries that share the work of others: where a part of a query's plan is
// the whole plan of another one, a scan of that one's result takes its place. Which
// queries a query shares is decided when it is created and kept in the catalog
// (catalog.Query.Shared), so that it is planned the same way ever after.

// sharedResult is a result that may take the place of a plan: the columns fetch of a
// table have what root gives.
type sharedResult struct {
	query  *catalog.Query
	result *catalog.Relation
	root   plan.Node
	fetch  []int
}

// shareable returns the results of running queries that a new query with given sources
// and settings could read parts of its plan from.
func shareable(snapshot *catalog.Snapshot, query *catalog.Query) []sharedResult {
	if query.StopOnError {
		return nil
	}
	var results []sharedResult
	for _, q := range snapshot.Queries() {
		if !snapshot.Shareable(q) || !sameSettings(q.Settings, query.Settings) {
			continue
		}
		// What the other one needs has to stay, as it is, as long as this one does; views
		// can be replaced.
		if !within(q.Sources, query.Sources) || len(q.Views) > 0 {
			continue
		}
		results = append(results, sharedResults(snapshot, q)...)
	}
	return results
}

// sharedResults plans a query, without what it shares itself, and returns what its
// result may take the place of: the whole plan, and where that only puts columns in
// another order, what stands below.
func sharedResults(snapshot *catalog.Snapshot, q *catalog.Query) []sharedResult {
	result := snapshot.Result(q)
	if result == nil {
		return nil
	}
	statement, err := sql.ParseOne(q.Text)
	if err != nil {
		return nil
	}
	text, ok := statement.(*ast.Query)
	if !ok {
		return nil
	}
	env, err := queryEnvironment(snapshot, q)
	if err != nil {
		return nil
	}
	c, err := bindContinuous(env, text, q.Sources, result.Partitions)
	if err != nil || !isHeavy(c.root, result.Kind) || len(c.root.Columns()) != len(result.Columns) {
		return nil
	}
	results := []sharedResult{{q, result, c.root, upTo(len(result.Columns))}}
	if project, ok := c.root.(*plan.Project); ok {
		if fetch := reordered(project); fetch != nil {
			results = append(results, sharedResult{q, result, project.Input, fetch})
		}
	}
	return slices.DeleteFunc(results, func(r sharedResult) bool { return !r.holds() })
}

// reordered returns which column of a projection has each column of its input; nil
// where some column is not there.
func reordered(project *plan.Project) []int {
	fetch := make([]int, len(project.Input.Columns()))
	for i := range fetch {
		fetch[i] = slices.IndexFunc(project.Exprs, func(e expr.Expr) bool {
			column, ok := e.(*expr.Column)
			return ok && column.Index == i
		})
		if fetch[i] < 0 {
			return nil
		}
	}
	return fetch
}

// isHeavy reports whether a plan has an operator whose work is worth sharing: one that
// keeps state, or, where the result is a stream, makes several rows of one.
func isHeavy(node plan.Node, result catalog.Kind) bool {
	switch node.(type) {
	case *plan.Aggregate, *plan.Join, *plan.TopN, *plan.Over, *plan.Session:
		return true
	case *plan.Expand:
		if result == catalog.KindStream {
			return true
		}
	}
	return slices.ContainsFunc(node.Inputs(), func(input plan.Node) bool { return isHeavy(input, result) })
}

// holds reports whether the result has the rows of the plan as they are: their columns,
// key and place.
func (r *sharedResult) holds() bool {
	have, want := newScan(r.result, r.fetch).Props(), r.root.Props()
	if have.Kind != want.Kind || have.Partitions != want.Partitions {
		return false
	}
	for i, column := range r.root.Columns() {
		if stored := &r.result.Columns[r.fetch[i]]; stored.Dropped || !stored.Type.Equal(column.Type) {
			return false
		}
	}
	// Rows that have no key are stored where they are computed (continuousBinder.stages).
	placed := want.Partitioning == nil || want.Kind != plan.Keyed || slices.Equal(have.Partitioning, want.Partitioning)
	return slices.Equal(have.Key, want.Key) && placed
}

func within(some, all []catalog.ObjectID) bool {
	return !slices.ContainsFunc(some, func(id catalog.ObjectID) bool { return !slices.Contains(all, id) })
}

// sameSettings compares the settings that values are read and printed by; what names
// mean the plans say.
func sameSettings(a, b []catalog.Option) bool {
	names := func(o catalog.Option) bool { return strings.EqualFold(o.Name, "search_path") }
	return slices.Equal(slices.DeleteFunc(slices.Clone(a), names), slices.DeleteFunc(slices.Clone(b), names))
}

// share puts scans of results into a plan, in the place of the largest parts that
// compute the same, and returns the IDs of the queries shared, ascending.
func share(root plan.Node, results []sharedResult) (plan.Node, []catalog.ObjectID) {
	var shared []catalog.ObjectID
	var replace func(node plan.Node) plan.Node
	replace = func(node plan.Node) plan.Node {
		for i := range results {
			r := &results[i]
			if !samePlan(node, r.root) {
				continue
			}
			shared = append(shared, r.query.ID)
			scan := newScan(r.result, r.fetch)
			placed := scan.Properties.Partitioning
			scan.Cols, scan.Properties = node.Columns(), *node.Props()
			if scan.Properties.Partitioning == nil {
				scan.Properties.Partitioning = placed
			}
			return scan
		}
		inputs := node.Inputs()
		replaced := make([]plan.Node, len(inputs))
		for i, input := range inputs {
			replaced[i] = replace(input)
		}
		if slices.Equal(inputs, replaced) {
			return node
		}
		return withInputs(node, replaced)
	}
	root = replace(root)
	slices.Sort(shared)
	return root, slices.Compact(shared)
}

// shareWith has a query read the results that it shares according to the catalog.
func (c *continuousBinder) shareWith(snapshot *catalog.Snapshot, shared []catalog.ObjectID) {
	var results []sharedResult
	for _, id := range shared {
		if q := snapshot.RunningQuery(id); q != nil {
			results = append(results, sharedResults(snapshot, q)...)
		}
	}
	c.root, _ = share(c.root, results)
}
