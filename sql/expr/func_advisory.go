package expr

import (
	"strings"

	"millrace/sql/types"
)

// AdvisoryKey names an advisory lock: a bigint in two halves with Sub 1, or two integers
// with Sub 2.
type AdvisoryKey struct {
	Class, Object uint32
	Sub           uint8
}

// AdvisoryMode says how an advisory lock is taken: until the transaction ends instead of
// the session, and only where nobody has to be waited for.
type AdvisoryMode struct {
	Transaction, Try bool
}

// defineAdvisory defines the functions of advisory locks
// (https://www.postgresql.org/docs/15/functions-admin.html#FUNCTIONS-ADVISORY-LOCKS).
func (b *builder) defineAdvisory() {
	for _, parameters := range []string{"int8", "int4,int4"} {
		for _, scope := range []string{"", "xact_"} {
			for _, suffix := range []string{"", "_shared"} {
				how := AdvisoryMode{Transaction: scope != ""}
				b.function("pg_advisory_"+scope+"lock"+suffix, parameters, "void", advisoryLock(suffix != "", how), "takes an advisory lock", volatile)
				how.Try = true
				b.function("pg_try_advisory_"+scope+"lock"+suffix, parameters, "bool", advisoryLock(suffix != "", how),
					"takes an advisory lock where it is free", volatile)
			}
		}
		for _, suffix := range []string{"", "_shared"} {
			b.function("pg_advisory_unlock"+suffix, parameters, "bool", advisoryUnlock(suffix != ""), "releases an advisory lock of the session", volatile)
		}
	}
	b.function("pg_advisory_unlock_all", "", "void", onSession(func(s Session) (types.Datum, error) {
		s.AdvisoryUnlockAll()
		return types.StringDatum(""), nil
	}), "releases all advisory locks of the session", volatile)
}

// IsAdvisory reports whether a function is one of advisory locks.
func IsAdvisory(name string) bool {
	return strings.HasPrefix(name, "pg_advisory_") || strings.HasPrefix(name, "pg_try_advisory_")
}

func advisoryKey(row []types.Datum) AdvisoryKey {
	if len(row) == 2 {
		return AdvisoryKey{Class: uint32(row[0].Int), Object: uint32(row[1].Int), Sub: 2}
	}
	return AdvisoryKey{Class: uint32(row[0].Int >> 32), Object: uint32(row[0].Int), Sub: 1}
}

func advisoryLock(shared bool, how AdvisoryMode) Kernel {
	return liftRows(func(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		if ctx.Session == nil {
			return types.Null, nil
		}
		locked, err := ctx.Session.AdvisoryLock(advisoryKey(row), shared, how, ctx.Done)
		if how.Try {
			return types.BoolDatum(locked), err
		}
		return types.StringDatum(""), err
	})
}

func advisoryUnlock(shared bool) Kernel {
	return liftRows(func(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		if ctx.Session == nil {
			return types.Null, nil
		}
		held, err := ctx.Session.AdvisoryUnlock(advisoryKey(row), shared)
		return types.BoolDatum(held), err
	})
}
