package planner

import (
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// continuousBinder is a continuous query, bound and rewritten.
type continuousBinder struct {
	*binder
	*boundQuery
	// root is the plan with its shuffles, not yet cut.
	root plan.Node
	// ofRows are the subqueries that its expressions use, by number.
	ofRows []*plan.Query
}

// bindContinuous binds a query whose result is kept up to date on the shards.
// only, where not nil, restricts which relations names may mean.
// partitions is the number of shards that shuffles spread rows over.
func bindContinuous(env *Environment, q *ast.Query, only []catalog.ObjectID, partitions int) (*continuousBinder, error) {
	return bindContinuousInto(env, q, only, partitions, nil)
}

// bindContinuousInto is bindContinuous for a query whose rows are inserted into a
// stream, where into is not nil.
func bindContinuousInto(env *Environment, q *ast.Query, only []catalog.ObjectID, partitions int, into *insertBinder) (*continuousBinder, error) {
	b := newBinder(env, modeContinuous)
	if err := b.continuousEmit(q.Emit); err != nil {
		return nil, err
	}
	b.only, b.partitions = only, partitions
	bound, err := b.query(q, nil, nil)
	if err != nil {
		return nil, err
	}
	if into != nil {
		into.binder = b
		if bound, err = into.intoStream(bound, q); err != nil {
			return nil, err
		}
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
	if err := b.checkIncremental(bound.node); err != nil {
		return nil, err
	}
	if err := b.params.check(); err != nil {
		return nil, err
	}
	c := &continuousBinder{binder: b, boundQuery: bound}
	root, err := b.optimize(bound.node)
	if err == nil {
		c.root, err = b.optimizeSubqueries(root, &c.ofRows)
	}
	return c, err
}

// stages cuts the plan for a sink, behind one more shuffle where the sink wants
// its rows elsewhere than they are, or where their columns do not tell where they are:
// such a table is placed by its key.
func (c *continuousBinder) stages(sink *catalog.Relation) ([]plan.Stage, error) {
	root := c.resultOf(sink.Kind)
	if have := root.Props(); sink.Partitions != have.Partitions || scattered(have) && have.Partitioning == nil {
		keys := sink.Key
		if sink.Distribution != nil {
			keys = sink.Distribution
		}
		if len(keys) == 0 && have.Kind != plan.Keyed && sink.Partitions != 1 {
			return nil, notSupported(-1, "%d partitions for the result of a query over %d are not supported without a key", sink.Partitions, have.Partitions).
				WithHint("A stream gets a key with PARTITION BY; partitions = 1 puts all rows in order.")
		}
		root = moveKeyed(root, keys, sink.Partitions)
	}
	return c.cut(root), nil
}

// PlanContinuous plans a continuous query of the catalog. The plan depends on
// the query, on the relations that it reads as they were when it was created, and
// on the one that it writes, so that it is the same on every node and in every
// later version of the catalog.
func PlanContinuous(snapshot *catalog.Snapshot, query *catalog.Query) (*plan.Continuous, error) {
	sink := snapshot.Result(query)
	if sink == nil {
		return nil, sqlerr.New(sqlerr.InternalError, -1, "query %q has no result", query.Name)
	}
	statement, err := sql.ParseOne(query.Text)
	if err != nil {
		return nil, err
	}
	q, ok := statement.(*ast.Query)
	if !ok {
		return nil, sqlerr.New(sqlerr.InternalError, -1, "query %q is not a SELECT", query.Name)
	}
	env, err := queryEnvironment(snapshot, query)
	if err != nil {
		return nil, err
	}
	if query.Inserts() {
		return planInto(env, query, q, sink)
	}
	c, err := bindContinuous(env, q, query.Sources, sink.Partitions)
	if err != nil {
		return nil, err
	}
	c.shareWith(snapshot, query.Shared)
	if n := len(c.resultOf(sink.Kind).Columns()); n != len(sink.Columns) {
		return nil, sqlerr.New(sqlerr.InternalError, -1, "query %q gives %d columns, but its result has %d", query.Name, n, len(sink.Columns))
	}
	stages, err := c.stages(sink)
	if err != nil {
		return nil, err
	}
	properties := c.root.Props()
	planned := &plan.Continuous{Query: query, Sink: sink, Stages: stages, Kind: properties.Kind, Key: properties.Key}
	if sink.Kind == catalog.KindStream && sink.Rowtime >= 0 {
		planned.Into = &plan.Into{}
	}
	return planned, nil
}

// readColumns returns the numbers of the stored columns that a plan reads of a
// relation, ascending.
func readColumns(node plan.Node, relation catalog.ObjectID) []int {
	columns := []int{}
	if scan, ok := node.(*plan.Scan); ok && scan.Relation.ID == relation {
		for _, number := range scan.Fetch {
			if number >= 0 {
				columns = append(columns, number)
			}
		}
	}
	for _, input := range node.Inputs() {
		columns = append(columns, readColumns(input, relation)...)
	}
	slices.Sort(columns)
	return slices.Compact(columns)
}

// QueryFormat returns the settings by which a continuous query reads and prints
// values, fixed when it was created.
func QueryFormat(snapshot *catalog.Snapshot, query *catalog.Query) (*types.Format, error) {
	env, err := queryEnvironment(snapshot, query)
	if err != nil {
		return nil, err
	}
	return env.Format, nil
}

// queryEnvironment is the environment that a query was created in: names mean what
// they meant then.
func queryEnvironment(snapshot *catalog.Snapshot, query *catalog.Query) (*Environment, error) {
	env := &Environment{Catalog: snapshot.AsOf(query.Version, query.Sources, query.Views)}
	return env, env.restore(query.Settings)
}

// restore sets what an object was created by: the settings that it keeps.
func (env *Environment) restore(settings []catalog.Option) error {
	env.Format, env.Settings = types.DefaultFormat(), settings
	for _, setting := range settings {
		switch strings.ToLower(setting.Name) {
		case "timezone":
			_, zone, ok := types.TimeZoneSetting(setting.Value)
			if !ok {
				return sqlerr.New(sqlerr.InvalidParameterValue, -1, "time zone %q is not known", setting.Value)
			}
			env.Format.TimeZone = zone
		case "datestyle":
			env.Format.DateStyle, env.Format.DateOrder = types.ParseDateStyle(setting.Value)
		case "intervalstyle":
			env.Format.IntervalStyle = types.ParseIntervalStyle(setting.Value)
		case "search_path":
			env.SearchPath = []string{}
			for _, schema := range strings.Split(setting.Value, ",") {
				schema = strings.TrimSpace(schema)
				if inner, quoted := strings.CutPrefix(schema, `"`); quoted {
					schema = strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `""`, `"`)
				}
				env.SearchPath = append(env.SearchPath, schema)
			}
		}
	}
	return nil
}

// cut cuts a plan of the query.
func (c *continuousBinder) cut(root plan.Node) []plan.Stage {
	stages := cutStages(root)
	for i := range stages {
		stages[i].Subqueries = c.ofRows
	}
	return stages
}

// cutStages cuts a plan at its shuffles. Stages are numbered from the sources
// on, so that each feeds only later ones.
func cutStages(root plan.Node) []plan.Stage {
	var stages []plan.Stage
	// feeds maps a stage to the one whose tree holds its StageInput.
	var cut func(node plan.Node) (plan.Node, []int)
	cut = func(node plan.Node) (plan.Node, []int) {
		inputs := node.Inputs()
		if len(inputs) == 0 {
			return node, nil
		}
		var feeders []int
		rewritten := make([]plan.Node, len(inputs))
		for i, input := range inputs {
			inner, from := cut(input)
			shuffle, isShuffle := input.(*plan.Shuffle)
			if !isShuffle {
				rewritten[i], feeders = inner, append(feeders, from...)
				continue
			}
			number := len(stages)
			stages = append(stages, plan.Stage{Number: number, Root: inner, To: -1})
			for _, f := range from {
				stages[f].To = number
			}
			rewritten[i], feeders = newStageInput(shuffle, number), append(feeders, number)
		}
		return withInputs(node, rewritten), feeders
	}
	last, feeders := cut(root)
	if shuffle, ok := root.(*plan.Shuffle); ok {
		number := len(stages)
		stages = append(stages, plan.Stage{Number: number, Root: last, To: number + 1})
		for _, f := range feeders {
			stages[f].To = number
		}
		return append(stages, plan.Stage{Number: number + 1, Root: newStageInput(shuffle, number), To: -1})
	}
	number := len(stages)
	for _, f := range feeders {
		stages[f].To = number
	}
	return append(stages, plan.Stage{Number: number, Root: last, To: -1})
}
