package session

import (
	"context"
	"reflect"

	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// noParameters is the error of a statement with $1 where no value can be given.
func noParameters(st *statement) error {
	position, number := -1, 1
	if p := findParameter(reflect.ValueOf(st.tree)); p != nil {
		position, number = p.Pos(), p.Number
	}
	return sqlerr.New(sqlerr.UndefinedParameter, position, "there is no parameter $%d", number)
}

// findParameter returns the first parameter in a tree, or nil. Errors alone need
// it, so that it may take its time.
func findParameter(v reflect.Value) *ast.Parameter {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		if p, ok := v.Interface().(*ast.Parameter); ok {
			return p
		}
		return findParameter(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if p := findParameter(v.Field(i)); p != nil {
				return p
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if p := findParameter(v.Index(i)); p != nil {
				return p
			}
		}
	}
	return nil
}

// runOwn runs a statement that the session knows itself. As start, it returns
// the tag or sets the portal's rows.
func (s *Session) runOwn(ctx context.Context, p *portal) (tag string, err error) {
	switch n := p.statement.tree.(type) {
	case *ast.Begin:
		return s.begin(n)
	case *ast.Commit:
		return s.commitStatement(ctx, n)
	case *ast.Rollback:
		return s.rollbackStatement(n)
	case *ast.Savepoint:
		return s.savepointStatement(n)
	case *ast.ReleaseSavepoint:
		return s.release(n)
	case *ast.RollbackTo:
		return s.rollbackTo(n)
	case *ast.SetTransaction:
		return s.setTransaction(n)
	case *ast.SetVariable:
		return s.setVariable(n)
	case *ast.ResetVariable:
		return s.resetVariable(n)
	case *ast.ShowVariable:
		return "", s.startShow(p, n)
	case *ast.Prepare:
		return s.prepareStatement(n, p.statement.text)
	case *ast.Execute:
		return s.executeStatement(ctx, p, n)
	case *ast.Deallocate:
		return s.deallocate(n)
	case *ast.Discard:
		return s.discard(n)
	case *ast.Fetch:
		return s.fetch(ctx, p, n)
	case *ast.CloseCursor:
		return s.closeCursorStatement(n)
	case *ast.SetConstraints:
		return "SET CONSTRAINTS", nil
	case *ast.Listen:
		return s.listen(n)
	case *ast.Unlisten:
		return s.unlisten(n)
	case *ast.Notify:
		return s.notifyStatement(n)
	default:
		return "", unsupported(n)
	}
}

// unsupported is the error of a statement that is understood and not done.
func unsupported(tree ast.Statement) error {
	name, hint := "this statement", ""
	switch tree.(type) {
	case *ast.Listen:
		name, hint = "LISTEN", "Follow a stream with SELECT … EMIT CHANGES instead."
	case *ast.PrepareTransaction:
		name = "PREPARE TRANSACTION"
	case *ast.FinishPrepared:
		name = "COMMIT PREPARED and ROLLBACK PREPARED"
	}
	err := sqlerr.New(sqlerr.FeatureNotSupported, tree.Pos(), "%s is not supported", name)
	if hint != "" {
		err = err.WithHint("%s", hint)
	}
	return err
}
