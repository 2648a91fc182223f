package session

import (
	"context"
	"reflect"

	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// noParameters is the error of a statement with $1 where no value can be given.
func noParameters(st *statement) error {
	var first *ast.Parameter
	eachParameter(reflect.ValueOf(st.tree), func(p *ast.Parameter) {
		if first == nil {
			first = p
		}
	})
	if first == nil {
		return sqlerr.New(sqlerr.UndefinedParameter, -1, "there is no parameter $1")
	}
	return sqlerr.New(sqlerr.UndefinedParameter, first.Pos(), "there is no parameter $%d", first.Number)
}

// eachParameter calls f with the parameters in a tree. Rare statements and errors alone
// need it, so that it may take its time.
func eachParameter(v reflect.Value, f func(*ast.Parameter)) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return
		}
		if p, ok := v.Interface().(*ast.Parameter); ok {
			f(p)
			return
		}
		eachParameter(v.Elem(), f)
	case reflect.Struct:
		for i := range v.NumField() {
			eachParameter(v.Field(i), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachParameter(v.Index(i), f)
		}
	}
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
