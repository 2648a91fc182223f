package planner

import (
	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// changesOf binds CHANGES OF table: the changelog of a table, source or derived,
// as a stream. Its rows are the table's with the pseudocolumns rowop, what the
// change did, and rowtime, when it did.
func (b *binder) changesOf(t *ast.TableName, s *scope) (*fromItem, error) {
	relation, err := b.relation(t.Name)
	if err != nil {
		return nil, err
	}
	switch {
	case relation == nil:
		return nil, b.undefinedTable(t.Name)
	case relation.Kind == catalog.KindStream:
		return nil, sqlerr.New(sqlerr.WrongObjectType, t.Pos(), "%q is a stream", relation.Name).
			WithHint("CHANGES OF is for tables; the rows of a stream are its changes.")
	case b.mode == modePull:
		return nil, notSupported(t.Pos(), "CHANGES OF is not supported in a query that runs once").
			WithHint("SELECT … FROM CHANGES OF %s EMIT CHANGES gives the changes from now on; CREATE STREAM … AS SELECT rowop, * FROM CHANGES OF %s keeps them.", relation.Name, relation.Name)
	}
	item, err := b.changelog(relation, t, s)
	if err != nil {
		return nil, err
	}
	columns := item.node.Columns()
	for i := len(relation.Columns); i < len(columns); i++ {
		item.scope.addPseudocolumn(item.scope.tables[0], columns[i], i)
	}
	return item, nil
}

// changelog scans the changes of a table: its columns, then what each change did and
// when.
func (b *binder) changelog(relation *catalog.Relation, t *ast.TableName, s *scope) (*fromItem, error) {
	b.needRelation(relation, catalog.PrivilegeSelect)
	b.addSource(relation)
	item, err := b.scan(relation, t, s)
	if err != nil {
		return nil, err
	}
	scan := item.node.(*plan.Scan)
	fetch := append(scan.Fetch[:len(relation.Columns):len(relation.Columns)], plan.FetchRowOp, plan.FetchRowtime)
	item.node = newChangesScan(relation, fetch)
	for _, table := range item.scope.tables {
		table.keyed = false // one row's changes have one key
	}
	return item, nil
}
