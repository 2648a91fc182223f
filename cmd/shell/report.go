package shell

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-runewidth"
)

const (
	// shownWidth is how much of a line an error shows, in columns, and keptRight how
	// much of that is behind the position at least (libpq's fe-protocol3.c).
	shownWidth = 60
	keptRight  = 10
)

// report prints an error or a notice as psql does.
func (s *Shell) report(e *pgconn.PgError, statement string) {
	_ = s.out.Flush()
	var text strings.Builder
	fmt.Fprintf(&text, "%s%s:  ", s.place(), e.Severity)
	if s.variables["VERBOSITY"] == "verbose" {
		text.WriteString(e.Code + ": ")
	}
	text.WriteString(e.Message + "\n")
	switch {
	case e.Position > 0:
		text.WriteString(caretLines(statement, int(e.Position)))
	case e.InternalPosition > 0 && e.InternalQuery != "":
		text.WriteString(caretLines(e.InternalQuery, int(e.InternalPosition)))
	}
	if s.variables["VERBOSITY"] != "terse" {
		for _, part := range []struct{ name, text string }{{"DETAIL", e.Detail}, {"HINT", e.Hint}, {"QUERY", e.InternalQuery}} {
			if part.text != "" {
				text.WriteString(part.name + ":  " + part.text + "\n")
			}
		}
		if e.Where != "" && (e.Severity == "ERROR" || e.Severity == "FATAL" || e.Severity == "PANIC") {
			text.WriteString("CONTEXT:  " + e.Where + "\n")
		}
	}
	_, _ = s.errOut.Write([]byte(text.String()))
}

// caretLines shows the line of a statement at a position, which counts characters from
// 1, with a caret below.
func caretLines(statement string, position int) string {
	runes := []rune(statement)
	at := position - 1
	if at > len(runes) {
		return ""
	}
	line, start := 1, 0
	for i := 0; i < at; i++ {
		if runes[i] == '\n' || runes[i] == '\r' {
			if runes[i] == '\n' || i+1 >= len(runes) || runes[i+1] != '\n' {
				line++
			}
			start = i + 1
		}
	}
	end := start
	for end < len(runes) && runes[end] != '\n' && runes[end] != '\r' {
		end++
	}
	shown := make([]rune, 0, end-start)
	for _, r := range runes[start:end] {
		if r == '\t' {
			r = ' '
		}
		shown = append(shown, r)
	}
	before, text, behind := cutAround(shown, at-start)
	prefix := fmt.Sprintf("LINE %d: ", line)
	if before > 0 {
		prefix += "..."
	}
	indent := strings.Repeat(" ", len(prefix)+runewidth.StringWidth(string(text[:at-start-before])))
	if behind {
		return prefix + string(text) + "...\n" + indent + "^\n"
	}
	return prefix + string(text) + "\n" + indent + "^\n"
}

// cutAround cuts a long line to what is around a place in it: it returns how many
// characters are left out in front, what is left, and whether some are left out behind.
func cutAround(line []rune, at int) (before int, text []rune, behind bool) {
	from, to := 0, len(line)
	width := func() int { return runewidth.StringWidth(string(line[from:to])) }
	if width() <= shownWidth {
		return 0, line, false
	}
	if runewidth.StringWidth(string(line[:min(at, len(line))])) <= shownWidth-keptRight {
		for width() > shownWidth {
			to--
		}
		return 0, line[:to], true
	}
	for to > at+1 && runewidth.StringWidth(string(line[at:to])) > keptRight {
		to--
		behind = true
	}
	for width() > shownWidth && from < at {
		from++
	}
	return from, line[from:to], behind
}
