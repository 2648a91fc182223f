package wire_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestCopyLikePostgres sends the same COPY data, mostly broken in some way, to
// PostgreSQL and to the server: both take it or refuse it with the same code,
// message and context, and hold the same rows afterwards.
func TestCopyLikePostgres(t *testing.T) {
	socket := needPostgres(t)
	server := startServer(t, nil)
	server.define(t, "CREATE STREAM copied (a text, b text, n int)")
	ours := startRaw(t, "tcp", server.address, nil)
	theirs := startRaw(t, "unix", socket, nil)
	theirs.exchange(`Query "DROP TABLE IF EXISTS copied"`, `Query "CREATE TABLE copied (a text, b text, n int)"`)
	random := rand.New(rand.NewPCG(7, 7))
	for i := range 1000 {
		statement, csv := randomCopy(random)
		data := randomCopyData(random, csv)
		have := server.backend.count("copied")
		want := copyOutcome(theirs, statement, data, have)
		got := copyOutcome(ours, statement, data, have)
		if first, _, _ := strings.Cut(data, "\n"); strings.ContainsAny(first, "\"'") {
			// PostgreSQL does not count the newlines in the quotes of the first line.
			got, want = lineNumber.ReplaceAllString(got, "line"), lineNumber.ReplaceAllString(want, "line")
		}
		if got != want {
			t.Fatalf("%d: %s\n%q\n got  %s\n want %s", i, statement, data, got, want)
		}
	}
}

var lineNumber = regexp.MustCompile(`line \d+`)

// randomCopy returns a COPY statement with random options.
func randomCopy(random *rand.Rand) (statement string, csv bool) {
	var options []string
	if csv = random.IntN(4) > 0; csv {
		options = append(options, "FORMAT csv")
		switch random.IntN(6) {
		case 0:
			options = append(options, `QUOTE ''''`)
		case 1:
			options = append(options, `ESCAPE '\'`)
		case 2:
			options = append(options, "FORCE_NULL (a, b)")
		case 3:
			options = append(options, "FORCE_NOT_NULL (b)")
		}
	}
	switch random.IntN(6) {
	case 0:
		options = append(options, "HEADER")
	case 1:
		options = append(options, "HEADER MATCH")
	}
	switch random.IntN(5) {
	case 0:
		options = append(options, "DELIMITER ';'")
	case 1:
		options = append(options, "NULL 'x'")
	}
	columns := ""
	if random.IntN(4) == 0 {
		columns = " (b, a)"
	}
	statement = "COPY copied" + columns + " FROM STDIN"
	if len(options) > 0 {
		statement += " WITH (" + strings.Join(options, ", ") + ")"
	}
	return statement, csv
}

// randomCopyData returns a few lines, most of them with the right number of
// fields.
func randomCopyData(random *rand.Rand, csv bool) string {
	pieces := []string{"a", "x", "1", " ", "é", "", "", `\N`, `\\`, `\t`, `\x41`, `\101`, `\`, "b\\\n", "'", ";"}
	delimiter := "\t"
	if csv {
		pieces = []string{"a", "x", "1", " ", "é", "", "", `"q"`, `"a,b"`, `"a""b"`, "\"a\nb\"", `"`, `\"`, `'q'`, `\`, ";", `\.`, `"x"y`}
		delimiter = ","
	}
	if random.IntN(6) == 0 {
		delimiter = ";"
	}
	end := []string{"\n", "\n", "\n", "\n", "\r\n", "\r"}[random.IntN(6)]
	var b strings.Builder
	if random.IntN(4) == 0 {
		b.WriteString(strings.Join([]string{"a", "b", "n"}, delimiter) + end)
	}
	for range random.IntN(5) {
		fields := 3
		if random.IntN(12) == 0 {
			fields = random.IntN(5)
		}
		for f := range fields {
			if f > 0 {
				b.WriteString(delimiter)
			}
			switch {
			case f == 2 && random.IntN(8) > 0:
				b.WriteString(strconv.Itoa(random.IntN(100)))
			default:
				for range 1 + random.IntN(2) {
					b.WriteString(pieces[random.IntN(len(pieces))])
				}
			}
		}
		switch random.IntN(30) {
		case 0:
			b.WriteString("\r")
		case 1:
			b.WriteString("\n")
		}
		b.WriteString(end)
	}
	switch random.IntN(8) {
	case 0:
		b.WriteString(`\.` + end)
	case 1:
		b.WriteString("unfinished")
	}
	return b.String()
}

// copyOutcome runs a COPY in a transaction and returns what came of it: the
// answer, and the rows behind the first skip.
func copyOutcome(c *rawClient, statement, data string, skip int) string {
	c.t.Helper()
	c.exchange(`Query "BEGIN"`)
	lines := []string{fmt.Sprintf("Query %q", statement)}
	// The same pieces for both, so that neither is spared an awkward cut.
	for len(data) > 0 {
		n := min(len(data), 7)
		lines = append(lines, "CopyData "+strconv.Quote(data[:n]))
		data = data[n:]
	}
	answer := c.exchange(append(lines, "CopyDone")...)
	answer = answer[1 : len(answer)-1]
	c.exchange(`Query "COMMIT"`)
	for _, line := range c.exchange(`Query "COPY copied TO STDOUT"`) {
		if !strings.HasPrefix(line, "CopyData") {
			continue
		}
		if skip--; skip < 0 {
			answer = append(answer, line)
		}
	}
	return strings.Join(answer, "\n      ")
}
