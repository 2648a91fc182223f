package ast

import (
	"strconv"
	"strings"
)

func (t *TypeName) format(p *printer) {
	p.when(t.SetOf, "SETOF ")
	switch {
	case t.Element != nil:
		p.node("ARRAY<", t.Element)
		p.text(">")
	case t.Key != nil:
		p.node("MAP<", t.Key)
		p.node(", ", t.Value)
		p.text(">")
	case t.Fields != nil:
		p.text("STRUCT<")
		commaList(p, t.Fields)
		p.text(">")
	default:
		t.formatName(p)
	}
	for _, bound := range t.ArrayBounds {
		if bound < 0 {
			p.text("[]")
		} else {
			p.text("[", strconv.Itoa(bound), "]")
		}
	}
}

// formatName writes the name and the modifiers.
func (t *TypeName) formatName(p *printer) {
	for _, part := range t.Qualifier {
		p.name(part)
		p.text(".")
	}
	switch {
	case len(t.Qualifier) > 0:
		p.name(t.Name)
	case t.isBuiltin():
		p.text(t.Name)
	default:
		p.functionName(t.Name)
	}
	if t.IntervalFields != "" {
		p.intervalFields(t)
		return
	}
	if len(t.Modifiers) > 0 {
		p.text("(")
		commaList(p, t.Modifiers)
		p.text(")")
	}
}

// isBuiltin says whether the name is a keyword and the modifiers are what the
// grammar takes behind it.
func (t *TypeName) isBuiltin() bool {
	switch t.Name {
	case "numeric":
		return true
	case "bit":
		return len(t.Modifiers) > 0
	case "varchar", "time", "timestamp", "interval":
		if len(t.Modifiers) > 1 {
			return false
		}
		for _, modifier := range t.Modifiers {
			if _, ok := modifier.(*IntegerLiteral); !ok {
				return false
			}
		}
		return true
	}
	return false
}

// intervalFields writes the fields of an interval, with the precision of its
// seconds.
func (p *printer) intervalFields(t *TypeName) {
	p.text(" ", strings.ToUpper(t.IntervalFields))
	if len(t.Modifiers) > 0 {
		p.text("(")
		commaList(p, t.Modifiers)
		p.text(")")
	}
}

func (f *TypeField) format(p *printer) {
	p.name(f.Name.Value)
	p.node(" ", f.Type)
	p.collation(f.Collation)
}

// collation writes COLLATE and a name, nothing if it is nil.
func (p *printer) collation(name *Name) {
	if name != nil {
		p.node(" COLLATE ", name)
	}
}
