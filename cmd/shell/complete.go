package shell

import (
	"fmt"
	"slices"
	"strings"

	"millrace/sql"
)

// catalogWords gives what a word at the prompt may become: %s is its beginning as a
// literal pattern of LIKE.
const (
	relationWords = `SELECT DISTINCT word FROM (
  SELECT c.relname AS word FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'v', 'm', 'S', 'p') AND pg_catalog.pg_table_is_visible(c.oid)
  UNION ALL SELECT n.nspname || '.' FROM pg_catalog.pg_namespace n
  UNION ALL SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v', 'm', 'S', 'p')) w WHERE starts_with(word, %s) ORDER BY 1 LIMIT 200`
	columnWords = `SELECT DISTINCT a.attname FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND %s AND starts_with(a.attname, %s) ORDER BY 1 LIMIT 200`
	settingWords = `SELECT name FROM pg_catalog.pg_settings WHERE starts_with(name, %s) ORDER BY 1 LIMIT 200`
)

// shellCommands are completed behind a backslash.
var shellCommands = []string{
	`\?`, `\a`, `\c`, `\connect`, `\conninfo`, `\copy`, `\d`, `\df`, `\di`, `\dn`, `\ds`, `\dt`, `\du`, `\dv`, `\e`, `\echo`, `\elif`, `\else`, `\endif`, `\f`, `\g`, `\gset`,
	`\gx`, `\h`, `\i`, `\if`, `\ir`, `\l`, `\o`, `\p`, `\pset`, `\q`, `\qecho`, `\r`, `\set`, `\t`, `\timing`, `\unset`, `\warn`, `\watch`, `\x`,
}

// completeWord completes the word before the cursor, for the editor. pos counts
// characters.
func (s *Shell) completeWord(line string, pos int) (head string, words []string, tail string) {
	runes := []rune(line)
	before, tail := string(runes[:pos]), string(runes[pos:])
	if s.editor.copying {
		return before, []string{"\t"}, tail
	}
	start := strings.LastIndexAny(before, " \t(,;='") + 1
	head, word := before[:start], before[start:]
	return head, s.candidates(s.buffer.String()+head, word, tail), tail
}

// candidates are the words that may stand behind a text and begin as word does.
func (s *Shell) candidates(before, word, behind string) []string {
	if strings.HasPrefix(word, `\`) {
		return keep(shellCommands, word)
	}
	previous := lastWords(before)
	last := ""
	if len(previous) > 0 {
		last = previous[len(previous)-1]
	}
	literal := quoteLiteral(strings.ToLower(word))
	switch last {
	case "from", "join", "into", "update", "table", "stream", "view", "of", "copy", "describe", "truncate", "pause", "resume", "terminate", `\d`, `\dt`, `\dv`, `\copy`, "only":
		return append(s.words(fmt.Sprintf(relationWords, literal)), keywordsLike(word, last)...)
	case "set", "show", "reset":
		return append(s.words(fmt.Sprintf(settingWords, literal)), keywordsLike(word, "")...)
	}
	if word == "" {
		return nil
	}
	columns := s.columnWords(before+" "+behind, literal)
	return append(columns, keywordsLike(word, "")...)
}

// columnWords are the columns of all words in a text that name relations, or else of
// all relations that users made.
func (s *Shell) columnWords(text, literal string) []string {
	var names []string
	for _, word := range lastWords(text) {
		if isName(word) {
			names = append(names, quoteLiteral(word[strings.LastIndexByte(word, '.')+1:]))
		}
	}
	var columns []string
	if len(names) > 0 {
		columns = s.words(fmt.Sprintf(columnWords, "c.relname IN ("+strings.Join(names, ", ")+")", literal))
	}
	if len(columns) == 0 {
		columns = s.words(fmt.Sprintf(columnWords, "n.nspname NOT IN ('pg_catalog', 'information_schema', 'millrace')", literal))
	}
	return columns
}

// words runs a query of one column. In a failed transaction there is no answer.
func (s *Shell) words(query string) []string {
	if s.connection.TxStatus() == 'E' {
		return nil
	}
	var words []string
	s.execute(request{text: query, silent: true, quietErrors: true, keep: func(_ []field, rows [][][]byte) {
		for _, row := range rows {
			words = append(words, string(row[0]))
		}
	}})
	return words
}

// keywordsLike are the keywords that begin as a word does, in its case: upper case
// unless it is written in lower case.
func keywordsLike(word, behind string) []string {
	if word == "" || behind == "from" || behind == "join" {
		return nil
	}
	words := keep(sql.Keywords(), strings.ToLower(word))
	if word != strings.ToLower(word) {
		for i, keyword := range words {
			words[i] = strings.ToUpper(keyword)
		}
	}
	return words
}

// keep returns the words with a beginning.
func keep(words []string, beginning string) []string {
	var kept []string
	for _, word := range words {
		if strings.HasPrefix(word, beginning) {
			kept = append(kept, word)
		}
	}
	return slices.Clip(kept)
}

// lastWords splits a text into words in lower case.
func lastWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return strings.ContainsRune(" \t\n(),;=<>+*/'", r) })
}

func isName(word string) bool {
	for _, r := range word {
		if r != '_' && r != '.' && r < 128 && (r < '0' || r > '9') && (r < 'a' || r > 'z') {
			return false
		}
	}
	return word != ""
}
