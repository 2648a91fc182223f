package equivalence

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// stepKind is what a step of a chain does.
type stepKind int

const (
	stepCreate stepKind = iota
	stepInsert
	stepMany
	stepCopy
	stepTransaction
	stepRollback
	stepRestart
	stepPush
	// stepAdd begins a continuous query that adds rows to a stream.
	stepAdd
	// stepChange changes or deletes rows of a table, by itself.
	stepChange
)

// step is one step of a chain. Writes that follow each other, and declarations
// of results between them, go out at the same time over their connections.
type step struct {
	kind stepKind
	// sql is the statement in Millrace; for a restart it is only there to be left
	// out. postgres is the one for PostgreSQL, where another.
	sql      *fragment
	postgres string
	// relation is the one written, declared or followed.
	relation *relation
	rows     [][]string
	// connection is the number of the connection that writes.
	connection int
	// adHoc says that a push runs the relation's query and does not read the
	// relation.
	adHoc bool
}

// chain is streams and tables, results derived from them one behind the other,
// and the writes, restarts and push queries in between.
type chain struct {
	shards int
	// joins says that results may join relations; then no write is large.
	joins   bool
	steps   []*step
	derived []*relation
	// asked is the query whose answer differed in the last run, and theirs the one for
	// PostgreSQL.
	asked, theirs string
	// statistics of the results; nil while the chain is made smaller.
	statistics *statistics
	// fault, where not nil, finds a difference in a result where there is none, to see
	// what becomes of one.
	fault func(result *relation, rows *answer) error
}

const connections = 4

// newChain makes the chain of a seed.
func newChain(seed uint64, shards int) *chain {
	g := &generator{random: rand.New(rand.NewPCG(seed, 2)), kept: true}
	c := &chain{shards: shards, joins: g.one(2)}
	g.joins = c.joins
	var sources []*relation
	for i := range 1 + g.random.IntN(2) {
		r := g.source(string(rune('a'+i)), shards)
		sources = append(sources, r)
		g.relations = append(g.relations, r)
		ours, theirs := r.create()
		c.steps = append(c.steps, &step{kind: stepCreate, sql: piece(ours), postgres: theirs, relation: r})
	}
	restarts := g.one(2)
	for range 1 + g.random.IntN(5) {
		for range 1 + g.random.IntN(10) {
			if g.one(3) && len(c.derived) < 8 {
				c.derive(g)
			} else if r := pick(g, sources...); !r.stream && g.one(3) {
				c.change(g, r)
			} else {
				c.write(g, r)
			}
		}
		if !restarts {
			c.follow(g)
		} else if g.one(2) {
			c.steps = append(c.steps, &step{kind: stepRestart, sql: maybe(piece("restart"))})
		}
	}
	if len(c.derived) == 0 {
		c.derive(g)
	}
	return c
}

// derive declares a result over a random relation.
func (c *chain) derive(g *generator) {
	over := g.relations[len(g.relations)-1]
	if g.one(2) {
		over = pick(g, g.relations...)
	}
	name := fmt.Sprintf("d%d", len(c.derived))
	if over.appendOnly && g.one(4) {
		c.merge(g, name, over)
		return
	}
	r := g.derived(name, over)
	r.history, g.history = g.history, ""
	if g.one(4) && r.history == "" {
		r.view, r.stream, r.appendOnly = true, false, r.overStream
	}
	c.derived = append(c.derived, r)
	g.relations = append(g.relations, r)
	c.steps = append(c.steps, &step{
		kind: stepCreate, relation: r,
		sql: piece("CREATE "+r.kind()+" "+r.name+" AS {}", r.query.fragment),
	})
}

// merge declares a stream into which queries insert the rows of a stream and of
// others. For PostgreSQL it is their UNION ALL.
func (c *chain) merge(g *generator, name string, over *relation) {
	r := &relation{name: name, stream: true, appendOnly: true, overStream: true}
	sources := []*relation{over}
	for _, other := range g.relations {
		if other.appendOnly && g.one(2) && len(sources) < 3 {
			sources = append(sources, other)
		}
	}
	typed := []string{g.usualType(), g.usualType()}
	definition, key := "", g.random.IntN(3)
	for i, typ := range typed {
		r.columns = append(r.columns, column{fmt.Sprintf("c%d", i), typ, true})
		definition += fmt.Sprintf(", c%d %s", i, typ)
		if i == key {
			definition += " KEY"
		}
	}
	var selects []*fragment
	for _, source := range sources {
		var out outputs
		for _, typ := range typed {
			out.add(distinguishSafely(g.value(typ, 2, source.columns)), true)
			out.parts[len(out.parts)-1].optional = false
		}
		selects = append(selects, piece("SELECT {} FROM "+source.name+"{}", list("", ", ", out.parts...), g.where(source.columns)))
	}
	r.query = &query{list("", " UNION ALL ", selects...), r.columns, false, false}
	c.derived = append(c.derived, r)
	g.relations = append(g.relations, r)
	c.steps = append(c.steps, &step{kind: stepCreate, relation: r, sql: piece("CREATE STREAM " + name + " (" + definition[2:] + ")")})
	for _, each := range selects {
		c.steps = append(c.steps, &step{kind: stepAdd, relation: r, sql: piece("INSERT INTO "+name+" (c0, c1) {} EMIT CHANGES", each)})
	}
}

// derived makes a result over a relation: a stream of rows, a projection, or
// groups.
func (g *generator) derived(name string, over *relation) *relation {
	r := &relation{name: name}
	from, columns, appendOnly := piece(over.name), over.columns, over.appendOnly
	if g.one(4) {
		inner := g.derived("", over)
		alias := g.alias()
		from, columns, appendOnly = piece("({}) AS "+alias, inner.query.fragment), qualified(alias, inner.columns), inner.appendOnly
	}
	if g.joins && !g.one(3) {
		from, columns, appendOnly = g.joined(over)
	}
	if g.joins && !over.appendOnly && g.one(6) {
		from, columns = g.lateral(over, g.otherTable())
		appendOnly = false
	}
	if g.joins && g.one(6) {
		from, columns = g.asOf(over)
		appendOnly = false
	}
	if versioned := g.versioned(); versioned != nil && g.one(3) {
		if joined, both := g.systemTime(over, versioned); joined != nil {
			from, columns, appendOnly = joined, both, false
		}
	}
	var with *fragment
	if g.joins && g.one(8) {
		with, from, columns = g.twice()
		appendOnly = false
	}
	if g.one(5) {
		from, columns = g.aliased(over, from, columns)
		from, columns = g.expanded(from, columns)
	}
	shape := g.random.IntN(10)
	switch {
	case g.one(3):
		shape = pick(g, 10, 11, 12)
		if shape == 10 && with != nil {
			shape = 11
		}
	case g.joins && g.one(2):
		from, columns = g.aliased(over, from, columns)
		g.demanded = g.semiJoin(columns, appendOnly)
		appendOnly = false
	case g.joins && !appendOnly && g.one(2):
		from, columns = g.aliased(over, from, columns)
		g.subqueries = true
		defer func() { g.subqueries = false }()
	}
	switch {
	case shape == 11:
		g.first(r, from, columns)
	case shape == 12:
		g.numbered(r, from, columns)
	case shape == 10:
		appendOnly = g.combined(r, over)
		r.stream = appendOnly && (g.one(2) || name == "")
		r.appendOnly = r.stream
		r.overStream = appendOnly
	case shape < 4:
		g.project(r, from, columns)
		r.stream = appendOnly && (g.one(2) || name == "")
		r.appendOnly = r.stream
		r.overStream = appendOnly
	case shape < 5:
		g.distinct(r, from, columns)
	default:
		g.group(r, from, columns)
	}
	g.demanded = nil
	if with != nil {
		r.query.fragment = piece("{}{}", with, r.query.fragment)
	}
	r.columns = r.query.columns
	return r
}

// otherTable is a relation whose rows change.
func (g *generator) otherTable() *relation {
	var tables []*relation
	for _, r := range g.relations {
		if !r.appendOnly {
			tables = append(tables, r)
		}
	}
	return pick(g, tables...)
}

// aliased gives a FROM that is a name alone an alias, so that subqueries can name
// its columns.
func (g *generator) aliased(over *relation, from *fragment, columns []column) (*fragment, []column) {
	if strings.Contains(columns[0].name, ".") {
		return from, columns
	}
	alias := g.alias()
	return piece(over.name + " " + alias), qualified(alias, columns)
}

// semiJoin is a condition on rows that other rows exist, or that none do. Rows of
// a stream ask for those of streams only.
func (g *generator) semiJoin(outer []column, appendOnly bool) *fragment {
	var others []*relation
	for _, r := range g.relations {
		if r.appendOnly || !appendOnly {
			others = append(others, r)
		}
	}
	other, alias := pick(g, others...), g.alias()
	inner := qualified(alias, other.columns)
	from, typ := piece(other.name+" "+alias), g.usualType()
	kinds := 3
	if !appendOnly {
		kinds = 4
	}
	switch g.random.IntN(kinds) {
	case 0:
		l, r := g.joinColumns(outer, inner)
		on := []*fragment{maybe(expression("boolean", "("+l+" = "+r+")"))}
		if g.one(2) {
			on = append(on, maybe(g.condition(slices.Concat(outer, inner))))
		}
		return expression("boolean", "("+pick(g, "", "NOT ")+"EXISTS (SELECT 1 FROM {}{}))", from, list(" WHERE ", " AND ", on...))
	case 3:
		return expression("boolean", "({} "+pick(g, "<", "=", ">=")+" (SELECT count(*) FROM {}{}))", g.value("bigint", 1, outer), from, g.where(inner))
	}
	return expression("boolean", "({} "+pick(g, "IN", "IN", "NOT IN", "= ANY", "<> ALL", "> ALL", "<= ANY")+" (SELECT {} FROM {}{}))",
		g.value(typ, 1, outer), g.value(typ, 1, inner), from, g.where(inner))
}

// joined joins a relation with another one. A stream is joined with streams only:
// what a stream's rows find in a table depends on when they come.
func (g *generator) joined(over *relation) (from *fragment, columns []column, appendOnly bool) {
	var others []*relation
	for _, r := range g.relations {
		if r.appendOnly == over.appendOnly {
			others = append(others, r)
		}
	}
	other := pick(g, others...)
	left, right := g.alias(), g.alias()
	leftColumns, rightColumns := qualified(left, over.columns), qualified(right, other.columns)
	columns = slices.Concat(leftColumns, rightColumns)
	kind := pick(g, "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "JOIN")
	l, r := g.joinColumns(leftColumns, rightColumns)
	equals := " = "
	if kind != "FULL JOIN" && over.query == nil && other.query == nil && g.one(4) {
		equals = pick(g, " < ", " >= ", " <> ", " IS NOT DISTINCT FROM ")
	}
	on := []*fragment{maybe(expression("boolean", "("+l+equals+r+")"))}
	if kind != "FULL JOIN" && g.one(3) {
		on = append(on, maybe(g.value("boolean", 2, columns)))
	}
	from = piece(over.name+" "+left+" "+kind+" "+other.name+" "+right+" ON {}", list("", " AND ", on...))
	appendOnly = over.appendOnly && kind == "JOIN"
	// Results of joins may have many rows; joined twice they would have too many.
	others = slices.DeleteFunc(others, func(r *relation) bool { return r.query != nil })
	if over.appendOnly || over.query != nil || other.query != nil || !g.one(2) {
		return from, columns, appendOnly
	}
	from, columns = g.joinedAgain(from, columns, others)
	return from, columns, false
}

// joinedAgain joins relations that are joined already with a third one, which ON may
// tie to either and by a subquery, too.
func (g *generator) joinedAgain(from *fragment, columns []column, others []*relation) (*fragment, []column) {
	third, alias := pick(g, others...), g.alias()
	more := qualified(alias, third.columns)
	l, r := g.joinColumns(columns, more)
	on := []*fragment{maybe(expression("boolean", "("+l+" = "+r+")"))}
	kind := pick(g, "JOIN", "LEFT JOIN", "RIGHT JOIN", "CROSS JOIN")
	if kind == "CROSS JOIN" {
		return piece("{} CROSS JOIN "+third.name+" "+alias, from), slices.Concat(columns, more)
	}
	switch g.random.IntN(4) {
	case 0: // a subquery about one side
		subqueries := g.subqueries
		g.subqueries = true
		on = append(on, maybe(g.predicateSubquery(1, pick(g, columns, more))))
		g.subqueries = subqueries
	case 1:
		on = append(on, maybe(g.condition(slices.Concat(columns, more))))
	}
	return piece("{} "+kind+" "+third.name+" "+alias+" ON {}", from, list("", " AND ", on...)), slices.Concat(columns, more)
}

// combined is a set operation over rows of two relations. It reports whether its
// rows only become more.
func (g *generator) combined(r *relation, over *relation) (appendOnly bool) {
	other := pick(g, g.relations...)
	types := []string{g.usualType(), g.usualType()}
	side := func(of *relation) *fragment {
		var out outputs
		for _, typ := range types {
			out.add(distinguishSafely(g.value(typ, 2, of.columns)), true)
			out.parts[len(out.parts)-1].optional = false
		}
		return piece("SELECT {} FROM "+of.name+"{}", list("", ", ", out.parts...), g.where(of.columns))
	}
	operator := pick(g, "UNION", "UNION ALL", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL")
	r.query = &query{
		piece("{} "+operator+" {}", side(over), side(other)),
		[]column{{"c0", types[0], true}, {"c1", types[1], true}}, false, false,
	}
	return operator == "UNION ALL" && over.appendOnly && other.appendOnly
}

// first is the first rows of a relation, or of each of its parts, in an order that
// tells all rows apart that do not look the same.
func (g *generator) first(r *relation, from *fragment, columns []column) {
	var out outputs
	var keys []*fragment
	for range 1 + g.random.IntN(3) {
		c := pick(g, columns...)
		out.add(distinguishSafely(expression(c.typ, c.name)), c.inexact)
		out.parts[len(out.parts)-1].optional = false
		keys = append(keys, piece(fmt.Sprint(len(out.parts))+pick(g, "", " DESC", " NULLS FIRST", " DESC NULLS LAST")))
	}
	distinct, limit := "", piece(fmt.Sprintf(" LIMIT %d", 1+g.random.IntN(6))+pick(g, "", " OFFSET 2"))
	if g.one(3) {
		distinct = "DISTINCT ON (1) "
		limit = maybe(limit)
	}
	r.query = &query{
		piece("SELECT "+distinct+"{} FROM {}{} ORDER BY {}{}", list("", ", ", out.parts...), from, g.where(columns), list("", ", ", keys...), limit),
		out.columns, false, false,
	}
}

// numbered has a window function over a relation's rows, or the first rows of each part
// by it. The order tells all rows apart that do not look the same.
func (g *generator) numbered(r *relation, from *fragment, columns []column) {
	var out outputs
	var keys []string
	names := ""
	for i := range 1 + g.random.IntN(3) {
		c := pick(g, columns...)
		out.add(distinguishSafely(expression(c.typ, c.name)), c.inexact)
		out.parts[i].optional = false
		keys = append(keys, fmt.Sprintf("s.c%d", i)+pick(g, "", " DESC", " NULLS FIRST", " DESC NULLS LAST"))
		names += fmt.Sprintf("u.c%d, ", i)
	}
	window, of := "ORDER BY "+strings.Join(keys, ", "), pick(g, out.columns...)
	if !g.one(3) {
		window = "PARTITION BY s." + pick(g, out.columns...).name + " " + window
	}
	call, result := "row_number()", column{"w", "bigint", false}
	first := " WHERE u.w " + pick(g, "<= 2", "= 1", "< 4", "BETWEEN 2 AND 3")
	if g.one(2) {
		first = ""
		call = pick(g, "rank()", "dense_rank()", "count(*)", "count(s."+of.name+")", "lag", "lead", "first_value", "last_value")
		if !strings.Contains(call, "(") {
			call, result = call+"(s."+of.name+")", column{"w", of.typ, of.inexact}
		} else if call == "count(*)" {
			window += pick(g, "", " ROWS BETWEEN 2 PRECEDING AND CURRENT ROW", " GROUPS BETWEEN CURRENT ROW AND 1 FOLLOWING")
		} else if strings.HasSuffix(call, "rank()") {
			// Fewer columns to order by give more ties.
			window = strings.TrimSuffix(window, ", "+strings.Join(keys[1:], ", "))
			first = pick(g, "", " WHERE u.w <= 2", " WHERE u.w = 1", " WHERE u.w < 4 AND u.w > 1")
		}
	}
	r.query = &query{
		piece("SELECT "+names+"u.w FROM (SELECT s.*, "+call+" OVER ("+window+") AS w FROM (SELECT {} FROM {}{}) AS s) AS u"+first,
			list("", ", ", out.parts...), from, g.where(columns)),
		append(out.columns, result), false, false,
	}
}

// project is a SELECT without grouping.
func (g *generator) project(r *relation, from *fragment, columns []column) {
	var out outputs
	for range 1 + g.random.IntN(3) {
		g.output(&out, columns, false)
	}
	r.query = &query{piece("SELECT {} FROM {}{}", list("", ", ", out.parts...), from, g.where(columns)), out.columns, false, false}
}

// output adds a column or an expression to a SELECT list.
func (g *generator) output(out *outputs, columns []column, distinguished bool) {
	if len(columns) > 0 && !g.one(3) {
		c := pick(g, columns...)
		e := expression(c.typ, c.name)
		if distinguished {
			e = distinguish(e)
		}
		out.add(e, c.inexact)
		return
	}
	e := g.value(g.usualType(), 2, columns)
	if distinguished {
		e = distinguish(e)
	}
	out.add(e, true)
}

func (g *generator) distinct(r *relation, from *fragment, columns []column) {
	var out outputs
	for range 1 + g.random.IntN(3) {
		g.output(&out, columns, true)
	}
	for i := range out.parts {
		out.parts[i].optional = false
	}
	r.query = &query{piece("SELECT DISTINCT {} FROM {}{}", list("", ", ", out.parts...), from, g.where(columns)), out.columns, false, false}
}

// group is a SELECT with GROUP BY of 0 to 3 keys.
func (g *generator) group(r *relation, from *fragment, columns []column) {
	keys := g.keys(columns)
	var out outputs
	for _, key := range keys {
		if !g.one(8) {
			out.add(key, true)
		}
	}
	for range 1 + g.random.IntN(4) {
		e, inexact := g.aggregate(columns, false)
		out.add(e, inexact)
	}
	r.query = &query{
		piece("SELECT {} FROM {}{}{}{}", list("", ", ", out.parts...), from, g.where(columns), groupBy(keys), g.having(columns)),
		out.columns, false, false,
	}
}

// write adds rows to a source.
func (c *chain) write(g *generator, r *relation) {
	s := &step{kind: pick(g, stepInsert, stepMany, stepMany, stepCopy, stepCopy, stepTransaction, stepRollback), relation: r, connection: g.random.IntN(connections)}
	count := 1
	if s.kind != stepInsert {
		count = 1 + g.random.IntN(pick(g, 5, 40))
	}
	if s.kind == stepCopy && !c.joins && g.one(12) {
		count = 1500
	}
	for range count {
		s.rows = append(s.rows, g.row(r))
	}
	s.sql = maybe(insert(r, s.rows))
	c.steps = append(c.steps, s)
}

// follow starts push queries on some of the results.
func (c *chain) follow(g *generator) {
	for _, r := range c.derived {
		if r.appendOnly || r.view || !g.one(3) {
			continue // an append-only push gives only the rows from its start on
		}
		// Where nothing reads a window function over a stream, only rows from the push's
		// start on are left of it.
		adHoc := !r.overStream && r.history == "" && !strings.Contains(r.query.String(), " OVER (") && !c.viewed(r) && g.one(3)
		c.steps = append(c.steps, &step{kind: stepPush, relation: r, adHoc: adHoc, sql: maybe(piece("push"))})
	}
}

// viewed reports whether a result's query reads a view or a stream.
func (c *chain) viewed(r *relation) bool {
	words := strings.Fields(r.query.String())
	return slices.ContainsFunc(c.steps, func(s *step) bool {
		return s.kind == stepCreate && (s.relation.view || s.relation.appendOnly) && slices.Contains(words, s.relation.name)
	})
}

// writes reports whether a step writes rows.
func (s *step) writes() bool { return s.kind >= stepInsert && s.kind <= stepRollback }

// concurrent reports whether a step may go out together with others: a write, or
// the declaration of a result.
func (s *step) concurrent() bool {
	return s.writes() || s.kind == stepAdd || s.kind == stepCreate && s.relation.query != nil
}

// liveRows are the rows that were not left out.
func (s *step) liveRows() [][]string {
	var rows [][]string
	for i, part := range s.sql.parts {
		if !part.gone && !s.sql.gone {
			rows = append(rows, s.rows[i])
		}
	}
	return rows
}

// copyText writes rows in COPY's text format.
func copyText(rows [][]string) string {
	escape := strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`)
	var out strings.Builder
	for _, row := range rows {
		for i, value := range row {
			if i > 0 {
				out.WriteByte('\t')
			}
			if value == null {
				out.WriteString(`\N`)
			} else {
				out.WriteString(escape.Replace(value))
			}
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// live are the steps that were not left out.
func (c *chain) live() []*step {
	return slices.DeleteFunc(slices.Clone(c.steps), func(s *step) bool { return s.sql.String() == "" })
}

// fragments are what can be made smaller. Results that nothing else reads and
// sources may go as a whole.
func (c *chain) fragments() []*fragment {
	var out []*fragment
	for _, s := range slices.Backward(c.steps) {
		if s.kind == stepCreate {
			s.sql.optional = true
		}
		out = append(out, s.sql)
	}
	return out
}

// script is the chain as a script for testsql/scripts; what was asked stands at
// its end, with PostgreSQL's answer. Writes are in one connection there.
func (c *chain) script(ctx context.Context, o *oracle) string {
	var out strings.Builder
	for i, s := range c.live() {
		switch s.kind {
		case stepRestart:
			out.WriteString("restart\n\n")
		case stepPush:
			fmt.Fprintf(&out, "push p%d\n%s\n\n", i, s.push())
		case stepTransaction:
			fmt.Fprintf(&out, "statement ok\nBEGIN; %s; COMMIT\n\n", s.sql)
		case stepRollback:
			fmt.Fprintf(&out, "statement ok\nBEGIN; %s; ROLLBACK\n\n", s.sql)
		default:
			fmt.Fprintf(&out, "statement ok\n%s\n\n", s.sql)
		}
	}
	if c.asked != "" {
		out.WriteString(expectation(ctx, o, c.asked, c.theirs, false))
	}
	return out.String()
}

// push is the SQL of a push query.
func (s *step) push() string {
	if s.adHoc {
		return s.relation.query.String() + " EMIT CHANGES"
	}
	return "SELECT * FROM " + s.relation.name + " EMIT CHANGES"
}
