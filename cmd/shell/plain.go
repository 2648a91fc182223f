package shell

import (
	"fmt"
	"io"
	"strings"
)

// plainPrinter prints rows without alignment, as they come: unaligned and CSV.
type plainPrinter struct {
	out   io.Writer
	look  look
	names []string
	count int
}

func (p *plainPrinter) begin(fields []field) {
	p.names, p.count = nil, 0
	for _, f := range fields {
		p.names = append(p.names, f.name)
	}
	if p.look.tuplesOnly {
		return
	}
	if p.look.title != "" && p.look.format == Unaligned {
		fmt.Fprintln(p.out, p.look.title)
	}
	if !p.look.expanded {
		p.line(p.names)
	}
}

func (p *plainPrinter) row(values [][]byte) {
	p.count++
	if len(values) == 0 {
		return
	}
	cells := make([]string, len(values))
	for i, value := range values {
		cells[i] = p.look.null
		if value != nil {
			cells[i] = string(value)
		}
	}
	if !p.look.expanded {
		p.line(cells)
		return
	}
	titled := p.look.title != "" && !p.look.tuplesOnly
	if (p.count > 1 || titled) && p.look.format == Unaligned {
		fmt.Fprintln(p.out)
	}
	for i, cell := range cells {
		p.line([]string{p.names[i], cell})
	}
}

func (p *plainPrinter) pause() {}

func (p *plainPrinter) abandon() {}

func (p *plainPrinter) end() {
	if p.look.format == Unaligned && !p.look.expanded {
		writeFooters(p.out, p.look, p.count)
	}
}

// line prints the values of one line.
func (p *plainPrinter) line(cells []string) {
	if p.look.format == Unaligned {
		_, _ = io.WriteString(p.out, strings.Join(cells, p.look.separator)+"\n")
		return
	}
	quoted := make([]string, len(cells))
	for i, cell := range cells {
		quoted[i] = cell
		if strings.ContainsAny(cell, ",\"\r\n") || cell == `\.` {
			quoted[i] = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
		}
	}
	_, _ = io.WriteString(p.out, strings.Join(quoted, ",")+"\n")
}
