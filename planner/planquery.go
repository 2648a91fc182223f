package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// planSelect plans a SELECT that a session runs, once or with EMIT CHANGES. Its WITH
// may change data.
func planSelect(env *Environment, q *ast.Query) (plan.Statement, error) {
	if q.Emit != nil {
		return planned(planPush(env, q))
	}
	b := newBinder(env, modePull)
	b.modifying = q.With
	planned, err := b.pull(q)
	if err != nil {
		return nil, err
	}
	return b.withParts(planned), nil
}

// pull plans a SELECT that runs once.
func (b *binder) pull(q *ast.Query) (*plan.Query, error) {
	bound, err := b.query(q, nil, nil)
	if err != nil {
		return nil, err
	}
	if err := b.settleColumns(bound); err != nil {
		return nil, err
	}
	return b.finishQuery(bound)
}

// finishQuery makes a bound query ready to run.
func (b *binder) finishQuery(bound *boundQuery) (*plan.Query, error) {
	if !b.inPart {
		if err := b.params.check(); err != nil {
			return nil, err
		}
	}
	root, err := b.optimize(bound.node)
	if err != nil {
		return nil, err
	}
	out := &plan.Query{Visible: bound.visible, RowOpColumn: -1, Params: b.params.types, Sources: b.sources, Locks: b.locks}
	if out.Root, err = b.optimizeSubqueries(root, &out.Subqueries); err != nil {
		return nil, err
	}
	return out, nil
}

// planPush plans SELECT … EMIT CHANGES.
func planPush(env *Environment, q *ast.Query) (*plan.Query, error) {
	b := newBinder(env, modePush)
	options, err := b.pushOptions(q.Emit)
	if err != nil {
		return nil, err
	}
	// LIMIT without ORDER BY on rows that only are added is the first rows: the
	// push ends with them.
	endsItself := q.Limit != nil && q.Offset == nil && len(q.OrderBy) == 0
	unlimited := *q
	if endsItself {
		unlimited.Limit = nil
	}
	bound, err := b.query(&unlimited, nil, nil)
	if err != nil {
		return nil, err
	}
	if err := b.settleColumns(bound); err != nil {
		return nil, err
	}
	if err := b.checkFinal(q.Emit, bound.node); err != nil {
		return nil, err
	}
	if _, err := b.checkStart(); err != nil {
		return nil, err
	}
	kind := bound.node.Props().Kind
	if endsItself && (kind != plan.AppendOnly || q.Emit.Limit != nil) {
		return nil, b.refuseLimit(q)
	}
	if kind != plan.AppendOnly && options.Snapshot != nil && !*options.Snapshot {
		return nil, notSupported(q.Emit.Pos(), "snapshot = false is not supported for a result that changes").
			WithHint("Changes mean something beside the result that they change, which comes first.")
	}
	if err := b.checkIncremental(bound.node); err != nil {
		return nil, err
	}
	limit, err := b.emitLimit(q, endsItself)
	if err != nil {
		return nil, err
	}
	out, err := b.finishQuery(bound)
	if err != nil {
		return nil, err
	}
	out.Emit, out.EmitLimit, out.Options = plan.EmitChanges, limit, options
	out.RowOpColumn, out.RowMarks = b.rowOpColumn, b.rowMarks
	out.RowOp = (kind != plan.AppendOnly || options.ProgressMillis > 0) && b.rowOpColumn < 0
	return out, nil
}

// emitLimit is the number of rows behind which a push ends; nil for none.
func (b *binder) emitLimit(q *ast.Query, endsItself bool) (expr.Expr, error) {
	outside := newScope(nil)
	switch {
	case q.Emit.Limit != nil:
		return b.rowCount(q.Emit.Limit, "LIMIT", outside)
	case endsItself:
		if q.Limit.WithTies {
			return nil, notSupported(q.Limit.Pos(), "FETCH FIRST … WITH TIES is not supported")
		}
		return b.rowCount(q.Limit.Count, "LIMIT", outside)
	default:
		return nil, nil
	}
}

// pushOptions reads the options behind EMIT CHANGES or EMIT FINAL.
func (b *binder) pushOptions(emit *ast.Emit) (plan.PushOptions, error) {
	var options plan.PushOptions
	clause, known := "EMIT CHANGES", append([]string{"snapshot", "from_beginning", "resume", "progress"}, startOptionNames...)
	if emit.Kind == ast.EmitFinal {
		clause, known = "EMIT FINAL", append(known, finalOptionNames...)
	}
	reader, err := newOptionReader(emit.Options, clause, known)
	if err != nil {
		return options, err
	}
	if emit.Kind == ast.EmitFinal {
		if b.final, err = readFinalOptions(reader); err != nil {
			return options, err
		}
	}
	if o := reader.find("snapshot"); o != nil {
		snapshot, err := optionBool(o)
		if err != nil {
			return options, err
		}
		options.Snapshot = &snapshot
	}
	if o := reader.find("from_beginning"); o != nil {
		if options.FromBeginning, err = optionBool(o); err != nil {
			return options, err
		}
	}
	if o := reader.find("progress"); o != nil {
		if options.ProgressMillis, err = optionMillis(o); err != nil {
			return options, err
		}
	}
	earliest, err := b.readStart(reader)
	options.FromBeginning = options.FromBeginning || earliest
	if err != nil {
		return options, err
	}
	return options, readResume(reader, &options)
}

// readResume reads resume = 'rowmark', which says where to begin and what came before.
func readResume(reader *optionReader, options *plan.PushOptions) error {
	o := reader.find("resume")
	if o == nil {
		return nil
	}
	for _, name := range append([]string{"snapshot", "from_beginning"}, startOptionNames...) {
		if other := reader.find(name); other != nil {
			return sqlerr.New(sqlerr.SyntaxError, other.Pos(), "conflicting or redundant options").
				WithHint("resume and %s both say where the query begins: use one of them.", name)
		}
	}
	text, err := optionText(o)
	if err != nil {
		return err
	}
	if options.Resume = text; text == "" {
		return badOption(o, "the rowmark of a row")
	}
	return nil
}

// clockFunctions tell the time at which they are evaluated.
var clockFunctions = map[string]bool{
	"now": true, "transaction_timestamp": true, "statement_timestamp": true, "clock_timestamp": true, "timeofday": true,
}

// sessionFunctions depend on a client's session, which a continuous query does
// not have.
var sessionFunctions = map[string]bool{
	"current_user": true, "session_user": true, "user": true, "current_role": true, "current_database": true,
	"current_catalog": true, "current_schema": true, "current_schemas": true, "current_setting": true, "set_config": true,
	"pg_backend_pid": true, "pg_blocking_pids": true, "pg_cancel_backend": true, "pg_terminate_backend": true, "pg_notify": true, "pg_notification_queue_usage": true, "pg_get_userbyid": true, "pg_table_is_visible": true, "pg_type_is_visible": true,
	"nextval": true, "currval": true, "lastval": true, "setval": true,
	"inet_client_addr": true, "inet_client_port": true, "txid_current": true,
}

// checkIncremental refuses what gives no stable answer in a result that is kept
// up to date: functions whose value changes between the insertion of a row and
// its deletion, and those about a session.
func (b *binder) checkIncremental(node plan.Node) error {
	appendOnly := true
	for _, input := range node.Inputs() {
		if err := b.checkIncremental(input); err != nil && !isOneRow(input) {
			return err
		}
		appendOnly = appendOnly && input.Props().Kind == plan.AppendOnly
	}
	switch n := node.(type) {
	case *plan.Aggregate:
		if err := checkAggregates(n, appendOnly); err != nil {
			return err
		}
	case *plan.TemporalFilter:
		return b.checkTemporal(n)
	case *plan.Expand:
		if isOneRow(n.Input) {
			return b.refuse(n.Calls[0].Pos(), "a function in FROM without a stream or table")
		}
	case *plan.Values:
		return b.refuse(-1, "a query without a stream or table")
	}
	if _, ok := node.(*plan.Values); ok {
		return b.refuse(-1, "a list of rows in this place")
	}
	var refused error
	for _, e := range nodeExprs(node) {
		expr.Walk(e, func(e expr.Expr) bool {
			switch e := e.(type) {
			case *resultRef:
				refused = notSupported(e.Position, "%s can only be selected as a column of its own", e.name)
			case *expr.Param:
				refused = b.checkParam(e)
			case *expr.Call:
				refused = b.checkCall(e, appendOnly)
			case *expr.Subquery:
				refused = b.checkRowSubquery(b.subqueries[e.Number].Root, appendOnly)
			}
			return refused == nil
		})
		if refused != nil {
			return refused
		}
	}
	return nil
}

// checkParam refuses parameters where there is nobody to give them.
func (b *binder) checkParam(e *expr.Param) error {
	if b.mode != modeContinuous {
		return nil
	}
	return sqlerr.New(sqlerr.InvalidTableDefinition, e.Position, "continuous queries cannot have parameters").
		WithHint("Write the value into the statement.")
}

// maxAggregateCalls is how many aggregates one aggregation that is kept up to
// date may have: those that keep their values are numbered in one byte.
const maxAggregateCalls = 254

// checkAggregates refuses aggregates that cannot be kept up to date, and those
// whose result would depend on how the rows of several partitions arrive.
func checkAggregates(a *plan.Aggregate, appendOnly bool) error {
	inOrder := !merges(a.Input) && (a.Input.Props().Partitions == 1 || len(a.GroupBy) > 0 && a.Properties.Partitioning != nil)
	for i := range a.Calls {
		call := &a.Calls[i]
		if i >= maxAggregateCalls {
			return sqlerr.New(sqlerr.ProgramLimitExceeded, call.Pos, "more than %d aggregates in one result that is kept up to date", maxAggregateCalls)
		}
		if !appendOnly && call.Func.OrderSensitive && !call.Distinct && len(call.OrderBy) == 0 {
			return notSupported(call.Pos, "%s is not supported over rows that change", call.Func.Name).
				WithHint("Its result depends on the order of the rows, which rows that change do not have.")
		}
		if !inOrder && call.Func.OrderSensitive && !call.Distinct && len(call.OrderBy) == 0 {
			return notSupported(call.Pos, "%s is not supported over rows of several partitions", call.Func.Name).
				WithHint("Its result depends on the order of the rows. Group by the KEY of a stream, which CREATE STREAM … AS SELECT … PARTITION BY makes.")
		}
	}
	return nil
}

// merges reports whether the rows of a node come from several inputs, of which now
// one and now the other is first.
func merges(node plan.Node) bool {
	if _, isUnion := node.(*plan.SetOperation); isUnion {
		return true
	}
	if join, isJoin := node.(*plan.Join); isJoin && !join.Lookup {
		return true
	}
	return slices.ContainsFunc(node.Inputs(), merges)
}

func (b *binder) checkCall(e *expr.Call, appendOnly bool) error {
	name := e.Func.Name
	if b.mode == modeContinuous && (sessionFunctions[name] || expr.IsAdvisory(name)) {
		return notSupported(e.Position, "%s is not supported in a continuous query, which has no session", name)
	}
	if !appendOnly && (e.Func.Volatility == expr.Volatile || clockFunctions[name]) {
		return notSupported(e.Position, "%s is not supported over rows that change", name).
			WithHint("Compute it in a stream that feeds this query: CREATE STREAM … AS SELECT …, %s().", name)
	}
	return nil
}

// textRows is a query with one column of text and the given rows.
func textRows(column string, lines []string) *plan.Query {
	rows := make([][]expr.Expr, len(lines))
	for i, line := range lines {
		rows[i] = []expr.Expr{&expr.Const{Node: expr.Node{ResultType: types.Text, Position: -1}, Value: types.StringDatum(line)}}
	}
	return &plan.Query{
		Root:    newValues(rows, []plan.Column{{Name: column, Type: types.Text}}),
		Visible: 1, RowOpColumn: -1,
	}
}
