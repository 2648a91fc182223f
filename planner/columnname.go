package planner

import "millrace/sql/ast"

// unnamed is PostgreSQL's name of a column that has none.
const unnamed = "?column?"

// targetName is the name of an output column: its alias, or what PostgreSQL
// derives from the expression.
func targetName(t *ast.Target) string {
	if t.Alias != nil {
		return t.Alias.Value
	}
	name, _ := columnName(t.Expr)
	return name
}

// columnName derives a column's name from its expression as PostgreSQL does. A
// weak name (of a type, or "case") gives way to one from further inside.
func columnName(e ast.Expr) (name string, strong bool) {
	switch e := e.(type) {
	case *ast.ColumnRef:
		return e.Parts[len(e.Parts)-1], true
	case *ast.FunctionCall:
		return functionColumnName(e), true
	case *ast.ValueFunction:
		return e.Name, true
	case *ast.FieldAccess:
		return e.Field.Value, true
	case *ast.Subscript:
		return columnName(e.Operand)
	case *ast.Slice:
		return columnName(e.Operand)
	case *ast.Collate:
		return columnName(e.Operand)
	case *ast.Cast:
		if name, strong := columnName(e.Operand); strong {
			return name, true
		}
		return typeColumnName(e.Type), false
	case *ast.TypedLiteral:
		return typeColumnName(e.Type), false
	case *ast.BooleanLiteral:
		return "bool", false
	case *ast.Case:
		if e.Else != nil {
			if name, strong := columnName(e.Else); strong {
				return name, true
			}
		}
		return "case", false
	case *ast.AtTimeZone:
		return "timezone", true
	case *ast.Binary:
		if field, ok := e.Right.(*ast.ColumnRef); ok && e.Operator.Symbol == "->" && len(field.Parts) == 1 {
			return field.Parts[0], true
		}
	case *ast.Exists:
		return "exists", true
	case *ast.ArrayQuery, *ast.ArrayConstructor:
		return "array", true
	case *ast.Row:
		return "row", true
	case *ast.StructConstructor:
		return "struct", true
	case *ast.MapConstructor:
		return "map", true
	case *ast.Subquery:
		return subqueryColumnName(e.Query)
	}
	return unnamed, false
}

func functionColumnName(e *ast.FunctionCall) string {
	return e.Name.Last()
}

// typeColumnName is the internal name of a type: int4 for integer.
func typeColumnName(t *ast.TypeName) string {
	if t.Name == "" {
		return unnamed
	}
	return t.Name
}

// subqueryColumnName is the name of the subquery's only column, which does not give
// way to any other.
func subqueryColumnName(q *ast.Query) (string, bool) {
	return bodyColumnName(q.Body), true
}

func bodyColumnName(body ast.QueryBody) string {
	switch body := body.(type) {
	case *ast.Select:
		if len(body.Targets) == 1 {
			return targetName(body.Targets[0])
		}
	case *ast.Values:
		return "column1"
	case *ast.Query:
		return bodyColumnName(body.Body)
	case *ast.SetOperation:
		return bodyColumnName(body.Left)
	}
	return unnamed
}
