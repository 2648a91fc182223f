package planner

import (
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/catalog/systables"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// fromItem is a bound item of FROM: its plan and what its columns are called.
type fromItem struct {
	node  plan.Node
	scope *scope
}

// from binds a FROM list in scope s, which has no columns yet: items side by
// side are a cross join. Without FROM there is one row without columns.
func (b *binder) from(list []ast.TableExpr, s *scope) (*fromItem, error) {
	if len(list) == 0 {
		return &fromItem{node: newValues([][]expr.Expr{{}}, nil), scope: s}, nil
	}
	var all *fromItem
	for _, t := range list {
		item, lateral, err := b.tableItem(t, s, all)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = item
			continue
		}
		if err := checkNames(all.scope, item.scope, t.Pos()); err != nil {
			return nil, err
		}
		if lateral {
			if lateral, err = b.refersLeft(plan.JoinInner, all.scope, item); err != nil {
				return nil, err
			}
		}
		node, err := b.joinNode(plan.JoinInner, all.node, item.node, nil, lateral, t.Pos())
		if err != nil {
			return nil, err
		}
		all = &fromItem{scope: all.scope.joined(item.scope, len(all.node.Columns())), node: node}
	}
	return all, nil
}

// checkNames refuses two items of FROM with one name.
func checkNames(left, right *scope, pos int) error {
	for _, t := range right.tables {
		for _, other := range left.tables {
			if t.name == other.name && t.schema == other.schema && t.name != "" {
				return sqlerr.New(sqlerr.DuplicateAlias, pos, "table name %q specified more than once", t.name)
			}
		}
	}
	return nil
}

// tableItem binds one item of FROM. Where it may refer to the items left of it
// (LATERAL, functions), their row is a level of its own: the second result says
// so, and then the item must be the right side of a lateral join.
func (b *binder) tableItem(t ast.TableExpr, s *scope, left *fromItem) (*fromItem, bool, error) {
	if left != nil && isLateral(t) {
		outside := *left.scope
		outside.parent, outside.depth, outside.with = s.parent, s.depth, s.with
		inner := &scope{parent: &outside, depth: s.depth + 1, with: s.with}
		item, err := b.table(t, inner)
		if err != nil {
			return nil, false, err
		}
		item.scope.parent, item.scope.depth = s.parent, s.depth
		return item, true, nil
	}
	item, err := b.table(t, s)
	return item, false, err
}

// isLateral reports whether an item may refer to the items left of it.
func isLateral(t ast.TableExpr) bool {
	switch t := t.(type) {
	case *ast.DerivedTable:
		return t.Lateral
	case *ast.FunctionTable:
		if call, _ := windowCall(t); call != nil {
			return false
		}
		return t.Lateral || slices.ContainsFunc(t.Functions, func(f *ast.RowFunction) bool { return hasColumns(f.Call) })
	case *ast.Join:
		return isLateral(t.Left) || isLateral(t.Right)
	case *ast.ParenthesizedTable:
		return isLateral(t.Table)
	default:
		return false
	}
}

// hasColumns reports whether a call of a function in FROM may depend on columns:
// only calls with nothing but constants for arguments surely do not.
func hasColumns(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FunctionCall:
		for _, arg := range e.Args {
			if hasColumns(arg) {
				return true
			}
		}
		return false
	case *ast.Cast:
		return hasColumns(e.Operand)
	case *ast.Unary:
		return hasColumns(e.Operand)
	case *ast.Binary:
		return hasColumns(e.Left) || hasColumns(e.Right)
	case *ast.ArrayConstructor:
		for _, element := range e.Elements {
			if hasColumns(element) {
				return true
			}
		}
		return false
	case *ast.IntegerLiteral, *ast.NumericLiteral, *ast.StringLiteral, *ast.BooleanLiteral, *ast.NullLiteral,
		*ast.TypedLiteral, *ast.Parameter, *ast.ValueFunction:
		return false
	default:
		return true
	}
}

// table binds an item; s has no columns of its own.
func (b *binder) table(t ast.TableExpr, s *scope) (*fromItem, error) {
	switch t := t.(type) {
	case *ast.TableName:
		return b.tableName(t, s)
	case *ast.DerivedTable:
		return b.derivedTable(t, s)
	case *ast.FunctionTable:
		if call, function := windowCall(t); call != nil {
			item, err := b.windowTable(t, call, function, s)
			if err == nil {
				item.scope.hideRows()
			}
			return item, err
		}
		return b.functionTable(t, s)
	case *ast.Join:
		return b.join(t, s)
	case *ast.ParenthesizedTable:
		item, err := b.table(t.Table, s)
		if err != nil || t.Alias == nil {
			return item, err
		}
		aliased, err := b.aliasJoin(item, t.Alias, s)
		if err == nil {
			aliased.scope.hideRows()
		}
		return aliased, err
	default:
		return nil, notSupported(t.Pos(), "this FROM item is not supported")
	}
}

func (b *binder) tableName(t *ast.TableName, s *scope) (*fromItem, error) {
	switch {
	case t.Changes:
		return b.changesOf(t, s)
	case t.AsOf != nil:
		return nil, notSupported(t.AsOf.Pos(), "FOR SYSTEM_TIME AS OF is only supported for the right side of a join").
			WithHint("For example, FROM orders o JOIN rates FOR SYSTEM_TIME AS OF o.rowtime AS r ON o.currency = r.currency.")
	case t.Sample != nil:
		return nil, notSupported(t.Sample.Pos(), "TABLESAMPLE is not supported")
	}
	if len(t.Name.Parts) == 1 {
		if w := s.with.find(t.Name.Last()); w != nil {
			if w.part > 0 && w.columns == nil {
				return nil, notSupported(t.Pos(), "WITH query %q does not have a RETURNING clause", t.Name.Last())
			}
			bound, err := b.commonTable(w, s)
			if err != nil {
				return nil, err
			}
			return b.named(bound, t.Name.Last(), w.table.Columns, t.Alias, s, t.Pos())
		}
	}
	if system, err := b.systemTable(t, s); system != nil || err != nil {
		return system, err
	}
	relation, err := b.relation(t.Name)
	if err != nil {
		return nil, err
	}
	if relation == nil {
		if v, err := b.view(t.Name); v != nil || err != nil {
			if err != nil {
				return nil, err
			}
			return b.viewItem(v, t, s)
		}
		if q := b.sequence(t.Name); q != nil {
			return b.sequenceState(q, t, s)
		}
		for _, schema := range b.env.userSchemas() {
			if table := b.systemTableIn(schema, t.Name); table != nil {
				return b.systemScan(table, t, s)
			}
		}
		return nil, b.undefinedTable(t.Name)
	}
	b.needRelation(relation, catalog.PrivilegeSelect)
	b.addSource(relation)
	return b.scan(relation, t, s)
}

// scanRow reads all of a relation's rows as they are stored: its columns are those
// of the relation by their numbers.
func (b *binder) scanRow(relation *catalog.Relation, t *ast.TableName, s *scope) (*fromItem, error) {
	item, err := b.scan(relation, t, s)
	if err != nil {
		return nil, err
	}
	scan := item.node.(*plan.Scan)
	if slices.IsSorted(scan.Fetch) {
		return item, nil
	}
	numbers := scan.Fetch
	for _, c := range item.scope.columns {
		number := numbers[c.value.(*expr.Column).Index]
		c.value = columnOf(plan.Column{Name: c.name, Type: c.value.Type()}, number)
	}
	item.node = newScan(relation, slices.Sorted(slices.Values(numbers)))
	return item, nil
}

// scan reads all of a relation; what is not needed is removed by a rule.
func (b *binder) scan(relation *catalog.Relation, t *ast.TableName, s *scope) (*fromItem, error) {
	var visible, fetch []int
	for i := range relation.Columns {
		fetch = append(fetch, i)
		if !relation.Columns[i].Hidden {
			visible = append(visible, i)
		}
	}
	if relation.Kind == catalog.KindStream {
		fetch = append(fetch, plan.FetchRowtime, plan.FetchRowPartition, plan.FetchRowOffset, plan.FetchHeaders)
	}
	node := newScan(b.asRead(relation), fetch)
	if relation.Kind == catalog.KindStream {
		node.Start = b.start.start
	}
	table := &scopeTable{schema: relation.Schema, name: relation.Name}
	names := make([]string, len(visible))
	for i, number := range visible {
		names[i] = relation.Columns[number].Name
	}
	names, err := applyAlias(table, names, t.Alias)
	if err != nil {
		return nil, err
	}
	inner := &scope{parent: s.parent, depth: s.depth, with: s.with}
	columns := append([]plan.Column{}, node.Columns()...)
	for i, number := range visible {
		columns[number].Name = names[i]
	}
	inner.addColumns(table, columns, visible, 0)
	if hasPrimaryKey(relation) {
		table.keyed = true
		for i, number := range visible {
			inner.columns[i].inKey = relation.IsKey(number)
		}
	}
	for i := len(relation.Columns); i < len(columns); i++ {
		if fetch[i] == plan.FetchHeaders {
			inner.addHeaders(table, i)
			continue
		}
		inner.addPseudocolumn(table, columns[i], i)
	}
	inner.addWindow(table, relation, columns, fetch)
	item := lockable{table: table, relation: relation}
	for _, number := range relation.Key {
		item.key = append(item.key, columnOf(columns[number], number))
	}
	inner.lockables = []lockable{item}
	return &fromItem{node: node, scope: inner}, nil
}

// hasPrimaryKey reports whether a table's key is one that clients declared.
func hasPrimaryKey(r *catalog.Relation) bool {
	return r.PrimaryKey() != nil
}

// systemTable binds a table of pg_catalog, information_schema or millrace; nil
// where the name is none of these. Without a schema pg_catalog comes before the
// search path.
func (b *binder) systemTable(t *ast.TableName, s *scope) (*fromItem, error) {
	if err := b.checkDatabase(t.Name.Catalog(), strings.Join(t.Name.Parts, "."), t.Pos()); err != nil {
		return nil, err
	}
	schema := t.Name.Schema()
	if schema == "" {
		schema = systables.SchemaPgCatalog
	}
	table := b.systemTableIn(schema, t.Name)
	if table == nil {
		return nil, nil
	}
	if err := b.env.refuseSecret(t.Name); err != nil {
		return nil, err
	}
	return b.systemScan(table, t, s)
}

// systemTableIn finds a system table by its name in a schema, which must be the
// name's own where it has one.
func (b *binder) systemTableIn(schema string, name *ast.Name) *systables.Table {
	if b.env.System == nil || name.Schema() != "" && name.Schema() != schema {
		return nil
	}
	return b.env.System.Lookup(schema, name.Last())
}

func (b *binder) systemScan(table *systables.Table, t *ast.TableName, s *scope) (*fromItem, error) {
	if err := b.refuse(t.Pos(), "a system table"); err != nil {
		return nil, err
	}
	scan := &plan.SystemScan{Schema: table.Schema, Name: table.Name, OID: table.OID}
	for i, c := range table.Columns {
		scan.Fetch = append(scan.Fetch, i)
		scan.Cols = append(scan.Cols, plan.Column{Name: c.Name, Type: c.Type, Table: table.OID, Attribute: int16(i + 1)})
	}
	scan.Properties = oneShot
	visible := len(scan.Cols)
	name := &scopeTable{schema: table.Schema, name: table.Name}
	if table.View() {
		return b.namedIn(&boundQuery{node: scan, visible: visible}, name, nil, t.Alias, s, t.Pos())
	}
	scan.Fetch = append(scan.Fetch, plan.FetchTableOID)
	scan.Cols = append(scan.Cols, plan.Column{Name: "tableoid", Type: types.OID})
	item, err := b.namedIn(&boundQuery{node: scan, visible: visible}, name, nil, t.Alias, s, t.Pos())
	if err == nil {
		item.scope.addPseudocolumn(name, scan.Cols[visible], visible)
	}
	return item, err
}

func (b *binder) derivedTable(t *ast.DerivedTable, s *scope) (*fromItem, error) {
	if t.Query.Emit != nil {
		return nil, notSupported(t.Query.Emit.Pos(), "EMIT is not allowed in a subquery")
	}
	bound, err := b.query(t.Query, s.parent, s.with)
	if err != nil {
		return nil, err
	}
	if err := b.settleColumns(bound); err != nil {
		return nil, err
	}
	if t.Alias == nil {
		return nil, sqlerr.New(sqlerr.SyntaxError, t.Pos(), "subquery in FROM must have an alias").
			WithHint("For example, FROM (SELECT ...) [AS] foo.")
	}
	item, err := b.named(bound, "", nil, t.Alias, s, t.Pos())
	if err == nil {
		item.scope.hideRows()
	}
	return item, err
}

// named gives a query in FROM its name and column names.
func (b *binder) named(bound *boundQuery, name string, columns []ast.Identifier, alias *ast.Alias, s *scope, pos int) (*fromItem, error) {
	return b.namedIn(bound, &scopeTable{name: name}, columns, alias, s, pos)
}

func (b *binder) namedIn(bound *boundQuery, table *scopeTable, declared []ast.Identifier, alias *ast.Alias, s *scope, pos int) (*fromItem, error) {
	names := columnNames(bound.node)[:bound.visible]
	if len(declared) > len(names) {
		return nil, sqlerr.New(sqlerr.InvalidColumnReference, pos, "WITH query %q has %d columns available but %d columns specified", table.name, len(names), len(declared))
	}
	for i := range declared {
		names[i] = declared[i].Value
	}
	names, err := applyAlias(table, names, alias)
	if err != nil {
		return nil, err
	}
	inner := &scope{parent: s.parent, depth: s.depth, with: s.with}
	columns := append([]plan.Column{}, bound.node.Columns()...)
	for i, name := range names {
		columns[i].Name = name
	}
	inner.addTable(table, columns, bound.visible, 0)
	return &fromItem{node: bound.node, scope: inner}, nil
}

// applyAlias renames a table and its first columns.
func applyAlias(table *scopeTable, names []string, alias *ast.Alias) ([]string, error) {
	if alias == nil {
		return names, nil
	}
	if table.name != alias.Name.Value {
		table.aliasOf = table.name
	}
	table.schema, table.name = "", alias.Name.Value
	if len(alias.Columns) > len(names) {
		return nil, sqlerr.New(sqlerr.InvalidColumnReference, alias.Pos(), "table %q has %d columns available but %d columns specified", table.name, len(names), len(alias.Columns))
	}
	names = append([]string{}, names...)
	for i := range alias.Columns {
		names[i] = alias.Columns[i].Value
	}
	return names, nil
}
