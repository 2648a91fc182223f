package expr

import (
	"slices"

	"millrace/sql/types"
)

// choose picks the best of the candidates for arguments of the given types:
// its number, or -1 and whether several were equally good. The steps are those
// of https://www.postgresql.org/docs/15/typeconv-func.html.
func choose(candidates []signatureOf, args []types.Type) (chosen int, ambiguous bool) {
	if i := exactMatch(candidates, args); i >= 0 {
		return i, false
	}
	var rest []int
	for i, c := range candidates {
		if c.accepts(len(args)) && canCall(c, args) {
			rest = append(rest, i)
		}
	}
	steps := []func([]signatureOf, []int, []types.Type) []int{
		mostExact, mostPreferred, bestCategory, likeKnown,
	}
	for _, step := range steps {
		if len(rest) <= 1 {
			break
		}
		rest = step(candidates, rest, args)
	}
	switch len(rest) {
	case 0:
		return -1, false
	case 1:
		return rest[0], false
	}
	return -1, true
}

// exactMatch returns the candidate whose arguments have just the given types,
// or -1.
func exactMatch(candidates []signatureOf, args []types.Type) int {
	return slices.IndexFunc(candidates, func(c signatureOf) bool {
		if !c.accepts(len(args)) {
			return false
		}
		for i, t := range args {
			if !c.at(i).SameKind(t) {
				return false
			}
		}
		return true
	})
}

// canCall reports whether every argument can be coerced implicitly.
func canCall(c signatureOf, args []types.Type) bool {
	for i, t := range args {
		declared := c.at(i)
		if !isPolymorphic(declared) && !CanCast(t, declared, Implicit) {
			return false
		}
	}
	_, err := bind(c, args)
	return err == nil || err == errUnknownPolymorphic
}

// mostExact keeps the candidates with the most arguments of exactly the given
// type.
func mostExact(candidates []signatureOf, rest []int, args []types.Type) []int {
	return keepBest(rest, func(c int) int {
		n := 0
		for i, t := range args {
			if t.Kind != types.KindUnknown && candidates[c].at(i).SameKind(t) {
				n++
			}
		}
		return n
	})
}

// mostPreferred keeps the candidates that take the most arguments as they are
// or as the preferred type of their category.
func mostPreferred(candidates []signatureOf, rest []int, args []types.Type) []int {
	return keepBest(rest, func(c int) int {
		n := 0
		for i, t := range args {
			declared := candidates[c].at(i)
			if t.Kind == types.KindUnknown {
				continue
			}
			if declared.SameKind(t) || isPreferred(declared) && categoryOf(declared) == categoryOf(t) {
				n++
			}
		}
		return n
	})
}

func keepBest(rest []int, score func(int) int) []int {
	best := -1
	var kept []int
	for _, c := range rest {
		switch n := score(c); {
		case n > best:
			best, kept = n, []int{c}
		case n == best:
			kept = append(kept, c)
		}
	}
	return kept
}

// bestCategory decides for each unknown argument which category the candidates
// want there (strings win) and keeps those that want it.
func bestCategory(candidates []signatureOf, rest []int, args []types.Type) []int {
	type wish struct {
		category  category
		preferred bool
	}
	wishes := make([]wish, len(args))
	for i, t := range args {
		if t.Kind != types.KindUnknown {
			continue
		}
		conflict := false
		w := &wishes[i]
		for _, c := range rest {
			declared := candidates[c].at(i)
			switch got := categoryOf(declared); {
			case w.category == categoryNone:
				*w = wish{got, isPreferred(declared)}
			case w.category == got:
				w.preferred = w.preferred || isPreferred(declared)
			case got == categoryString:
				*w = wish{got, isPreferred(declared)}
			default:
				conflict = true
			}
		}
		if conflict && w.category != categoryString {
			return rest
		}
	}
	kept := slices.DeleteFunc(slices.Clone(rest), func(c int) bool {
		for i, w := range wishes {
			declared := candidates[c].at(i)
			if w.category != categoryNone && (categoryOf(declared) != w.category || w.preferred && !isPreferred(declared)) {
				return true
			}
		}
		return false
	})
	if len(kept) == 0 {
		return rest
	}
	return kept
}

// likeKnown assumes, when all known arguments have one type, that the unknown
// ones have it too, and keeps the candidate if just one takes it everywhere.
func likeKnown(candidates []signatureOf, rest []int, args []types.Type) []int {
	var known types.Type
	anyUnknown := false
	for _, t := range args {
		switch {
		case t.Kind == types.KindUnknown:
			anyUnknown = true
		case known.Kind == types.KindUnknown:
			known = t
		case !known.SameKind(t):
			return rest
		}
	}
	if known.Kind == types.KindUnknown || !anyUnknown {
		return rest
	}
	same := make([]types.Type, len(args))
	for i := range same {
		same[i] = known
	}
	var kept []int
	for _, c := range rest {
		if canCall(candidates[c], same) {
			kept = append(kept, c)
		}
	}
	if len(kept) == 1 {
		return kept
	}
	return rest
}

// category is PostgreSQL's grouping of types for resolution
// (https://www.postgresql.org/docs/15/catalog-pg-type.html#CATALOG-TYPCATEGORY-TABLE).
type category byte

const (
	categoryNone     category = 0
	categoryArray    category = 'A'
	categoryBoolean  category = 'B'
	categoryStruct   category = 'C'
	categoryDateTime category = 'D'
	categoryEnum     category = 'E'
	categoryNumeric  category = 'N'
	categoryPseudo   category = 'P'
	categoryString   category = 'S'
	categoryInterval category = 'T'
	categoryUser     category = 'U'
	categoryUnknown  category = 'X'
	categoryInternal category = 'Z'
)

func categoryOf(t types.Type) category {
	if isPolymorphic(t) {
		return categoryPseudo
	}
	if t.Kind.IsReg() {
		return categoryNumeric
	}
	switch t.Kind {
	case types.KindUnknown:
		return categoryUnknown
	case types.KindBool:
		return categoryBoolean
	case types.KindInt2, types.KindInt4, types.KindInt8, types.KindFloat4, types.KindFloat8, types.KindNumeric,
		types.KindOID:
		return categoryNumeric
	case types.KindText, types.KindVarchar, types.KindBpchar, types.KindName:
		return categoryString
	case types.KindChar:
		return categoryInternal
	case types.KindDate, types.KindTime, types.KindTimeTZ, types.KindTimestamp, types.KindTimestampTZ:
		return categoryDateTime
	case types.KindInterval:
		return categoryInterval
	case types.KindArray:
		return categoryArray
	case types.KindStruct:
		return categoryStruct
	case types.KindEnum:
		return categoryEnum
	case types.KindVoid:
		return categoryPseudo
	}
	return categoryUser
}

func isPreferred(t types.Type) bool {
	switch t.Kind {
	case types.KindBool, types.KindFloat8, types.KindText, types.KindTimestampTZ, types.KindInterval, types.KindOID:
		return true
	}
	return false
}
