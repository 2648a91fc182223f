package randomtables

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes the steps of a script, one after the other, for the schema as
// it is then.
type generator struct {
	*rand.Rand
	schema *schema
	// block says per session whether a transaction block is open, as far as the
	// statements so far tell.
	block [sessions]bool
	// locked says that whole tables may be locked in a block.
	locked bool
	// defining is the session whose block has defined something, or -1: the other one
	// waits until it has ended.
	defining int
	// savepoints counts those of the block.
	savepoints [sessions]int
	// failed says per session that the last statement failed.
	failed [sessions]bool
	// shifts counts the statements that move keys out of the way.
	shifts int
	// names counts the constraints with names.
	names int
	// ends are the ways in which the server may go away.
	ends []stepKind
}

// next returns the next steps. Sometimes it puts two statements into one message,
// which is a transaction of its own outside a block.
func (g *generator) next() []step {
	steps := g.one()
	if len(steps) == 1 && steps[0].kind == statement && g.oneIn(12) {
		more := g.changes(steps[0].session)
		if len(more) == 1 && more[0].kind == statement {
			steps[0].sql += "; " + more[0].sql
			steps[0].oneRow = false
		}
	}
	return steps
}

func (g *generator) one() []step {
	session := 0
	if g.oneIn(3) || g.block[0] || g.block[1] {
		session = g.IntN(sessions)
	}
	if g.defining >= 0 {
		session = g.defining
	}
	quiet := !g.block[0] && !g.block[1]
	if quiet {
		g.locked = false
	}
	switch n := g.IntN(100); {
	case quiet && (len(g.schema.sources) == 0 || n < 12):
		return []step{g.definition()}
	case g.block[session] && !g.block[1-session] && !g.failed[session] && (len(g.schema.sources) == 0 || n < 9 || g.defining >= 0 && n < 18):
		g.defining = session
		s := g.definition()
		s.session = session
		return []step{s}
	case len(g.ends) > 0 && g.oneIn(60):
		g.block, g.defining = [sessions]bool{}, -1
		return []step{{kind: g.ends[g.IntN(len(g.ends))]}}
	case len(g.schema.sources) == 0 || n < 30 || g.block[session] && g.failed[session] && !g.oneIn(4):
		return []step{{session: session, sql: g.control(session)}}
	case n >= 84 || !withLocks && g.block[1-session]:
		return []step{{session: session, sql: g.read(session)}}
	}
	return g.changes(session)
}

// changes returns a statement that writes.
func (g *generator) changes(session int) []step {
	switch n := 30 + g.IntN(54); {
	case n < 34:
		return []step{{session: session, sql: g.with()}}
	case n < 58:
		return g.insert(session)
	case n < 74:
		return []step{g.update(session)}
	default:
		return []step{{session: session, sql: g.remove(session)}}
	}
}

// control begins and ends transactions and savepoints.
func (g *generator) control(session int) string {
	if !g.block[session] {
		if g.oneIn(20) {
			return g.pick("COMMIT", "ROLLBACK", "SAVEPOINT s1", "RELEASE s1", "ROLLBACK TO s1")
		}
		g.block[session], g.savepoints[session] = true, 0
		return g.pick("BEGIN", "START TRANSACTION", "BEGIN")
	}
	if g.failed[session] && g.oneIn(2) && g.savepoints[session] > 0 {
		return g.pick("ROLLBACK TO s1", "ROLLBACK TO s2")
	}
	if g.oneIn(3) || g.failed[session] {
		g.block[session], g.defining = false, -1
		return g.pick("COMMIT", "COMMIT", "COMMIT", "ROLLBACK", "END", "ABORT")
	}
	if g.savepoints[session] == 0 && !g.oneIn(9) {
		g.savepoints[session]++
		return g.pick("SAVEPOINT s1", "SAVEPOINT s2")
	}
	return g.pick("SAVEPOINT s1", "SAVEPOINT s2", "ROLLBACK TO s1", "ROLLBACK TO SAVEPOINT s2", "RELEASE s1", "RELEASE SAVEPOINT s2")
}

// finish ends what is open and reads everything.
func (g *generator) finish() []step {
	var steps []step
	for session := range sessions {
		if g.block[session] {
			steps = append(steps, step{session: session, sql: g.pick("COMMIT", "ROLLBACK")})
			g.block[session], g.defining = false, -1
		}
	}
	if g.oneIn(2) {
		steps = append(steps, step{sql: constraintsQuery}, step{sql: describeQuery})
	}
	for _, t := range g.schema.sources {
		steps = append(steps, step{sql: "SELECT * FROM " + t.name})
	}
	for _, t := range g.schema.derived {
		steps = append(steps, step{sql: "SELECT * FROM " + t.name})
	}
	return steps
}

// Clients see the same definitions on both servers.
const (
	constraintsQuery = `SELECT c.relname, k.conname, k.contype, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE c.relnamespace = 'public'::regnamespace AND k.contype <> 'c'`
	describeQuery    = `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND c.relname LIKE 't_'`
)

func (g *generator) source() *table { return g.schema.sources[g.IntN(len(g.schema.sources))] }

// read returns a query. Derived tables do not show what the own block has done.
func (g *generator) read(session int) string {
	if g.block[session] && withRowLocks && g.oneIn(4) {
		return g.lock()
	}
	readable := g.schema.sources
	if !g.locked && !g.block[session] && len(g.schema.derived) > 0 && g.oneIn(2) {
		readable = g.schema.derived
	}
	t := source{readable[g.IntN(len(readable))], "x"}
	switch g.IntN(4) {
	case 0:
		other := source{readable[g.IntN(len(readable))], "y"}
		if a, b := g.common(t.table, other.table); a != "" {
			return fmt.Sprintf("SELECT x.*, y.%s FROM %s AS x %sJOIN %s AS y ON x.%s = y.%s", b, t.name, g.pick("", "LEFT ", "FULL "), other.name, a, b)
		}
		return "SELECT count(*) FROM " + t.name
	case 1:
		return "SELECT " + g.grouped(t)
	case 2:
		return fmt.Sprintf("SELECT * FROM %s AS x WHERE %s", t.name, g.search(1, readable, t))
	default:
		if key := t.primary; len(key) > 0 {
			return fmt.Sprintf("SELECT * FROM %s AS x WHERE %s", t.name, g.byKey(t, key))
		}
		return "TABLE " + t.name
	}
}

// lock returns a statement that locks rows or a table.
func (g *generator) lock() string {
	t := source{g.source(), "x"}
	if g.oneIn(4) {
		g.locked = true
		return "LOCK TABLE " + t.name + g.pick("", " IN SHARE MODE", " IN ROW EXCLUSIVE MODE", " IN ACCESS SHARE MODE", " IN EXCLUSIVE MODE", " IN SHARE UPDATE EXCLUSIVE MODE") + g.pick("", " NOWAIT")
	}
	order := ""
	if len(t.primary) > 0 && g.oneIn(2) {
		order = fmt.Sprintf(" ORDER BY %s LIMIT %d", strings.Join(t.primary, ", "), 1+g.IntN(2))
	}
	strength := g.pick("UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE")
	policy := g.pick("", " NOWAIT", " SKIP LOCKED")
	if strength == "KEY SHARE" {
		policy = "" // PostgreSQL may wait for a row that was changed and then deleted
	}
	return fmt.Sprintf("SELECT * FROM %s AS x WHERE %s%s FOR %s%s%s", t.name, g.search(1, g.schema.sources, t), order, strength, g.pick("", " OF x"), policy)
}

// byKey is a condition that holds for at most one row.
func (g *generator) byKey(t source, key []string) string {
	condition := ""
	for i, name := range key {
		if i > 0 {
			condition += " AND "
		}
		condition += fmt.Sprintf("%s.%s = %s", t.alias, name, g.plain(t.column(name).typ))
	}
	return condition
}
