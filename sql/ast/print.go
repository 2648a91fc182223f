package ast

import "strings"

// String prints a node as SQL on one line, keywords in upper case and names
// quoted only where they must be. Parsing the text gives an equal tree.
func String(n Node) string {
	p := printer{}
	n.format(&p)
	return p.b.String()
}

// printer gathers the text of a tree. Each node's format method writes it
// without space around it.
type printer struct {
	b strings.Builder
}

// text writes pieces of text as they are.
func (p *printer) text(pieces ...string) {
	for _, piece := range pieces {
		p.b.WriteString(piece)
	}
}

// when writes text if a condition holds.
func (p *printer) when(condition bool, text string) {
	if condition {
		p.b.WriteString(text)
	}
}

// node writes a node behind a piece of text.
func (p *printer) node(before string, n Node) {
	p.b.WriteString(before)
	n.format(p)
}

// commaList writes nodes with commas between them.
func commaList[T Node](p *printer, nodes []T) {
	for i, n := range nodes {
		p.when(i > 0, ", ")
		n.format(p)
	}
}

// clause writes a list behind a piece of text, nothing if it is empty.
func clause[T Node](p *printer, before string, nodes []T) {
	if len(nodes) > 0 {
		p.text(before)
		commaList(p, nodes)
	}
}

// parenthesizedClause writes a list in parentheses behind a piece of text,
// nothing if it is empty.
func parenthesizedClause[T Node](p *printer, before string, nodes []T) {
	if len(nodes) > 0 {
		p.text(before, "(")
		commaList(p, nodes)
		p.text(")")
	}
}

// optional writes an expression behind a piece of text, nothing if it is nil.
func (p *printer) optional(before string, e Expr) {
	if e != nil {
		p.node(before, e)
	}
}

// optionalIdentifier writes a name behind a piece of text, nothing if it is nil.
func (p *printer) optionalIdentifier(before string, i *Identifier) {
	if i != nil {
		p.text(before)
		p.name(i.Value)
	}
}

// identifiers writes names with commas between them.
func (p *printer) identifiers(list []Identifier) {
	for i, identifier := range list {
		p.when(i > 0, ", ")
		p.name(identifier.Value)
	}
}

// parenthesizedIdentifiers writes names in parentheses behind a piece of
// text, nothing if there are none.
func (p *printer) parenthesizedIdentifiers(before string, list []Identifier) {
	if len(list) > 0 {
		p.text(before, "(")
		p.identifiers(list)
		p.text(")")
	}
}

// name writes a name of a column, table or most other things.
func (p *printer) name(name string) {
	if isPlainName(name) && !reservedWords.has(name) && !columnNameWords.has(name) && !functionNameWords.has(name) {
		p.text(name)
		return
	}
	p.quotedName(name)
}

// functionName writes a name of a function or type.
func (p *printer) functionName(name string) {
	if isPlainName(name) && !reservedWords.has(name) && !columnNameWords.has(name) {
		p.text(name)
		return
	}
	p.quotedName(name)
}

// nameUnless writes a name, in quotes where it is one of the words that would
// be read otherwise at this place.
func (p *printer) nameUnless(name string, words ...string) {
	for _, word := range words {
		if name == word {
			p.quotedName(name)
			return
		}
	}
	p.name(name)
}

// label writes a word where every keyword is a name, quoted if it must be.
func (p *printer) label(name string) {
	if isPlainName(name) {
		p.text(name)
		return
	}
	p.quotedName(name)
}

// names writes a qualified name.
func (p *printer) names(parts []string) {
	for i, part := range parts {
		p.when(i > 0, ".")
		p.name(part)
	}
}

// quotedName writes a name in double quotes.
func (p *printer) quotedName(name string) {
	p.text(`"`, strings.ReplaceAll(name, `"`, `""`), `"`)
}

// quotedString writes a string constant.
func (p *printer) quotedString(value string) {
	p.text("'", strings.ReplaceAll(value, "'", "''"), "'")
}

// isPlainName says whether a name is the same without quotes, if it is no
// keyword: a letter or _ in front, no upper case.
func isPlainName(name string) bool {
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c == '_', c >= 0x80:
		case i > 0 && (c >= '0' && c <= '9' || c == '$'):
		default:
			return false
		}
	}
	return name != ""
}

func (i *Identifier) format(p *printer) { p.name(i.Value) }
func (n *Name) format(p *printer)       { p.names(n.Parts) }
