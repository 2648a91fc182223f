package sql

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// commonGrammar generates statements of the language that PostgreSQL and
// MySQL share and read alike, without more parentheses than a person writes:
// so that the trees show how each parser binds operators.
//
// Left out is what one of the two does not have, and what they bind
// differently: ^, bit operators, ||, chains of comparisons.
type commonGrammar struct {
	random *rand.Rand
	// budget bounds the size of one statement.
	budget int
}

// pick returns one of the strings.
func (g *commonGrammar) pick(choices ...string) string {
	return choices[g.random.IntN(len(choices))]
}

// maybe returns the text once in n times, else nothing.
func (g *commonGrammar) maybe(n int, text func() string) string {
	if g.random.IntN(n) > 0 {
		return ""
	}
	return text()
}

// list returns one to n texts with commas between them.
func (g *commonGrammar) list(n int, text func() string) string {
	items := make([]string, 1+g.random.IntN(n))
	for i := range items {
		items[i] = text()
	}
	return strings.Join(items, ", ")
}

func (g *commonGrammar) column() string { return g.pick("a", "b", "c", "d", "t1.a", "t2.b", "x.c") }
func (g *commonGrammar) table() string  { return g.pick("t1", "t2", "t3", "s1.t4") }
func (g *commonGrammar) label() string  { return g.pick("x", "y", "z") }

func (g *commonGrammar) literal() string {
	switch g.random.IntN(7) {
	case 0:
		return "NULL"
	case 1:
		return g.pick("TRUE", "FALSE")
	case 2:
		return g.pick("'x'", "'it''s'", "''", "'%a_'")
	case 3:
		return g.pick("1.5", "0.25", "10.0")
	default:
		return fmt.Sprint(g.random.IntN(100))
	}
}

// statement returns a statement.
func (g *commonGrammar) statement() string {
	g.budget = 40
	switch g.random.IntN(12) {
	case 0:
		return "INSERT INTO " + g.table() + " (a, b) " + g.pick("VALUES "+g.rows(), g.query())
	case 1:
		return "UPDATE " + g.table() + " SET " + g.list(3, func() string { return g.pick("a", "b", "c") + " = " + g.expr() }) +
			g.maybe(2, func() string { return " WHERE " + g.expr() })
	case 2:
		return "DELETE FROM " + g.table() + g.maybe(2, func() string { return " WHERE " + g.expr() })
	case 3:
		return "WITH x AS (" + g.query() + ")" + g.maybe(3, func() string { return ", y (a, b) AS (" + g.query() + ")" }) + " " + g.query()
	}
	return g.query()
}

func (g *commonGrammar) rows() string {
	return g.list(3, func() string { return "(" + g.expr() + ", " + g.pick(g.literal(), "DEFAULT") + ")" })
}

// query returns a SELECT with set operations perhaps.
func (g *commonGrammar) query() string {
	text := g.selectBlock()
	for g.random.IntN(6) == 0 {
		text += g.pick(" UNION ", " UNION ALL ") + g.selectBlock()
	}
	text += g.maybe(4, func() string { return " ORDER BY " + g.list(2, g.orderItem) })
	text += g.maybe(5, func() string {
		return fmt.Sprint(" LIMIT ", g.random.IntN(9)) + g.maybe(2, func() string { return " OFFSET 5" })
	})
	return text
}

func (g *commonGrammar) orderItem() string { return g.expr() + g.pick("", " ASC", " DESC") }

func (g *commonGrammar) selectBlock() string {
	// MySQL has * without a table as the first item only.
	text := "SELECT " + g.pick("", "", "DISTINCT ") + g.maybe(8, func() string { return "*, " }) +
		g.list(3, g.target) + " FROM " + g.list(2, g.tableExpr)
	text += g.maybe(2, func() string { return " WHERE " + g.expr() })
	text += g.maybe(3, func() string {
		return " GROUP BY " + g.list(2, g.expr) + g.maybe(2, func() string { return " HAVING " + g.expr() })
	})
	return text
}

func (g *commonGrammar) target() string {
	if g.random.IntN(8) == 0 {
		return "t1.*"
	}
	return g.expr() + g.maybe(3, func() string { return g.pick(" AS ", " ") + g.label() })
}

func (g *commonGrammar) tableExpr() string {
	text := g.tablePrimary()
	for g.budget > 0 && g.random.IntN(3) == 0 {
		g.budget--
		switch g.random.IntN(6) {
		case 0:
			text += " CROSS JOIN " + g.tablePrimary()
		case 1:
			text += g.pick(" NATURAL JOIN ", " NATURAL LEFT JOIN ") + g.tablePrimary()
		case 2:
			text += g.pick(" JOIN ", " LEFT JOIN ") + g.tablePrimary() + " USING (a, b)"
		case 3:
			// The inner ON comes first.
			text += " LEFT JOIN " + g.tablePrimary() + " JOIN " + g.tablePrimary() + " ON " + g.expr() + " ON " + g.expr()
		default:
			text += g.pick(" JOIN ", " INNER JOIN ", " LEFT JOIN ", " LEFT OUTER JOIN ", " RIGHT JOIN ") +
				g.tablePrimary() + " ON " + g.expr()
		}
	}
	return text
}

func (g *commonGrammar) tablePrimary() string {
	switch {
	case g.budget > 10 && g.random.IntN(8) == 0:
		g.budget -= 10
		return "(" + g.query() + ") " + g.pick("AS ", "") + g.label()
	case g.budget > 10 && g.random.IntN(10) == 0:
		g.budget -= 5
		return "(" + g.table() + " JOIN " + g.table() + " ON " + g.expr() + ")"
	}
	return g.table() + g.maybe(3, func() string { return g.pick(" AS ", " ") + g.label() })
}

// expr returns a condition.
func (g *commonGrammar) expr() string {
	g.budget--
	if g.budget <= 0 {
		return g.column()
	}
	switch g.random.IntN(7) {
	case 0:
		return g.expr() + g.pick(" AND ", " OR ") + g.expr()
	case 1:
		return "NOT " + g.comparison()
	case 2:
		return g.value() + " IS " + g.pick("", "NOT ") + g.pick("NULL", "TRUE", "FALSE")
	case 3:
		return g.value()
	}
	return g.comparison()
}

// comparison returns a comparison of two values or a value with a pattern.
func (g *commonGrammar) comparison() string {
	negation := g.pick("", "NOT ")
	switch g.random.IntN(7) {
	case 0:
		return g.value() + " " + negation + "IN (" + g.list(3, g.value) + ")"
	case 1:
		return g.value() + " " + negation + "BETWEEN " + g.value() + " AND " + g.value()
	case 2:
		return g.value() + " " + negation + "LIKE " + g.pick(g.column(), g.literal(), g.call())
	case 3:
		if g.budget > 10 {
			g.budget -= 10
			return g.pick("a IN (", "NOT EXISTS (", "EXISTS (", "a = ANY (", "b > ALL (", "a + 1 < SOME (") + g.query() + ")"
		}
	}
	operator := g.pick(" = ", " <> ", " != ", " < ", " > ", " <= ", " >= ")
	text := g.value() + operator + g.value()
	return text + g.maybe(8, func() string { return " IS " + negation + "NULL" })
}

// value returns an arithmetic expression.
func (g *commonGrammar) value() string {
	g.budget--
	if g.budget <= 0 {
		return g.literal()
	}
	switch g.random.IntN(14) {
	case 0, 1, 2:
		return g.value() + g.pick(" + ", " - ", " * ", " / ", " % ") + g.value()
	case 3:
		return "(" + g.expr() + ")"
	case 4:
		return "-" + g.column()
	case 5:
		return g.call()
	case 6:
		return g.caseExpr()
	case 7:
		if g.budget > 10 {
			g.budget -= 10
			return "(" + g.query() + ")"
		}
	case 8:
		return "CAST(" + g.expr() + " AS " + g.pick("DATE", "DECIMAL(10, 2)", "DECIMAL(5)", "TIME") + ")"
	case 9, 10:
		return g.literal()
	}
	return g.column()
}

func (g *commonGrammar) call() string {
	switch g.random.IntN(5) {
	case 0:
		return "count(*)" + g.maybe(4, g.over)
	case 1:
		return g.pick("sum", "min", "max", "avg", "count") + "(" + g.pick("", "DISTINCT ") + g.expr() + ")"
	case 2:
		return "sum(" + g.expr() + ")" + g.over()
	case 3:
		return "coalesce(" + g.list(3, g.expr) + ")"
	}
	return g.pick("lower", "f", "abs") + "(" + g.list(3, g.expr) + ")"
}

func (g *commonGrammar) over() string {
	return " OVER (" + g.maybe(2, func() string { return "PARTITION BY " + g.list(2, g.column) + " " }) +
		g.maybe(2, func() string { return "ORDER BY " + g.orderItem() }) + ")"
}

func (g *commonGrammar) caseExpr() string {
	text := "CASE" + g.maybe(3, func() string { return " " + g.value() })
	for {
		text += " WHEN " + g.expr() + " THEN " + g.expr()
		if g.budget <= 0 || g.random.IntN(2) == 0 {
			break
		}
	}
	return text + g.maybe(2, func() string { return " ELSE " + g.expr() }) + " END"
}
