package planner

import (
	"slices"

	"millrace/sql"
	"millrace/sql/ast"
	"millrace/sql/catalog"
)

// ViewText returns the query of a view as pg_get_viewdef shows it: with the names of the
// view's columns, with those that relations have now, their schema where visible says that
// a name alone does not find them, and their former ones as aliases. PostgreSQL makes the
// text anew from the parsed query; this is the author's but for that.
func ViewText(snapshot *catalog.Snapshot, v *catalog.View, visible func(schema string) bool) string {
	statement, err := sql.ParseOne(v.Text)
	if err != nil {
		return v.Text
	}
	q, isQuery := statement.(*ast.Query)
	if !isQuery {
		return v.Text
	}
	changed := nameColumns(q, v.Columns)
	past := snapshot.AsOf(v.Version, v.Sources, v.Views)
	qualify := references{visit: func(t *ast.TableName, _ place) error {
		name := t.Name.Last()
		now, columns := currentNames(snapshot, past, v.Schema, name)
		if now == nil {
			return nil // a system table
		}
		if t.Alias == nil && (columns != nil || now.Name != name) {
			t.Alias = &ast.Alias{Name: ast.Identifier{Value: name}}
		}
		if columns != nil && t.Alias.Columns == nil {
			t.Alias.Columns = columns
		}
		t.Name.Parts = []string{now.Name}
		if !visible(now.Schema) {
			t.Name.Parts = []string{now.Schema, now.Name}
		}
		changed = changed || columns != nil || now.Name != name || len(t.Name.Parts) > 1
		return nil
	}}
	if qualify.node(q, placeOpen) != nil || !changed {
		return v.Text
	}
	return ast.String(q)
}

// currentNames returns what a relation or view is called now that a view's text calls
// name, nil where that is none of users, and the former names of its columns, nil where
// they have the same.
func currentNames(snapshot, past *catalog.Snapshot, schema, name string) (now *catalog.Name, columns []ast.Identifier) {
	var was, is []string
	if r := past.Lookup(schema, name); r != nil {
		current := snapshot.Relation(r.ID)
		now = &catalog.Name{Schema: current.Schema, Name: current.Name}
		for i := range current.Columns {
			if c := &current.Columns[i]; !c.Hidden {
				is, was = append(is, c.Name), append(was, c.Name)
				if i < len(r.Columns) { // it is not younger than the view
					was[len(was)-1] = r.Columns[i].Name
				}
			}
		}
	} else if v := past.LookupView(schema, name); v != nil {
		current := snapshot.View(v.ID)
		now = &catalog.Name{Schema: current.Schema, Name: current.Name}
		for i := range current.Columns {
			is, was = append(is, current.Columns[i].Name), append(was, current.Columns[i].Name)
			if i < len(v.Columns) {
				was[i] = v.Columns[i].Name
			}
		}
	}
	if slices.Equal(was, is) {
		return now, nil
	}
	for _, column := range was {
		columns = append(columns, ast.Identifier{Value: column})
	}
	return now, columns
}

// nameColumns gives the columns of a query aliases where they have other names in its
// view, and reports whether any has. A * gives names of its own.
func nameColumns(q *ast.Query, columns []catalog.ViewColumn) (changed bool) {
	body := q.Body
	for {
		switch b := body.(type) {
		case *ast.SetOperation:
			body = b.Left
			continue
		case *ast.Query:
			body = b.Body
			continue
		case *ast.Select:
			return nameTargets(b.Targets, columns)
		}
		return false
	}
}

func nameTargets(targets []*ast.Target, columns []catalog.ViewColumn) (changed bool) {
	if len(targets) != len(columns) {
		return false
	}
	for _, t := range targets {
		if _, isStar := t.Expr.(*ast.Star); isStar {
			return false
		}
	}
	for i, t := range targets {
		if targetName(t) != columns[i].Name {
			t.Alias = &ast.Identifier{Value: columns[i].Name}
			changed = true
		}
	}
	return changed
}
