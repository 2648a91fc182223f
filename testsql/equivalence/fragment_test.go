package equivalence

import (
	"slices"
	"strings"
	"time"
)

// fragment is a piece of generated SQL, kept as a tree so that a statement that
// shows a difference can be made smaller.
type fragment struct {
	// typ is the SQL type where the fragment is an expression.
	typ string
	// text holds the SQL, with {} in the place of each part. Where separator is
	// set it stands before the parts, which are joined; without parts a list is
	// nothing.
	text      string
	separator string
	parts     []*fragment
	// optional fragments may be left out.
	optional bool
	gone     bool
	// alias says that the fragment is the name of an output column.
	alias bool
	// instead replaces the fragment.
	instead *fragment
	// theirs is what PostgreSQL has in the fragment's place, made of the same parts,
	// where it is not the same text.
	theirs *fragment
}

func piece(text string, parts ...*fragment) *fragment { return &fragment{text: text, parts: parts} }

func expression(typ, text string, parts ...*fragment) *fragment {
	return &fragment{typ: typ, text: text, parts: parts}
}

func list(before, separator string, parts ...*fragment) *fragment {
	return &fragment{text: before, separator: separator, parts: parts}
}

// maybe marks a fragment as one that may be left out.
func maybe(f *fragment) *fragment {
	f.optional = true
	return f
}

// String returns the SQL in Millrace.
func (f *fragment) String() string { return f.render(false) }

// forPostgres returns the SQL in PostgreSQL.
func (f *fragment) forPostgres() string { return f.render(true) }

func (f *fragment) render(postgres bool) string {
	switch {
	case f.gone:
		return ""
	case f.instead != nil:
		return f.instead.render(postgres)
	case f.theirs != nil && postgres:
		return f.theirs.render(true)
	case f.separator != "":
		var parts []string
		for _, part := range f.parts {
			if text := part.render(postgres); text != "" {
				parts = append(parts, text)
			}
		}
		if len(parts) == 0 {
			return ""
		}
		return f.text + strings.Join(parts, f.separator)
	case len(f.parts) == 0:
		return f.text
	}
	var out strings.Builder
	rest := f.text
	for _, part := range f.parts {
		before, after, _ := strings.Cut(rest, "{}")
		out.WriteString(before)
		out.WriteString(part.render(postgres))
		rest = after
	}
	out.WriteString(rest)
	return out.String()
}

// shrink makes fragments smaller, greedily, as long as fails holds for what is
// left, and stops at the deadline.
func shrink(roots []*fragment, deadline time.Time, fails func() bool) {
	for progress := true; progress; {
		progress = false
		for _, root := range roots {
			root.visit(func(f *fragment) {
				if time.Now().Before(deadline) && f.simplify(fails) {
					progress = true
				}
			})
		}
	}
}

// visit calls do for every fragment that is part of the SQL, outer ones first.
func (f *fragment) visit(do func(*fragment)) {
	if f.gone {
		return
	}
	do(f)
	switch {
	case f.gone:
	case f.instead != nil:
		f.instead.visit(do)
	default:
		for _, part := range f.parts {
			part.visit(do)
		}
	}
}

// simplify tries to leave the fragment out, to replace it by a literal or by a
// part of the same type, and reports whether one of these still fails.
func (f *fragment) simplify(fails func() bool) bool {
	if f.optional {
		f.gone = true
		if fails() {
			return true
		}
		f.gone = false
	}
	if f.separator != "" && f.dropChunks(fails) {
		return true
	}
	if f.typ == "" || f.instead != nil || len(f.parts) == 0 {
		return false
	}
	candidates := []*fragment{expression(f.typ, "NULL::"+f.typ)}
	if t := typeNamed[f.typ]; t != nil {
		candidates = append(candidates, expression(f.typ, t.literal(t.values[0])))
	}
	for _, part := range f.parts {
		part.visit(func(inner *fragment) {
			if inner.typ == f.typ {
				candidates = append(candidates, inner)
			}
		})
	}
	for _, candidate := range candidates {
		f.instead = candidate
		if fails() {
			return true
		}
	}
	f.instead = nil
	return false
}

// dropChunks tries to leave out many parts of a long list at once.
func (f *fragment) dropChunks(fails func() bool) bool {
	var live []*fragment
	for _, part := range f.parts {
		if part.optional && !part.gone {
			live = append(live, part)
		}
	}
	dropped := false
	for size := len(live) / 2; size >= 4; size /= 2 {
		for chunk := range slices.Chunk(live, size) {
			if chunk[0].gone {
				continue
			}
			setGone(chunk, true)
			if fails() {
				dropped = true
			} else {
				setGone(chunk, false)
			}
		}
		live = slices.DeleteFunc(live, func(part *fragment) bool { return part.gone })
	}
	return dropped
}

func setGone(fragments []*fragment, gone bool) {
	for _, f := range fragments {
		f.gone = gone
	}
}
