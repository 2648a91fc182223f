package session

import (
	"context"
	"errors"

	"millrace/sql/sqlerr"
)

// errStatementTimeout ends a statement that ran for longer than
// statement_timeout.
var errStatementTimeout = sqlerr.New(sqlerr.QueryCanceled, -1, "canceling statement due to statement timeout")

// interrupted returns what a client is told when its statement failed: why the
// statement was ended, where it was ended from outside, else the error itself.
func interrupted(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	if code := sqlerr.CodeOf(err); code != sqlerr.InternalError && code != sqlerr.QueryCanceled {
		if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	cause := context.Cause(ctx)
	if known, ok := errors.AsType[*sqlerr.Error](cause); ok {
		return known
	}
	return sqlerr.New(sqlerr.QueryCanceled, -1, "canceling statement due to user request")
}

// withStatementTimeout returns a context that ends when statement_timeout has
// passed.
func (s *Session) withStatementTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.settings.statementTimeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, s.settings.statementTimeout, errStatementTimeout)
}
