package cli

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands are the root and all commands below it.
func commands(command *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{command}
	for _, below := range command.Commands() {
		list = append(list, commands(below)...)
	}
	return list
}

// TestHelpNamesFlags asks each command for its help, which is to name each of its flags
// and no other.
func TestHelpNamesFlags(t *testing.T) {
	for _, known := range commands(New(io.Discard, io.Discard)) {
		path := strings.Fields(known.CommandPath())[1:]
		var out strings.Builder
		root := New(&out, io.Discard)
		root.SetArgs(append(path, "--help"))
		if err := root.Execute(); err != nil {
			t.Errorf("%s --help: %v", known.CommandPath(), err)
			continue
		}
		help := out.String()
		known.InitDefaultHelpFlag()
		known.Flags().VisitAll(func(flag *pflag.Flag) {
			name := "--" + flag.Name
			if flag.Shorthand != "" {
				name = "-" + flag.Shorthand + ", " + name
			}
			if flag.Usage == "" || !regexp.MustCompile(regexp.QuoteMeta(name)+`\s.*`+regexp.QuoteMeta(flag.Usage)).MatchString(help) {
				t.Errorf("%s --help does not tell of %s:\n%s", known.CommandPath(), name, help)
			}
		})
		for _, name := range regexp.MustCompile(`--[a-z][a-z-]*`).FindAllString(help, -1) {
			if known.Flags().Lookup(name[2:]) == nil {
				t.Errorf("%s --help tells of %s, which there is not", known.CommandPath(), name)
			}
		}
	}
}

// TestCommandLinesParse parses the examples of the help and the command lines of the
// documents.
func TestCommandLinesParse(t *testing.T) {
	texts := map[string]string{}
	for _, command := range commands(New(io.Discard, io.Discard)) {
		texts["the help of "+command.CommandPath()] = command.Example
	}
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(files, "../../README.md", "../../CONTRIBUTING.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(name)] = string(text)
	}
	lines := regexp.MustCompile(`(?m)^\s*(?:\$ )?(?:\./)?(?:bin/)?millrace ((?:start|sql|version|node|shard|cert)(?:$| (?:.*\\\n)*.*))`)
	found := 0
	for name, text := range texts {
		for _, line := range lines.FindAllStringSubmatch(text, -1) {
			found++
			words := splitWords(t, line[1])
			command, rest, err := New(io.Discard, io.Discard).Find(words)
			if err == nil {
				err = command.ParseFlags(rest)
			}
			if err == nil {
				err = command.ValidateArgs(command.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: millrace %s: %v", name, line[1], err)
			}
		}
	}
	if found < 8 {
		t.Errorf("only %d command lines are found", found)
	}
}

// splitWords splits a command line as a shell does, up to a comment, a pipe, or a
// redirection.
func splitWords(t *testing.T, line string) []string {
	t.Helper()
	line = strings.ReplaceAll(line, "\\\n", " ")
	var words []string
	for _, word := range regexp.MustCompile(`(?:"[^"]*"|'[^']*'|[^\s"'])+`).FindAllString(line, -1) {
		if strings.ContainsAny(word[:1], "#|<>&") {
			break
		}
		words = append(words, strings.NewReplacer(`"`, "", "'", "").Replace(word))
	}
	return words
}
