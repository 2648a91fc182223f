package shell

import (
	"os"
	"os/exec"
	"strings"
)

// edit is \e: it opens the current statement, or a file, in the user's editor, and takes
// what comes back as typed. A text that was left as it was is forgotten.
func (s *Shell) edit(c invocation) bool {
	name, text := c.argument(0), s.current()
	if name == "" {
		file, err := os.CreateTemp("", "millrace.edit.*.sql")
		if err != nil {
			s.complain("%s", cause(err))
			return false
		}
		name = file.Name()
		defer func() { _ = os.Remove(name) }()
		_, err = file.WriteString(withNewline(text))
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			s.complain("%s: %s", name, cause(err))
			return false
		}
	}
	before, _ := os.ReadFile(name) // a file that is not there yet is empty
	_ = s.out.Flush()
	program := fromEnvironment("vi", "PSQL_EDITOR", "EDITOR", "VISUAL")
	editing := exec.CommandContext(s.ctx, "sh", "-c", "exec "+program+" '"+strings.ReplaceAll(name, "'", `'\''`)+"'")
	editing.Stdin, editing.Stdout, editing.Stderr = s.in, s.shown, s.errOut
	if err := editing.Run(); err != nil {
		s.complain(`editor "%s": %s`, program, cause(err))
		return false
	}
	after, err := os.ReadFile(name)
	if err != nil {
		s.complain("%s: %s", name, cause(err))
		return false
	}
	s.clear()
	if string(after) == string(before) {
		return true
	}
	s.buffer.WriteString(withNewline(string(after)))
	if s.editor != nil {
		_, _ = s.out.WriteString(s.buffer.String()) // as if it had been typed
		s.editor.state.AppendHistory(strings.Join(strings.Fields(string(after)), " "))
	}
	return true
}

// withNewline ends a text with the end of a line.
func withNewline(text string) string { return strings.TrimRight(text, "\n") + "\n" }
