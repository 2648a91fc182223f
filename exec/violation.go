package exec

import (
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// NotNullViolation is PostgreSQL's error for a row without a value for a column that
// must have one.
func NotNullViolation(relation *catalog.Relation, column string) *sqlerr.Error {
	err := sqlerr.New(sqlerr.NotNullViolation, -1, "null value in column %q of relation %q violates not-null constraint", column, relation.Name)
	err.Schema, err.Table, err.Column = relation.Schema, relation.Name, column
	return err
}

// CheckViolation is PostgreSQL's error for a row that breaks a CHECK constraint.
func CheckViolation(relation *catalog.Relation, constraint string) *sqlerr.Error {
	err := sqlerr.New(sqlerr.CheckViolation, -1, "new row for relation %q violates check constraint %q", relation.Name, constraint)
	err.Schema, err.Table, err.Constraint = relation.Schema, relation.Name, constraint
	return err
}
