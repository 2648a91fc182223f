package planner

import (
	"slices"

	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// What the tables of a WITH RECURSIVE may name, which is decided on the text, before
// anything is bound: all of them know all, in an order without circles but for tables
// that name themselves, and those have one form alone. The rules, and the order in which
// they are checked, are PostgreSQL's.

// place says what stands between a recursive table and its reference to itself.
type place uint8

const (
	placeOpen place = iota
	placeFirstTerm
	placeSubquery
	placeOuterJoin
	placeIntersect
	placeExcept
)

var placeNames = [...]string{
	placeFirstTerm: "its non-recursive term", placeSubquery: "a subquery", placeOuterJoin: "an outer join",
	placeIntersect: "INTERSECT", placeExcept: "EXCEPT",
}

// references finds the names in FROM that mean tables of a WITH around.
type references struct {
	// hidden are the names that a WITH inside has declared anew.
	hidden []string
	visit  func(t *ast.TableName, at place) error
}

// nodes walks over the nodes directly inside n, in one place.
func (r *references) nodes(n ast.Node, at place) error {
	var err error
	_, isExpr := n.(ast.Expr)
	ast.Children(n, func(child ast.Node) {
		if _, isWith := child.(*ast.With); err != nil || isWith {
			return
		}
		in := at
		if _, isQuery := child.(*ast.Query); isQuery && isExpr {
			in = placeSubquery
		}
		err = r.node(child, in)
	})
	return err
}

func (r *references) node(n ast.Node, at place) error {
	switch n := n.(type) {
	case *ast.TableName:
		if len(n.Name.Parts) == 1 && !slices.Contains(r.hidden, n.Name.Last()) {
			if err := r.visit(n, at); err != nil {
				return err
			}
		}
	case *ast.Query:
		return r.under(n.With, n, at)
	case *ast.Insert:
		return r.under(n.With, n, at)
	case *ast.Update:
		return r.under(n.With, n, at)
	case *ast.Delete:
		return r.under(n.With, n, at)
	case *ast.SetOperation:
		left, right := setPlaces(n, at)
		if err := r.node(n.Left, left); err != nil {
			return err
		}
		return r.node(n.Right, right)
	case *ast.Join:
		return r.join(n, at)
	}
	return r.nodes(n, at)
}

// under walks over a statement with its WITH, whose names hide those around.
func (r *references) under(with *ast.With, n ast.Node, at place) error {
	around := r.hidden
	defer func() { r.hidden = around }()
	if with != nil {
		r.hidden = slices.Clip(r.hidden)
		if with.Recursive {
			for _, table := range with.Tables {
				r.hidden = append(r.hidden, table.Name.Value)
			}
		}
		for _, table := range with.Tables {
			if err := r.node(table.Statement, at); err != nil {
				return err
			}
			r.hidden = append(r.hidden, table.Name.Value)
		}
	}
	return r.nodes(n, at)
}

// setPlaces returns the places of the two sides of a set operation.
func setPlaces(n *ast.SetOperation, at place) (left, right place) {
	switch {
	case at != placeOpen || n.Operator == ast.Union:
		return at, at
	case n.Operator == ast.Except && n.All:
		return placeExcept, placeExcept
	case n.Operator == ast.Except:
		return placeOpen, placeExcept
	case n.All:
		return placeIntersect, placeIntersect
	default:
		return placeOpen, placeOpen
	}
}

func (r *references) join(n *ast.Join, at place) error {
	left, right := at, at
	if at == placeOpen {
		if n.Kind == ast.LeftJoin || n.Kind == ast.FullJoin {
			right = placeOuterJoin
		}
		if n.Kind == ast.RightJoin || n.Kind == ast.FullJoin {
			left = placeOuterJoin
		}
	}
	if err := r.node(n.Left, left); err != nil {
		return err
	}
	if err := r.node(n.Right, right); err != nil || n.On == nil {
		return err
	}
	return r.node(n.On, at)
}

// recursiveOrder returns the tables of a WITH RECURSIVE such that each stands behind
// those that it names, and which of them name themselves.
func recursiveOrder(with *ast.With) (order []*ast.CommonTable, recursive map[*ast.CommonTable]bool, err error) {
	needs := map[*ast.CommonTable][]*ast.CommonTable{}
	recursive = map[*ast.CommonTable]bool{}
	for _, table := range with.Tables {
		find := references{visit: func(t *ast.TableName, _ place) error {
			for _, other := range with.Tables {
				switch {
				case other.Name.Value != t.Name.Last():
				case other == table:
					recursive[table] = true
				default:
					needs[table] = append(needs[table], other)
				}
			}
			return nil
		}}
		if err := find.node(table.Statement, placeOpen); err != nil {
			return nil, nil, err
		}
	}
	rest := slices.Clone(with.Tables)
	for len(rest) > 0 {
		next := slices.IndexFunc(rest, func(table *ast.CommonTable) bool {
			return !slices.ContainsFunc(needs[table], func(t *ast.CommonTable) bool { return slices.Contains(rest, t) })
		})
		if next < 0 {
			return nil, nil, notSupported(rest[0].Pos(), "mutual recursion between WITH items is not implemented")
		}
		order = append(order, rest[next])
		rest = slices.Delete(rest, next, next+1)
	}
	for _, table := range order {
		if recursive[table] {
			if err := checkRecursion(table); err != nil {
				return nil, nil, err
			}
		}
	}
	return order, recursive, nil
}

func invalidRecursion(pos int, format string, args ...any) *sqlerr.Error {
	return sqlerr.New(sqlerr.InvalidRecursion, pos, format, args...)
}

// recursiveUnion returns the UNION of a recursive table and the query around it, nil
// where it is none.
func recursiveUnion(q *ast.Query) (*ast.Query, *ast.SetOperation) {
	for {
		switch body := q.Body.(type) {
		case *ast.SetOperation:
			if body.Operator != ast.Union {
				return nil, nil
			}
			return q, body
		case *ast.Query:
			if q.With != nil || q.OrderBy != nil || q.Limit != nil || q.Offset != nil || q.Locking != nil {
				return nil, nil
			}
			q = body
		default:
			return nil, nil
		}
	}
}

// checkRecursion holds a table that names itself against the form that it must have.
func checkRecursion(table *ast.CommonTable) error {
	name := table.Name.Value
	statement, isQuery := table.Statement.(*ast.Query)
	if !isQuery {
		return invalidRecursion(table.Pos(), "recursive query %q must not contain data-modifying statements", name)
	}
	q, union := recursiveUnion(statement)
	if union == nil {
		return invalidRecursion(table.Pos(), "recursive query %q does not have the form non-recursive-term UNION [ALL] recursive-term", name)
	}
	found := 0
	find := references{visit: func(t *ast.TableName, at place) error {
		if t.Name.Last() != name {
			return nil
		}
		if at != placeOpen {
			return invalidRecursion(t.Pos(), "recursive reference to query %q must not appear within %s", name, placeNames[at])
		}
		if found++; found > 1 {
			return invalidRecursion(t.Pos(), "recursive reference to query %q must not appear more than once", name)
		}
		return nil
	}}
	if q.With != nil {
		for _, inner := range q.With.Tables {
			find.hidden = append(find.hidden, inner.Name.Value)
		}
	}
	if err := find.node(union.Left, placeFirstTerm); err != nil {
		return err
	}
	if err := find.node(union.Right, placeOpen); err != nil {
		return err
	}
	if q.With != nil {
		find.hidden = nil
		for _, inner := range q.With.Tables {
			if err := find.node(inner.Statement, placeSubquery); err != nil {
				return err
			}
		}
	}
	switch {
	case q.OrderBy != nil:
		return notSupported(q.OrderBy[0].Pos(), "ORDER BY in a recursive query is not implemented")
	case q.Offset != nil:
		return notSupported(q.Offset.Pos(), "OFFSET in a recursive query is not implemented")
	case q.Limit != nil:
		return notSupported(q.Limit.Pos(), "LIMIT in a recursive query is not implemented")
	case q.Locking != nil:
		return notSupported(q.Locking[0].Pos(), "FOR UPDATE/SHARE in a recursive query is not implemented")
	}
	return nil
}
