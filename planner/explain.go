package planner

import (
	"fmt"
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// planExplain plans the inner statement and answers with its plan.
func planExplain(env *Environment, s *ast.Explain) (*plan.Explain, error) {
	for _, o := range s.Options {
		if err := checkExplainOption(o); err != nil {
			return nil, err
		}
	}
	lines, err := explainLines(env, s)
	if err != nil {
		return nil, err
	}
	return &plan.Explain{Query: textRows("QUERY PLAN", lines)}, nil
}

// checkExplainOption refuses the options that would change the answer.
func checkExplainOption(o *ast.Option) error {
	switch o.Name {
	case "verbose", "costs", "settings", "summary", "timing", "buffers", "wal":
		return nil
	case "format":
		if text, err := optionText(o); err == nil && text == "text" {
			return nil
		}
		return notSupported(o.Pos(), "EXPLAIN in this format is not supported").WithHint("The format is text.")
	case "analyze":
		if on, err := optionBool(o); err == nil && !on {
			return nil
		}
		return notSupported(o.Pos(), "EXPLAIN ANALYZE is not supported")
	}
	return sqlerr.New(sqlerr.SyntaxError, o.Pos(), "unrecognized EXPLAIN option %q", o.Name)
}

func explainLines(env *Environment, s *ast.Explain) ([]string, error) {
	if s.QueryID != nil {
		q := env.Catalog.QueryByName(s.QueryID.Value)
		if q == nil {
			return nil, sqlerr.New(sqlerr.UndefinedObject, s.QueryID.Pos(), "query %q does not exist", s.QueryID.Value).
				WithHint("SHOW QUERIES lists the continuous queries.")
		}
		continuous, err := PlanContinuous(env.Catalog, q)
		if err != nil {
			return nil, err
		}
		return append(formatContinuous(q.Name, continuous.Sink, continuous.Stages, continuous.Kind, continuous.Key), formatShared(env.Catalog, q)...), nil
	}
	switch inner := s.Statement.(type) {
	case *ast.Query, *ast.Insert, *ast.Update, *ast.Delete:
		if insert, ok := inner.(*ast.Insert); ok && insert.Source != nil && insert.Source.Emit != nil {
			return explainInsertQuery(env, insert)
		}
		planned, err := Plan(env, inner)
		if err != nil {
			return nil, err
		}
		return formatStatement(planned), nil
	case *ast.CreateRelation:
		return explainCreate(env, inner)
	default:
		return nil, notSupported(s.Statement.Pos(), "EXPLAIN of %s is not supported", statementName(inner))
	}
}

// formatStatement shows the plan of a statement that reads or changes rows.
func formatStatement(s plan.Statement) []string {
	switch s := s.(type) {
	case *plan.Query:
		return formatQuery(s)
	case *plan.Insert:
		return formatInsert(s)
	case *plan.Modify:
		return formatModify(&s.Parts[0])
	case *plan.With:
		lines := formatStatement(s.Main)
		for i := range s.Parts {
			lines = append(lines, fmt.Sprintf("Statement %d in WITH: %s", i+1, plan.QuoteIdentifier(s.Parts[i].Name)))
			lines = append(lines, indented(formatStatement(s.Parts[i].Statement))...)
		}
		return lines
	default:
		return nil
	}
}

func formatInsert(insert *plan.Insert) []string {
	lines := []string{"Insert into " + insert.Target.Kind.String() + " " + insert.Target.Name}
	if c := insert.OnConflict; c != nil && c.Update {
		lines = append(lines, "  Where the key exists: update the row")
	} else if c != nil {
		lines = append(lines, "  Where the key exists: do nothing")
	}
	return append(lines, indented(formatTree(insert.Source))...)
}

// formatModify shows the plan of the rows that UPDATE or DELETE changes.
func formatModify(part *plan.ModifyPart) []string {
	verb := "Delete from"
	if part.Update {
		verb = "Update"
	}
	return append([]string{verb + " table " + part.Target.Name}, indented(formatTree(part.Source))...)
}

// explainCreate shows the stages that CREATE … AS would run.
func explainCreate(env *Environment, s *ast.CreateRelation) ([]string, error) {
	ddl, err := planCreate(env, s)
	if err != nil {
		return nil, err
	}
	create := ddl.Command.(*catalog.CreateRelation)
	r := &create.Relation
	if s.Query == nil {
		return nil, notSupported(s.Pos(), "EXPLAIN of CREATE without AS is not supported")
	}
	c, err := bindContinuous(env, s.Query, nil, r.Partitions)
	if err != nil {
		return nil, err
	}
	c.shareWith(env.Catalog, create.Query.Shared)
	stages, err := c.stages(r)
	if err != nil {
		return nil, err
	}
	properties := c.root.Props()
	return append(formatContinuous(r.Name, r, stages, properties.Kind, properties.Key), formatShared(env.Catalog, create.Query)...), nil
}

// formatShared says whose work a query shares, and who shares its own.
func formatShared(snapshot *catalog.Snapshot, q *catalog.Query) []string {
	var lines []string
	for _, id := range q.Shared {
		if snapshot.Query(id) == nil {
			lines = append(lines, "Shares the work of "+plan.QuoteIdentifier(snapshot.RunningQuery(id).Name)+", which was dropped and goes on")
		} else {
			lines = append(lines, "Shares the work of "+plan.QuoteIdentifier(snapshot.Query(id).Name))
		}
	}
	var users []string
	if q.ID != 0 {
		for _, user := range snapshot.SharedBy(q.ID) {
			users = append(users, plan.QuoteIdentifier(user.Name))
		}
	}
	if users != nil {
		lines = append(lines, "Shared with "+strings.Join(users, ", "))
	}
	return lines
}

func formatQuery(q *plan.Query) []string {
	lines := formatTree(q)
	if q.Emit == plan.EmitNone {
		return lines
	}
	if q.EmitLimit != nil {
		lines = append(lines, "Ends after rows: "+plan.ExprString(q.EmitLimit, nil))
	}
	properties := q.Root.Props()
	lines = append(lines, plan.FormatResult(properties.Kind, properties.Key, q.Root.Columns()), exceptions(q.Root))
	return append(lines, stateLines(q.Root)...)
}

// exceptions says which exceptions to equality with a one-time query hold for
// plans: late rows and versions, rows before a start, joins of streams with tables, and
// changes of derived tables, of which several to one key may be seen as one.
func exceptions(roots ...plan.Node) string {
	var list []string
	if slices.ContainsFunc(roots, mayBeLate) {
		list = append(list, "rows that are late are left out")
	}
	if slices.ContainsFunc(roots, followsResult) {
		list = append(list, "changes of a derived table that are made together are one")
	}
	if slices.ContainsFunc(roots, startsLater) {
		list = append(list, "rows before the start are not read")
	}
	if slices.ContainsFunc(roots, looksUp) {
		list = append(list, "rows of a stream meet a table as it is when they are processed")
	}
	if slices.ContainsFunc(roots, waitsForVersions) {
		list = append(list, "versions that come behind the grace are not met")
	}
	if list == nil {
		return "Exceptions: none"
	}
	return "Exceptions: " + strings.Join(list, "; ")
}

// waitsForVersions reports whether a plan has a join FOR SYSTEM_TIME AS OF with a grace
// period.
func waitsForVersions(node plan.Node) bool {
	join, ok := node.(*plan.Join)
	return ok && join.AsOf != nil && join.AsOf.Waits || slices.ContainsFunc(node.Inputs(), waitsForVersions)
}

func mayBeLate(node plan.Node) bool {
	switch n := node.(type) {
	case *plan.Window:
		if n.Closing != nil {
			return true
		}
	case *plan.StreamTime:
		return true
	}
	return slices.ContainsFunc(node.Inputs(), mayBeLate)
}

// startsLater reports whether a plan reads a stream from elsewhere than its beginning.
func startsLater(node plan.Node) bool {
	scan, ok := node.(*plan.Scan)
	return ok && scan.Start != nil || slices.ContainsFunc(node.Inputs(), startsLater)
}

func followsResult(node plan.Node) bool {
	if scan, ok := node.(*plan.Scan); ok && scan.Changes && scan.Relation.Derived() {
		return true
	}
	return slices.ContainsFunc(node.Inputs(), followsResult)
}

func formatTree(q *plan.Query) []string {
	format := plan.Format
	if q.Emit != plan.EmitNone {
		format = plan.FormatKept
	}
	return append(format(q.Root), formatSubqueries(q.Subqueries)...)
}

func formatSubqueries(list []*plan.Query) []string {
	var lines []string
	for i, sub := range list {
		lines = append(lines, fmt.Sprintf("Subquery %d", i))
		lines = append(lines, indented(plan.Format(sub.Root))...)
	}
	return lines
}

func indented(lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = "  " + line
	}
	return out
}

func formatContinuous(name string, sink *catalog.Relation, stages []plan.Stage, kind plan.ResultKind, key []int) []string {
	lines := []string{fmt.Sprintf("Continuous query %s", plan.QuoteIdentifier(name))}
	for _, stage := range stages {
		to := fmt.Sprintf("stage %d", stage.To)
		if stage.To < 0 {
			to = fmt.Sprintf("%s %s", sink.Kind, catalog.Name{Schema: sink.Schema, Name: sink.Name})
		}
		lines = append(lines, fmt.Sprintf("Stage %d, to %s", stage.Number, to))
		lines = append(lines, indented(plan.FormatKept(stage.Root))...)
	}
	roots := make([]plan.Node, len(stages))
	for i := range stages {
		roots[i] = stages[i].Root
	}
	last := roots[len(roots)-1]
	lines = append(lines, formatSubqueries(stages[0].Subqueries)...)
	lines = append(lines, plan.FormatResult(kind, key, last.Columns()))
	lines = append(lines, exceptions(roots...))
	return append(lines, stateLines(roots...)...)
}

// looksUp reports whether a plan joins a stream with a table as it is then.
func looksUp(node plan.Node) bool {
	join, ok := node.(*plan.Join)
	return ok && join.Lookup || slices.ContainsFunc(node.Inputs(), looksUp)
}
