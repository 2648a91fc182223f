package session

import (
	"unicode/utf8"

	"millrace/exec"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// rowChecker holds the rows that a statement stores against NOT NULL and the CHECK
// constraints of their relation. Nothing behind the session does: whatever writes
// rows of clients asks it.
//
// The constraints of a row are looked at in PostgreSQL's order: NOT NULL by the
// columns' numbers, then CHECK by name.
type rowChecker struct {
	session *Session
	target  *catalog.Relation
	checks  []plan.Check
	// programs has the compiled condition of each of checks.
	programs []*expr.Program
	values   types.Vector
}

func (s *Session) newRowChecker(target *catalog.Relation, checks []plan.Check) (*rowChecker, error) {
	c := &rowChecker{session: s, target: target, checks: checks}
	for i := range checks {
		program, err := expr.Compile(checks[i].Condition)
		if err != nil {
			return nil, err
		}
		c.programs = append(c.programs, program)
	}
	return c, nil
}

// checkRows holds rows against the constraints of their relation.
func (s *Session) checkRows(target *catalog.Relation, checks []plan.Check, rows *types.Batch) error {
	c, err := s.newRowChecker(target, checks)
	if err != nil {
		return err
	}
	_, err = c.check(rows)
	return err
}

// check returns the first row that breaks a constraint, and the error.
func (c *rowChecker) check(rows *types.Batch) (row int, err error) {
	first := rows.Len
	violated := func(row int, violation func(row int) error) {
		if row < first {
			first, err = row, violation(row)
		}
	}
	for i := range c.target.Columns {
		column := &c.target.Columns[i]
		if column.NotNull && rows.Columns[i].HasNulls() {
			violated(firstNull(&rows.Columns[i], rows.Len), func(row int) error { return c.notNullViolation(column.Name, rows, row) })
		}
	}
	if len(c.checks) == 0 || first == 0 {
		return first, err
	}
	s := c.session
	evaluation := &expr.Context{Now: s.transactionTime(), Format: s.format(), Session: s}
	for i, program := range c.programs {
		evaluation.ResetErrors()
		program.Eval(evaluation, rows, nil, &c.values)
		for _, failure := range evaluation.Errors {
			violated(int(failure.Row), func(int) error { return failure.Err })
		}
		for row := range first {
			if !c.values.IsNull(row) && c.values.Ints[row] == 0 && !evaluation.Failed(int32(row)) {
				violated(row, func(row int) error { return c.checkViolation(c.checks[i].Constraint.Name, rows, row) })
				break
			}
		}
	}
	return first, err
}

func firstNull(v *types.Vector, n int) int {
	for i := range n {
		if v.IsNull(i) {
			return i
		}
	}
	return n
}

func (c *rowChecker) notNullViolation(column string, rows *types.Batch, row int) error {
	return exec.NotNullViolation(c.target, column).WithDetail("%s", c.failingRow(rows, row))
}

func (c *rowChecker) checkViolation(constraint string, rows *types.Batch, row int) error {
	return exec.CheckViolation(c.target, constraint).WithDetail("%s", c.failingRow(rows, row))
}

// maxShownField is how many bytes of a value an error shows.
const maxShownField = 64

// failingRow prints a row for the DETAIL of an error.
func (c *rowChecker) failingRow(rows *types.Batch, row int) string {
	format := c.session.format()
	text := []byte("Failing row contains (")
	shown := 0
	for i := range c.target.Columns {
		if c.target.Columns[i].Hidden {
			continue
		}
		if shown++; shown > 1 {
			text = append(text, ", "...)
		}
		if rows.Columns[i].IsNull(row) {
			text = append(text, "null"...)
			continue
		}
		value := types.AppendVectorText(nil, &rows.Columns[i], row, format)
		if len(value) <= maxShownField {
			text = append(text, value...)
			continue
		}
		end := maxShownField
		for end > 0 && !utf8.RuneStart(value[end]) {
			end--
		}
		text = append(append(text, value[:end]...), "..."...)
	}
	return string(append(text, ")."...))
}
