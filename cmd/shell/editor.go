package shell

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/peterh/liner"
)

// editor reads lines from the terminal, with history and completion.
type editor struct {
	state   *liner.State
	history string
	// copying says that the line is data of a COPY.
	copying bool
}

// interact reads statements from the terminal until its end, and returns the exit code.
func (s *Shell) interact(history string) int {
	s.editor = &editor{state: liner.NewLiner(), history: history}
	defer s.editor.close(s)
	s.editor.state.SetCtrlCAborts(true)
	s.editor.state.SetTabCompletionStyle(liner.TabPrints)
	s.editor.state.SetWordCompleter(s.completeWord)
	s.editor.load()
	if !s.quiet {
		fmt.Fprintf(s.out, "millrace sql (server %s)\nType \"\\?\" for help.\n\n", s.connection.ParameterStatus("server_version"))
	}
	return s.runSource(&source{edited: true})
}

// read edits one line behind a prompt and adds it to the history.
func (e *editor) read(prompt string) (string, error) {
	line, err := e.state.Prompt(prompt)
	if err == nil && strings.TrimSpace(line) != "" {
		e.state.AppendHistory(line)
	}
	return line, err
}

func (e *editor) load() {
	if e.history == "" {
		return
	}
	file, err := os.Open(e.history)
	if err != nil {
		return // the first session has none
	}
	defer func() { _ = file.Close() }()
	_, _ = e.state.ReadHistory(file) // a damaged history is a shorter one
}

// close gives the terminal back and keeps the history, readable for its owner alone.
func (e *editor) close(s *Shell) {
	defer func() { _ = e.state.Close() }()
	if e.history == "" {
		return
	}
	if err := e.save(); err != nil {
		s.complain("could not save history to file %q: %s", e.history, cause(err))
	}
}

func (e *editor) save() error {
	if err := os.MkdirAll(filepath.Dir(e.history), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(e.history, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = e.state.WriteHistory(file)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}
