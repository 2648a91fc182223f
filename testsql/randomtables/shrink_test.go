package randomtables

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// shrink makes a list of steps that fails smaller: steps are left out, many at
// once and then one by one, and then pieces of their SQL. fails says whether a
// list still fails in the same way.
func shrink(steps []step, deadline time.Time, fails func([]step) bool) []step {
	for size := (len(steps) + 1) / 2; ; size = (size + 1) / 2 {
		for at := 0; at < len(steps) && time.Now().Before(deadline); {
			candidate := slices.Delete(slices.Clone(steps), at, min(at+size, len(steps)))
			if fails(candidate) {
				steps = candidate
			} else {
				at += size
			}
		}
		if size <= 1 {
			break
		}
	}
	for i := range steps {
		steps[i].sql = shrinkText(steps[i].sql, deadline, func(text string) bool {
			candidate := slices.Clone(steps)
			candidate[i].sql = text
			return fails(candidate)
		})
		steps[i].lines = shrinkLines(steps[i].lines, func(lines string) bool {
			candidate := slices.Clone(steps)
			candidate[i].lines = lines
			return fails(candidate)
		})
	}
	return steps
}

var tokens = regexp.MustCompile(`'(?:[^']|'')*'|\w+|\s+|[^\w\s]`)

// shrinkText leaves out runs of tokens, longer ones first. A list's item goes
// together with its comma, and a pair of parentheses without what is in them.
func shrinkText(text string, deadline time.Time, fails func(string) bool) string {
	words := tokens.FindAllString(text, -1)
	for length := len(words) / 2; length >= 1; length-- {
		for at := 0; at+length <= len(words) && time.Now().Before(deadline); {
			candidate := without(words, at, at+length)
			if strings.TrimSpace(strings.Join(candidate, "")) != "" && balanced(words[at:at+length]) && fails(strings.Join(candidate, "")) {
				words = candidate
			} else {
				at++
			}
		}
	}
	for at := 0; at < len(words); at++ {
		if words[at] != "(" || time.Now().After(deadline) {
			continue
		}
		if end := closing(words, at); end > 0 {
			candidate := without(without(words, end, end+1), at, at+1)
			if fails(strings.Join(candidate, "")) {
				words = candidate
			}
		}
	}
	return strings.TrimSpace(strings.Join(words, ""))
}

// without returns the tokens but some, with a blank where two would become one.
func without(words []string, from, to int) []string {
	out := slices.Delete(slices.Clone(words), from, to)
	if from > 0 && from < len(out) && wordLike(out[from-1]) && wordLike(out[from]) {
		out = slices.Insert(out, from, " ")
	}
	return out
}

// wordLike says that a token needs a blank beside another one.
func wordLike(token string) bool {
	return token[0] == '\'' || token[0] == '_' || token[0] >= '0' && token[0] <= '9' || token[0] >= 'A' && token[0] <= 'Z' || token[0] >= 'a'
}

// balanced says that words may go together: they have whole parentheses, and
// more than blanks.
func balanced(words []string) bool {
	depth, blank := 0, true
	for _, word := range words {
		switch word {
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth < 0 {
			return false
		}
		blank = blank && strings.TrimSpace(word) == ""
	}
	return depth == 0 && !blank
}

func closing(words []string, open int) int {
	depth := 0
	for i := open; i < len(words); i++ {
		switch words[i] {
		case "(":
			depth++
		case ")":
			depth--
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

// shrinkLines leaves out lines of a COPY.
func shrinkLines(text string, fails func(string) bool) string {
	lines := strings.SplitAfter(text, "\n")
	for at := 0; at < len(lines); {
		candidate := slices.Delete(slices.Clone(lines), at, at+1)
		if lines[at] != "" && fails(strings.Join(candidate, "")) {
			lines = candidate
		} else {
			at++
		}
	}
	return strings.Join(lines, "")
}

// TestShrink shows that a script keeps only what a difference needs.
func TestShrink(t *testing.T) {
	steps := []step{
		{sql: "CREATE TABLE t (a int, bad int)"}, {sql: "INSERT INTO t VALUES (1, 2)"},
		{kind: restart}, {session: 1, sql: "SELECT a, (bad), 3 FROM t WHERE a > 1"}, {sql: "COMMIT"},
	}
	got := shrink(steps, time.Now().Add(time.Minute), func(steps []step) bool {
		at := slices.IndexFunc(steps, func(s step) bool { return strings.HasPrefix(s.sql, "SELECT") })
		return at > 0 && strings.Contains(steps[at].sql, "bad") && strings.Contains(steps[0].sql, "TABLE t")
	})
	if len(got) != 2 || got[0].sql != "TABLE t" || got[1].sql != "SELECT bad" {
		t.Errorf("%v", got)
	}
}
