package shell

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/peterh/liner"
)

// copySource is what COPY FROM STDIN reads: the lines behind the statement, up to \.
func (s *Shell) copySource() io.Reader {
	if len(s.source) == 0 {
		return &copyLines{reader: bufio.NewReader(s.in)}
	}
	from := s.source[len(s.source)-1]
	if from.edited {
		fmt.Fprint(s.out, "Enter data to be copied followed by a newline.\n"+
			"End with a backslash and a period on a line by itself, or an EOF signal.\n")
		_ = s.out.Flush()
		return &copyLines{editor: s.editor}
	}
	return &copyLines{reader: from.reader, source: from}
}

// copyLines reads lines up to one that is \. or the end.
type copyLines struct {
	editor *editor
	reader *bufio.Reader
	source *source
	rest   []byte
	ended  bool
}

// Read gives the lines without the last one.
func (c *copyLines) Read(b []byte) (int, error) {
	if len(c.rest) == 0 && !c.ended {
		line, err := c.line()
		trimmed := bytes.TrimRight(line, "\r\n")
		switch {
		case string(trimmed) == `\.`, err == io.EOF && len(line) == 0:
			c.ended = true
		case err != nil && err != io.EOF:
			c.ended = true
			return 0, err
		default:
			c.rest = line
		}
	}
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *copyLines) line() ([]byte, error) {
	if c.editor != nil {
		c.editor.copying = true // Tab separates values, and asks the server nothing
		line, err := c.editor.state.Prompt(">> ")
		c.editor.copying = false
		if errors.Is(err, liner.ErrPromptAborted) {
			return nil, errors.New("canceled by user")
		}
		if err != nil {
			return nil, err
		}
		return []byte(line + "\n"), nil
	}
	line, err := c.reader.ReadBytes('\n')
	if c.source != nil && len(line) > 0 {
		c.source.line++
	}
	return line, err
}

// copyTarget finds the file in \copy … FROM | TO 'file' | STDIN | STDOUT | PSTDIN |
// PSTDOUT and what follows it.
var copyTarget = regexp.MustCompile(`(?is)^(.*?)\b(from|to)\s+('(?:[^']|'')*'|\S+)\s*(.*)$`)

// copyFile is \copy: COPY with a file of this machine.
func (s *Shell) copyFile(text string) bool {
	text = strings.TrimSuffix(strings.TrimSpace(text), ";")
	what, behind := splitCopied(text)
	parts := copyTarget.FindStringSubmatch(behind)
	if parts == nil {
		s.complain(`\copy: parse error at end of line`)
		return false
	}
	reads := strings.EqualFold(parts[2], "from")
	name := parts[3]
	side, r := " TO STDOUT ", request{}
	if reads {
		side = " FROM STDIN "
	}
	r.text = "COPY " + what + parts[1] + side + parts[4]
	standard := map[string]bool{"stdin": true, "stdout": true, "pstdin": true, "pstdout": true}[strings.ToLower(name)]
	switch {
	case strings.EqualFold(name, "pstdin"):
		r.copyIn = s.in
	case strings.EqualFold(name, "pstdout"):
		r.copyOut = s.out
	case standard:
	case reads:
		file, err := os.Open(unquote(name))
		if err != nil {
			s.complain("%s: %s", unquote(name), cause(err))
			return false
		}
		defer func() { _ = file.Close() }()
		r.copyIn = file
	default:
		return s.copyToFile(r, unquote(name))
	}
	return s.execute(r)
}

func (s *Shell) copyToFile(r request, name string) bool {
	file, err := os.Create(name)
	if err != nil {
		s.complain("%s: %s", name, cause(err))
		return false
	}
	buffered := bufio.NewWriterSize(file, 64<<10)
	r.copyOut = buffered
	ok := s.execute(r)
	err = buffered.Flush()
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		s.complain("%s: %s", name, cause(err))
	}
	return ok && err == nil
}

// splitCopied cuts a query in parentheses off the front of what is copied, since it may
// hold FROM and TO.
func splitCopied(text string) (query, behind string) {
	if !strings.HasPrefix(text, "(") {
		return "", text
	}
	depth, quote := 0, byte(0)
	for i := range len(text) {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return text[:i+1], text[i+1:]
			}
		}
	}
	return "", text
}

// unquote takes the quotes off a word of a command.
func unquote(word string) string {
	if len(word) >= 2 && word[0] == '\'' && word[len(word)-1] == '\'' {
		return strings.ReplaceAll(word[1:len(word)-1], "''", "'")
	}
	return word
}
