package shell

import (
	"fmt"
	"io"
	"strings"
)

// expandedPrinter prints a line per column and a rule per row (\x).
type expandedPrinter struct {
	out  io.Writer
	look look

	fields          []field
	names, values   int
	rows            [][]string
	count           int
	live, separated bool
}

func (p *expandedPrinter) begin(fields []field) {
	*p = expandedPrinter{out: p.out, look: p.look, fields: fields}
	for _, f := range fields {
		p.names = max(p.names, cellWidth(strings.ReplaceAll(f.name, "\n", " ")))
	}
}

func (p *expandedPrinter) row(values [][]byte) {
	cells := make([]string, len(values))
	for i, value := range values {
		cells[i] = p.look.null
		if value != nil {
			cells[i] = printable(string(value))
		}
		p.values = max(p.values, cellWidth(cells[i]))
	}
	if p.live {
		p.print(cells)
		return
	}
	p.rows = append(p.rows, cells)
}

func (p *expandedPrinter) pause() {
	if !p.live {
		p.live = true
		if !p.look.tuplesOnly {
			writeTitle(p.out, p.look.title, 0)
		}
		for _, cells := range p.rows {
			p.print(cells)
		}
		p.rows = nil
	}
}

func (p *expandedPrinter) abandon() { p.rows = nil }

func (p *expandedPrinter) end() {
	p.pause()
	switch {
	case p.look.tuplesOnly:
	case p.count == 0 || len(p.fields) == 0:
		fmt.Fprintln(p.out, rowCount(p.count))
	case len(p.look.footers) > 0:
		fmt.Fprintln(p.out)
		for _, footer := range p.look.footers {
			fmt.Fprintln(p.out, footer)
		}
	}
	fmt.Fprintln(p.out)
}

func (p *expandedPrinter) print(cells []string) {
	p.count++
	if len(cells) == 0 {
		return
	}
	var text strings.Builder
	switch {
	case !p.look.tuplesOnly:
		p.rule(&text)
	case p.separated:
		text.WriteString(strings.Repeat("-", p.names+1) + "+" + strings.Repeat("-", p.values+1) + "\n")
	}
	p.separated = true
	for i, cell := range cells {
		name := strings.ReplaceAll(p.fields[i].name, "\n", " ")
		lines := strings.Split(cell, "\n")
		for n, line := range lines {
			text.WriteString(name + strings.Repeat(" ", p.names-cellWidth(name)) + " |")
			if name = ""; line != "" || n+1 < len(lines) {
				text.WriteString(" " + line)
			} else {
				text.WriteString(" ")
			}
			if n+1 < len(lines) {
				text.WriteString(strings.Repeat(" ", p.values-cellWidth(line)) + "+")
			}
			text.WriteByte('\n')
		}
	}
	_, _ = io.WriteString(p.out, text.String())
}

// rule writes the line that begins a row.
func (p *expandedPrinter) rule(text *strings.Builder) {
	label := fmt.Sprintf("-[ RECORD %d ]", p.count)
	text.WriteString(label)
	for column := len(label); column < p.names+3+p.values; column++ {
		if column == p.names+1 {
			text.WriteByte('+')
			continue
		}
		text.WriteByte('-')
	}
	text.WriteByte('\n')
}
