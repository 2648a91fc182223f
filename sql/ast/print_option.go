package ast

import "strings"

// withOptions writes WITH (…), nothing if there are no options.
func (p *printer) withOptions(options []*Option) {
	parenthesizedClause(p, " WITH ", options)
}

func (n *Option) format(p *printer) {
	p.optionName(n.Name)
	p.optional(" = ", n.Value)
}

// optionName writes the name of an option: its parts where they are plain
// words, else a string.
func (p *printer) optionName(name string) {
	for _, part := range strings.Split(name, ".") {
		if !isPlainName(part) {
			p.quotedString(name)
			return
		}
	}
	p.text(name)
}

// spacedOptions writes (name value, …) behind a piece of text, nothing if
// there are no options.
func (p *printer) spacedOptions(before string, options []*Option) {
	if len(options) == 0 {
		return
	}
	p.text(before, "(")
	for i, option := range options {
		p.when(i > 0, ", ")
		switch {
		case option.Name == "analyze":
			// Reserved, but an option of EXPLAIN and VACUUM.
			p.text(option.Name)
		case reservedWords.has(option.Name), option.Name == "values":
			// VALUES behind a parenthesis would begin a query.
			p.quotedName(option.Name)
		default:
			p.label(option.Name)
		}
		p.optional(" ", option.Value)
	}
	p.text(")")
}

// wordOptions writes options that are named by words of the grammar, with a
// space in front of each.
func (p *printer) wordOptions(options []*Option) {
	for _, option := range options {
		p.text(" ", strings.ToUpper(option.Name))
		switch value := option.Value.(type) {
		case nil:
		case *List:
			clause(p, " ", value.Items)
		default:
			p.node(" ", value)
		}
	}
}

func (n *Word) format(p *printer) {
	parts := strings.Split(n.Value, ".")
	for _, part := range parts {
		if !isPlainName(part) {
			p.quotedName(n.Value)
			return
		}
	}
	for i, part := range parts {
		p.when(i > 0, ".")
		// ON is reserved but may be a value.
		if reservedWords.has(part) && n.Value != "on" {
			p.quotedName(part)
		} else {
			p.text(part)
		}
	}
}

func (n *List) format(p *printer) {
	p.text("(")
	commaList(p, n.Items)
	p.text(")")
}

// setting writes the name of a setting. The words given would be read
// otherwise at this place.
func (p *printer) setting(name string, words ...string) {
	parts := strings.Split(name, ".")
	for _, part := range parts {
		if part == "" {
			p.quotedName(name)
			return
		}
	}
	for i, part := range parts {
		p.when(i > 0, ".")
		if i == 0 {
			p.nameUnless(part, words...)
		} else {
			p.name(part)
		}
	}
}

// behavior writes CASCADE or RESTRICT.
func (p *printer) behavior(b Behavior) {
	p.when(b == Cascade, " CASCADE")
	p.when(b == Restrict, " RESTRICT")
}
