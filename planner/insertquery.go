package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
)

// INSERT INTO stream [(columns)] SELECT … EMIT CHANGES: a continuous query whose rows
// become rows of a stream that others write to as well. On top of its SELECT stand
// the assignment casts, defaults and generated columns of an INSERT, so that its rows
// are whole rows of the stream before they are moved to the partition of their key;
// NOT NULL, CHECK and the event time are the sink's (plan.Into).
//
// The SELECT means what it meant when the query was created. What the stream demands
// is what it demands now: a shard plans the query again when its stream is altered.

// insertQueryOptions are the options of such an INSERT.
var insertQueryOptions = []string{"query_id", "on_error"}

// planInsertQuery plans an INSERT whose SELECT has EMIT.
func planInsertQuery(env *Environment, s *ast.Insert) (*plan.DDL, error) {
	query, c, err := bindInsertQuery(env, s)
	if err != nil {
		return nil, err
	}
	ddl := &plan.DDL{Command: &catalog.CreateQuery{Query: *query}, Tag: "CREATE QUERY"}
	c.noteStart(ddl)
	return ddl, nil
}

// bindInsertQuery binds an INSERT that goes on.
func bindInsertQuery(env *Environment, s *ast.Insert) (*catalog.Query, *continuousBinder, error) {
	b := newBinder(env, modeContinuous)
	if err := refuseInsertQueryClauses(s); err != nil {
		return nil, nil, err
	}
	target, err := b.insertedStream(s.Table)
	if err != nil {
		return nil, nil, err
	}
	ib := &insertBinder{binder: b, target: target, explicit: len(s.Columns) > 0, overriding: s.Overriding}
	if err := ib.bindColumns(s.Columns); err != nil {
		return nil, nil, err
	}
	c, err := bindContinuousInto(env, s.Source, nil, env.Catalog.Shards(), ib)
	if err != nil {
		return nil, nil, err
	}
	query := &catalog.Query{
		Text: ast.String(s.Source), Sink: target.ID, Into: nonNil(ib.columns), Version: env.Catalog.Version(),
		Settings: env.Settings, CreatedMillis: env.Now.UnixMilli(),
	}
	if err := insertQueryNames(env, s, query); err != nil {
		return nil, nil, err
	}
	for _, source := range c.sources {
		query.Sources = append(query.Sources, source.ID)
		query.Columns = append(query.Columns, readColumns(c.root, source.ID))
	}
	query.Views, query.Indirect, query.Types = c.views, c.indirect(), c.types
	if _, err := c.intoStages(query, target); err != nil {
		return nil, nil, sqlerr.From(err).At(s.Pos())
	}
	if err := env.Catalog.CheckCycle(target.ID, query.Sources); err != nil {
		return nil, nil, sqlerr.From(err).At(s.Table.Pos())
	}
	return query, c, nil
}

// insertQueryNames reads the options.
func insertQueryNames(env *Environment, s *ast.Insert, query *catalog.Query) error {
	reader, err := newOptionReader(s.Options, "INSERT", insertQueryOptions)
	if err != nil {
		return err
	}
	if o := reader.find("on_error"); o != nil {
		text, err := optionText(o)
		if err != nil {
			return err
		}
		if query.StopOnError, err = onErrorOption(o, text, true); err != nil {
			return err
		}
	}
	o := reader.find("query_id")
	if o == nil {
		return nil
	}
	if query.Name, err = optionText(o); err != nil {
		return err
	}
	switch {
	case query.Name == "":
		return badOption(o, "a name")
	case env.Catalog.QueryByName(query.Name) != nil:
		return sqlerr.New(sqlerr.DuplicateObject, o.Pos(), "query %q already exists", query.Name)
	}
	return nil
}

func refuseInsertQueryClauses(s *ast.Insert) error {
	switch {
	case s.Overriding == "user":
		return notSupported(s.Pos(), "OVERRIDING USER VALUE is not supported in an INSERT that is a continuous query").
			WithHint("Leave the column out of the SELECT list.")
	case s.With != nil:
		return notSupported(s.With.Pos(), "WITH before an INSERT that is a continuous query is not supported").
			WithHint("Put it before the SELECT: INSERT INTO … WITH … SELECT … EMIT CHANGES.")
	case s.OnConflict != nil:
		return notSupported(s.OnConflict.Pos(), "ON CONFLICT is not supported in an INSERT that is a continuous query").
			WithHint("Rows of a stream are in no conflict; CREATE TABLE … AS SELECT keeps one row per key.")
	case len(s.Returning) > 0:
		return notSupported(s.Returning[0].Pos(), "RETURNING is not supported in an INSERT that is a continuous query").
			WithHint("SELECT … EMIT CHANGES shows the rows as they come.")
	}
	return nil
}

// insertedStream finds the stream that a continuous query inserts into. It may be
// the result of another query, but not one that was terminated.
func (b *binder) insertedStream(name *ast.Name) (*catalog.Relation, error) {
	r, err := b.relation(name)
	if err != nil {
		return nil, err
	}
	if r != nil && r.Kind == catalog.KindStream && !r.Frozen {
		b.needRelation(r, catalog.PrivilegeInsert)
		return r, nil
	}
	if r, err = b.writable(name, "insert into"); err != nil {
		return nil, err
	}
	return nil, notSupported(name.Pos(), "a continuous query cannot insert into table %q", r.Name).
		WithHint("CREATE TABLE … AS SELECT … makes a table that a query keeps up to date; without EMIT CHANGES the INSERT runs once.")
}

// intoStream makes whole rows of the target of what a continuous query gives.
func (ib *insertBinder) intoStream(bound *boundQuery, source *ast.Query) (*boundQuery, error) {
	if bound.node.Props().Kind != plan.AppendOnly {
		return nil, sqlerr.New(sqlerr.InvalidTableDefinition, source.Pos(), "the result of the query changes, so it cannot be inserted into a stream").
			WithHint("CREATE TABLE … AS SELECT … keeps such a result, and CHANGES OF reads its changes.")
	}
	var err error
	if ib.defaults, err = ib.columnDefaults(ib.target); err != nil {
		return nil, err
	}
	node, err := ib.targetRows(bound.cut(), source)
	if err != nil {
		return nil, err
	}
	if err := ib.refuseSequences(source.Pos()); err != nil {
		return nil, err
	}
	if node, err = ib.withGenerated(node, ib.target, 0, ib.givenHeaders()); err != nil {
		return nil, err
	}
	return &boundQuery{node: node, visible: len(node.Columns())}, nil
}

// refuseSequences refuses columns that are not given and take values from a sequence.
func (ib *insertBinder) refuseSequences(pos int) error {
	for i := range ib.target.Columns {
		c := &ib.target.Columns[i]
		if !slices.Contains(ib.columns, i) && (c.Identity != catalog.NotIdentity || len(c.Sequences) > 0) {
			return notSupported(pos, "a continuous query cannot take values for column %q from a sequence", c.Name).
				WithHint("Give the column in the SELECT list.")
		}
	}
	return nil
}

// planInto plans a query of the catalog that inserts.
func planInto(env *Environment, query *catalog.Query, q *ast.Query, sink *catalog.Relation) (*plan.Continuous, error) {
	ib := &insertBinder{target: sink, columns: slices.Clone(query.Into), explicit: true, overriding: "system"}
	c, err := bindContinuousInto(env, q, query.Sources, env.Catalog.Shards(), ib)
	if err != nil {
		return nil, err
	}
	return c.intoStages(query, sink)
}

// intoStages cuts the plan of a query that inserts.
func (c *continuousBinder) intoStages(query *catalog.Query, sink *catalog.Relation) (*plan.Continuous, error) {
	into := &plan.Into{Rowtime: slices.Contains(query.Into, plan.FetchRowtime), Headers: slices.Contains(query.Into, plan.FetchHeaders)}
	var err error
	if into.Checks, err = c.checks(sink); err != nil {
		return nil, err
	}
	for i := range into.Checks {
		if err := c.checkCalls(into.Checks[i].Condition); err != nil {
			return nil, err
		}
	}
	return &plan.Continuous{Query: query, Sink: sink, Stages: c.cut(placed(c.root, sink)), Kind: plan.AppendOnly, Into: into}, nil
}

// placed puts the rows of a query that inserts where its stream has them: in the
// partition of their key, else where they are.
func placed(root plan.Node, sink *catalog.Relation) plan.Node {
	have := root.Props()
	if len(sink.Key) == 0 && have.Partitions <= sink.Partitions ||
		len(sink.Key) > 0 && have.Partitions == sink.Partitions && slices.Equal(have.Partitioning, sink.Key) {
		return root
	}
	return newShuffle(root, nonNil(sink.Key), sink.Partitions)
}

// checkCalls refuses an expression over rows that only are added which a continuous
// query cannot evaluate.
func (b *binder) checkCalls(e expr.Expr) (refused error) {
	expr.Walk(e, func(e expr.Expr) bool {
		if call, ok := e.(*expr.Call); ok {
			refused = b.checkCall(call, true)
		}
		return refused == nil
	})
	return refused
}

// explainInsertQuery shows the stages that an INSERT which goes on would run.
func explainInsertQuery(env *Environment, s *ast.Insert) ([]string, error) {
	query, c, err := bindInsertQuery(env, s)
	if err != nil {
		return nil, err
	}
	sink := env.Catalog.Relation(query.Sink)
	continuous, err := c.intoStages(query, sink)
	if err != nil {
		return nil, err
	}
	if query.Name == "" {
		query.Name = env.Catalog.FreeQueryName()
	}
	return formatContinuous(query.Name, sink, continuous.Stages, continuous.Kind, continuous.Key), nil
}
