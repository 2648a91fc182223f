package sql

import (
	"strings"

	"millrace/sql/ast"
)

// Words that may stand at places where a misspelt one gets a hint.
var (
	statementWords = []string{
		"abort", "alter", "analyze", "begin", "call", "checkpoint", "close", "comment", "commit",
		"copy", "create", "deallocate", "declare", "delete", "describe", "discard", "drop", "end",
		"execute", "explain", "fetch", "grant", "insert", "list", "listen", "lock", "move",
		"notify", "pause", "prepare", "print", "refresh", "release", "reset", "resume", "revoke",
		"rollback", "savepoint", "select", "set", "show", "start", "table", "terminate", "truncate",
		"unlisten", "unset", "update", "vacuum", "values", "with",
	}
	creatableWords = []string{
		"database", "extension", "group", "index", "materialized view", "role", "schema", "sequence",
		"source stream", "source table", "stream", "table", "type", "user", "view",
	}
	alterableWords = []string{
		"cluster", "database", "group", "index", "materialized view", "node", "role", "schema",
		"sequence", "shard", "stream", "system", "table", "type", "user", "view",
	}
	droppableWords = []string{
		"database", "extension", "group", "index", "materialized view", "node", "role", "schema",
		"sequence", "stream", "table", "type", "user", "view",
	}
	listableWords = []string{
		"functions", "nodes", "properties", "queries", "shards", "streams", "tables", "topics", "types",
		"views",
	}
)

// failStatement ends the parse where no statement begins.
func (p *parser) failStatement() { p.failKind(statementWords) }

// failCreate ends the parse where CREATE has no kind of object behind it.
func (p *parser) failCreate() { p.failKind(creatableWords) }

// failKind ends the parse at a word that is none of those that may stand
// here, with the nearest of them as a hint.
func (p *parser) failKind(words []string) {
	if isAnyWord(p.token) {
		if nearest := nearestWord(p.identifierValue(p.token), words); nearest != "" {
			p.failHint("Perhaps you meant %s.", strings.ToUpper(nearest))
		}
	}
	p.fail()
}

// nearestWord returns the word that differs from a misspelt one in the fewest
// letters, "" where all differ in too many.
func nearestWord(misspelt string, words []string) string {
	limit := 2
	if len(misspelt) < 4 {
		limit = 1
	}
	nearest, distance := "", limit+1
	for _, candidate := range words {
		if d := editDistance(misspelt, candidate); d < distance {
			nearest, distance = candidate, d
		}
	}
	return nearest
}

// editDistance counts the insertions, deletions, replacements and exchanges
// of neighbours that make one word of another.
func editDistance(a, b string) int {
	beforePrevious := make([]int, len(b)+1)
	previous := make([]int, len(b)+1)
	current := make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], beforePrevious[j-2]+1)
			}
		}
		beforePrevious, previous, current = previous, current, beforePrevious
	}
	return previous[len(b)]
}

func upperWord(k keyword) string { return strings.ToUpper(keywordTable[k].word) }

func upperText(text string) string { return strings.ToUpper(clip(text)) }

func upperObject(kind ast.ObjectKind) string { return strings.ToUpper(string(kind)) }
