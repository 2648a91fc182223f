package plan

import (
	"fmt"
	"strconv"
	"strings"

	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// Format returns a plan as lines, each node over its inputs, which are indented.
func Format(root Node) []string {
	p := &printer{}
	p.node(root, 0)
	return p.lines
}

// FormatResult returns the line that says how a result changes, with the names
// of the key's columns.
func FormatResult(kind ResultKind, key []int, columns []Column) string {
	switch kind {
	case AppendOnly:
		return "Result: append-only"
	case Keyed:
		if len(key) == 0 {
			return "Result: keyed (one row)"
		}
		return "Result: keyed (" + columnList(key, columns) + ")"
	default:
		return "Result: bag"
	}
}

type printer struct {
	lines []string
	// kept says that what a changed row costs is shown, too.
	kept bool
}

func (p *printer) line(depth int, format string, args ...any) {
	p.lines = append(p.lines, strings.Repeat("  ", depth)+fmt.Sprintf(format, args...))
}

func (p *printer) node(n Node, depth int) {
	text := describe(n)
	if work := Work(n); p.kept && work != "" {
		text += " [" + work + "]"
	}
	p.line(depth, "%s", text)
	for _, input := range n.Inputs() {
		p.node(input, depth+1)
	}
}

func describe(n Node) string {
	switch n := n.(type) {
	case *Scan:
		return describeScan(n)
	case *SystemScan:
		return fmt.Sprintf("Scan %s.%s (%s)", n.Schema, n.Name, names(n.Cols))
	case *Given:
		return describeGiven(n)
	case *LastRows:
		return describeLastRows(n)
	case *Recursive:
		return describeRecursive(n)
	case *Values:
		return fmt.Sprintf("Values: %d %s", len(n.Rows), plural(len(n.Rows), "row"))
	case *Filter:
		return "Filter: " + ExprString(n.Predicate, n.Input.Columns())
	case *Project:
		return "Project: " + projections(n)
	case *Aggregate:
		return describeAggregate(n)
	case *Sort:
		return "Sort: " + sortKeys(n.Keys, n.Input.Columns())
	case *Limit:
		return describeLimit(n)
	case *Distinct:
		if len(n.On) == 0 {
			return "Distinct"
		}
		return "Distinct on " + exprList(n.On, n.Input.Columns())
	case *LockRows:
		return describeLockRows(n)
	case *Join:
		return describeJoin(n)
	case *SetOperation:
		word := []string{"Union", "Intersect", "Except"}[n.Op]
		if n.All {
			word += " all"
		}
		return word
	case *TopN:
		return describeTopN(n)
	case *Over:
		return describeOver(n)
	case *Repeat:
		return "Repeat: " + ExprString(n.Times, n.Input.Columns())
	case *Expand:
		return describeExpand(n)
	case *Shuffle:
		if len(n.Keys) == 0 {
			return "Shuffle to one shard"
		}
		return fmt.Sprintf("Shuffle by (%s) over %d %s", columnList(n.Keys, n.Cols), n.Partitions, plural(n.Partitions, "partition"))
	case *TemporalFilter:
		return describeTemporal(n)
	case *Window:
		return describeWindow(n)
	case *StreamTime:
		text := fmt.Sprintf("Stream time over %s, rows more than %s behind it are late", ExprString(n.Time, n.Input.Columns()), DurationString(n.Late()))
		if n.IdleTimeout > 0 {
			text += ", idle after " + DurationString(n.IdleTimeout)
		}
		return text
	case *Session:
		if len(n.Partition) == 0 {
			return "Sessions"
		}
		return "Sessions of (" + columnList(n.Partition, n.Cols) + ")"
	case *StageInput:
		return fmt.Sprintf("Rows of stage %d (%s)", n.Stage, names(n.Cols))
	default:
		return fmt.Sprintf("%T", n)
	}
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func describeScan(n *Scan) string {
	name := catalog.Name{Schema: n.Relation.Schema, Name: n.Relation.Name}
	if n.Access != nil && n.Access.Index != nil {
		return fmt.Sprintf("Index Scan using %s on %s %s (%s): %s",
			QuoteIdentifier(n.Access.Index.Name), n.Relation.Kind, name, names(n.Cols), n.Access.describe(n.Relation))
	}
	what := n.Relation.Kind.String()
	if n.Changes {
		what = "changes of " + what
	}
	text := fmt.Sprintf("Scan %s %s (%s)", what, name, names(n.Cols))
	if n.Start != nil {
		text += " from " + n.Start.String()
	}
	if n.Access != nil && n.Access.Pseudocolumn != 0 {
		return text + " by place: " + n.Access.describe(n.Relation)
	}
	if n.Access != nil {
		return text + " by key: " + n.Access.describe(n.Relation)
	}
	if n.KeyEquals == nil {
		return text
	}
	conditions := make([]string, len(n.KeyEquals))
	for i, value := range n.KeyEquals {
		conditions[i] = n.Relation.Columns[n.Relation.Key[i]].Name + " = " + ExprString(value, nil)
	}
	return text + " by key: " + strings.Join(conditions, ", ")
}

func describeGiven(n *Given) string {
	if n.Number == GivenRows {
		return fmt.Sprintf("Rows of the statement (%s)", names(n.Cols))
	}
	return fmt.Sprintf("Rows of statement %d in WITH (%s)", n.Number, names(n.Cols))
}

func describeAggregate(n *Aggregate) string {
	text := []string{"Aggregate", "Partial aggregate", "Final aggregate"}[n.Mode]
	columns := n.Input.Columns()
	if n.Mode == AggregateFinal {
		columns = nil
	}
	if len(n.GroupBy) > 0 {
		text += " by (" + exprList(n.GroupBy, n.Input.Columns()) + ")"
	}
	if len(n.Calls) == 0 {
		return text
	}
	calls := make([]string, len(n.Calls))
	for i := range n.Calls {
		calls[i] = callString(&n.Calls[i], columns)
	}
	return text + ": " + strings.Join(calls, ", ")
}

func callString(c *AggregateCall, columns []Column) string {
	args := exprList(c.Args, columns)
	if c.Star {
		args = "*"
	}
	if c.Distinct {
		args = "DISTINCT " + args
	}
	if len(c.OrderBy) > 0 {
		args += " ORDER BY " + sortKeys(c.OrderBy, columns)
	}
	text := c.Func.Name + "(" + args + ")"
	if c.Filter != nil {
		text += " FILTER (" + ExprString(c.Filter, columns) + ")"
	}
	return text
}

func describeLimit(n *Limit) string {
	var parts []string
	if n.Count != nil {
		parts = append(parts, "Limit: "+ExprString(n.Count, nil))
	}
	if n.Offset != nil {
		parts = append(parts, "Offset: "+ExprString(n.Offset, nil))
	}
	return strings.Join(parts, ", ")
}

func describeTopN(n *TopN) string {
	text := fmt.Sprintf("First %d", n.Count)
	switch n.Ties {
	case TiesRank:
		text += " with ties"
	case TiesDense:
		text += " values of the order"
	}
	if n.Offset > 0 {
		text += fmt.Sprintf(" behind %d", n.Offset)
	}
	if len(n.PartitionBy) > 0 {
		text += " of each (" + columnList(n.PartitionBy, n.Cols) + ")"
	}
	if n.Local {
		text += " on each shard"
	}
	if len(n.Order) > 0 {
		text += " by " + sortKeys(n.Order, n.Input.Columns())
	}
	return text
}

func projections(n *Project) string {
	list := make([]string, len(n.Exprs))
	for i, e := range n.Exprs {
		text, name := ExprString(e, n.Input.Columns()), QuoteIdentifier(n.Cols[i].Name)
		if text != name {
			text += " AS " + name
		}
		list[i] = text
	}
	return strings.Join(list, ", ")
}

func names(columns []Column) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = QuoteIdentifier(c.Name)
	}
	return strings.Join(list, ", ")
}

func columnList(numbers []int, columns []Column) string {
	list := make([]string, len(numbers))
	for i, number := range numbers {
		list[i] = QuoteIdentifier(columns[number].Name)
	}
	return strings.Join(list, ", ")
}

func sortKeys(keys []SortKey, columns []Column) string {
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = ExprString(k.Expr, columns)
		if k.Descending {
			list[i] += " DESC"
		}
		if k.NullsFirst != k.Descending {
			list[i] += map[bool]string{true: " NULLS FIRST", false: " NULLS LAST"}[k.NullsFirst]
		}
	}
	return strings.Join(list, ", ")
}

func exprList(list []expr.Expr, columns []Column) string {
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = ExprString(e, columns)
	}
	return strings.Join(texts, ", ")
}

// QuoteIdentifier puts a name in double quotes where SQL needs them.
func QuoteIdentifier(name string) string {
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c == '_' || i > 0 && (c >= '0' && c <= '9' || c == '$')) {
			return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
	}
	if name == "" {
		return `""`
	}
	return name
}

// constString prints a constant as SQL.
func constString(e *expr.Const) string {
	if !e.Value.Valid {
		return "NULL"
	}
	t := e.ResultType
	switch t.Kind {
	case types.KindUnknown:
		return quoteLiteral(e.Value.Str)
	case types.KindBool:
		return strconv.FormatBool(e.Value.Int != 0)
	}
	text := string(types.AppendText(nil, t, e.Value, types.DefaultFormat()))
	switch t.Kind {
	case types.KindInt2, types.KindInt4, types.KindInt8, types.KindFloat4, types.KindFloat8, types.KindNumeric, types.KindOID:
		return text
	case types.KindText, types.KindVarchar, types.KindName, types.KindBpchar:
		return quoteLiteral(text)
	default:
		return quoteLiteral(text) + "::" + t.String()
	}
}

func quoteLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func describeTemporal(n *TemporalFilter) string {
	list := make([]string, len(n.Conditions))
	for i := range n.Conditions {
		c := &n.Conditions[i]
		if c.Row == nil {
			list[i] = ExprString(c.Predicate, n.Input.Columns())
			continue
		}
		op := map[bool]string{true: ">", false: "<"}[c.Ends]
		if !c.Strict {
			op += "="
		}
		list[i] = ExprString(c.Row, n.Input.Columns()) + " " + op + " now()"
		switch {
		case c.Shift < 0:
			list[i] += " - " + DurationString(-c.Shift)
		case c.Shift > 0:
			list[i] += " + " + DurationString(c.Shift)
		}
	}
	return "As time goes on: " + strings.Join(list, " AND ")
}

func describeWindow(n *Window) string {
	text := fmt.Sprintf("Window: %s %s", strings.ToLower(n.Kind.String()), DurationString(n.Size))
	if n.Advance > 0 {
		text += " advancing by " + DurationString(n.Advance)
	}
	text += " over " + ExprString(n.Time, n.Input.Columns())
	if c := n.Closing; c != nil {
		text += describeClosing(c)
	}
	return text
}

func describeClosing(c *Closing) string {
	var text string
	if c.Grace != NoLimit {
		text += ", grace " + DurationString(c.Grace)
	}
	if c.Keep != NoLimit {
		text += ", results kept " + DurationString(c.Keep) + " after their end"
	}
	if c.Final {
		text += ", final"
	}
	if c.WallClock {
		text += " by the clock"
	}
	if c.IdleTimeout > 0 {
		text += ", idle after " + DurationString(c.IdleTimeout)
	}
	return text
}

// DurationString prints microseconds as an interval.
func DurationString(micros int64) string {
	const day = 86_400_000_000
	interval := types.IntervalValue{Days: int32(micros / day), Micros: micros % day}
	return string(types.AppendText(nil, types.Interval, types.StringDatum(types.EncodeInterval(interval)), types.DefaultFormat()))
}

func describeLockRows(n *LockRows) string {
	var parts []string
	for i := range n.Tables {
		t := &n.Tables[i]
		part := t.Relation.Name + " for " + t.Strength.String()
		switch t.Wait {
		case LockSkipLocked:
			part += " skip locked"
		case LockNoWait:
			part += " nowait"
		}
		parts = append(parts, part)
	}
	return "Lock rows of " + strings.Join(parts, ", ")
}
