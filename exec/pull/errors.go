package pull

import (
	"context"

	"millrace/sql/expr"
	"millrace/sql/sqlerr"
)

func notSupported(what string) error {
	return sqlerr.New(sqlerr.FeatureNotSupported, -1, "%s are not supported in a pull query", what)
}

// ended returns the reason why ctx has ended, or nil.
func ended(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

// firstFailure returns the lowest row that failed in the current evaluation and
// its error, or a nil error.
func firstFailure(ctx *expr.Context) (int, error) {
	if len(ctx.Errors) == 0 {
		return 0, nil
	}
	first := ctx.Errors[0]
	for _, e := range ctx.Errors[1:] {
		if e.Row < first.Row {
			first = e
		}
	}
	return int(first.Row), first.Err
}
