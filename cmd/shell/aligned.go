package shell

import (
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

// alignedPrinter prints tables with columns of equal width. It gathers rows until the
// end to find the widths, or until a pause: then rows print as they come, in columns
// that become wider where a value needs it.
type alignedPrinter struct {
	out    io.Writer
	look   look
	styled bool

	fields []field
	widths []int
	rows   [][]string
	count  int
	// live says that the header is printed.
	live bool
	// mark is the column that says what a row of a push does, or -1.
	mark int
}

func (p *alignedPrinter) begin(fields []field) {
	p.fields, p.rows, p.count, p.live, p.mark = fields, nil, 0, false, -1
	p.widths = make([]int, len(fields))
	for i, f := range fields {
		p.widths[i] = cellWidth(f.name)
		if f.name == "rowop" {
			p.mark = i
		}
	}
}

func (p *alignedPrinter) row(values [][]byte) {
	cells := make([]string, len(values))
	for i, value := range values {
		cells[i] = p.look.null
		if value != nil {
			cells[i] = printable(string(value))
		}
		p.widths[i] = max(p.widths[i], cellWidth(cells[i]))
	}
	p.count++
	if p.live {
		p.print(cells)
		return
	}
	p.rows = append(p.rows, cells)
}

func (p *alignedPrinter) pause() {
	if p.live {
		return
	}
	for i, f := range p.fields {
		p.widths[i] = max(p.widths[i], usualWidth(f.typeOID))
	}
	p.show()
}

// show prints the header and what is gathered.
func (p *alignedPrinter) show() {
	p.live = true
	if !p.look.tuplesOnly {
		p.header()
	}
	for _, cells := range p.rows {
		p.print(cells)
	}
	p.rows = nil
}

func (p *alignedPrinter) abandon() {
	if p.live {
		fmt.Fprintln(p.out)
	}
	p.rows = nil
}

func (p *alignedPrinter) end() {
	if !p.live {
		p.show()
	}
	writeFooters(p.out, p.look, p.count)
	fmt.Fprintln(p.out)
}

// writeFooters prints what stands below a table.
func writeFooters(out io.Writer, look look, count int) {
	switch {
	case look.tuplesOnly:
	case look.footers != nil:
		for _, footer := range look.footers {
			fmt.Fprintln(out, footer)
		}
	default:
		fmt.Fprintln(out, rowCount(count))
	}
}

func rowCount(count int) string {
	if count == 1 {
		return "(1 row)"
	}
	return fmt.Sprintf("(%d rows)", count)
}

func (p *alignedPrinter) header() {
	total := 3*len(p.fields) - 1
	for _, width := range p.widths {
		total += width
	}
	writeTitle(p.out, p.look.title, total)
	if len(p.fields) == 0 {
		fmt.Fprintln(p.out, "--")
		return
	}
	height := 1
	rules := make([]string, len(p.fields))
	for i, f := range p.fields {
		height = max(height, 1+strings.Count(f.name, "\n"))
		rules[i] = strings.Repeat("-", p.widths[i]+2)
	}
	for n := range height {
		names := make([]string, len(p.fields))
		for i, f := range p.fields {
			names[i] = centered(strings.Split(f.name, "\n"), n, p.widths[i])
		}
		fmt.Fprintln(p.out, strings.Join(names, "|"))
	}
	fmt.Fprintln(p.out, strings.Join(rules, "+"))
}

// centered is line n of a column's name, with a mark if more follow.
func centered(lines []string, n, width int) string {
	line, mark := "", " "
	if n < len(lines) {
		line = lines[n]
	}
	if n+1 < len(lines) {
		mark = "+"
	}
	space := width - cellWidth(line)
	return " " + strings.Repeat(" ", space/2) + line + strings.Repeat(" ", (space+1)/2) + mark
}

// writeTitle prints a title in the middle of a width.
func writeTitle(out io.Writer, title string, total int) {
	if title == "" {
		return
	}
	if space := total - cellWidth(title); space > 0 {
		title = strings.Repeat(" ", space/2) + title
	}
	fmt.Fprintln(out, title)
}

// print prints one row, whose values may have several lines.
func (p *alignedPrinter) print(cells []string) {
	if len(cells) == 0 {
		return
	}
	lines := make([][]string, len(cells))
	height := 1
	for i, cell := range cells {
		lines[i] = strings.Split(cell, "\n")
		height = max(height, len(lines[i]))
	}
	var text strings.Builder
	for n := range height {
		for i := range cells {
			p.cell(&text, i, n, lines[i])
		}
		text.WriteByte('\n')
	}
	start, end := p.style(cells)
	_, _ = io.WriteString(p.out, start+strings.TrimSuffix(text.String(), "\n")+end+"\n")
}

// cell prints line n of column i of a row.
func (p *alignedPrinter) cell(text *strings.Builder, i, n int, lines []string) {
	last := i == len(p.widths)-1
	if i > 0 {
		text.WriteByte('|')
	}
	line := ""
	if n < len(lines) {
		line = lines[n]
	}
	space := strings.Repeat(" ", max(0, p.widths[i]-cellWidth(line)))
	more := n+1 < len(lines)
	text.WriteByte(' ')
	switch {
	case isNumeric(p.fields[i].typeOID) && n < len(lines):
		text.WriteString(space + line)
	case !last || more:
		text.WriteString(line + space)
	default:
		text.WriteString(line)
	}
	switch {
	case more:
		text.WriteByte('+')
	case !last:
		text.WriteByte(' ')
	}
}

// style marks the rows of a push by colour, at a terminal: what comes and what goes.
func (p *alignedPrinter) style(cells []string) (start, end string) {
	if !p.styled || p.mark < 0 {
		return "", ""
	}
	switch cells[p.mark] {
	case "insert":
		return "\x1b[32m", "\x1b[0m"
	case "update":
		return "\x1b[33m", "\x1b[0m"
	case "delete":
		return "\x1b[31m", "\x1b[0m"
	}
	return "", ""
}

// cellWidth is the width of the widest line of a text in a terminal's columns.
func cellWidth(text string) int {
	width := 0
	for line := range strings.SplitSeq(text, "\n") {
		width = max(width, runewidth.StringWidth(line))
	}
	return width
}

// printable shows control characters as psql does, and tabs as spaces up to the next
// multiple of 8.
func printable(text string) string {
	if strings.IndexFunc(text, isControl) < 0 {
		return text
	}
	var b strings.Builder
	column := 0
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteByte('\n')
			column = 0
		case r == '\t':
			n := 8 - column%8
			b.WriteString(strings.Repeat(" ", n))
			column += n
		case r == '\r':
			b.WriteString(`\r`)
			column += 2
		case isControl(r):
			n, _ := fmt.Fprintf(&b, `\x%02X`, r)
			column += n
		default:
			b.WriteRune(r)
			column += runewidth.RuneWidth(r)
		}
	}
	return b.String()
}

func isControl(r rune) bool { return r < 32 || r == 127 }
