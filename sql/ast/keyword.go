package ast

// The keywords of PostgreSQL 15 that cannot stand everywhere without quotes,
// by its three categories. All other words can.
var (
	// reservedWords are labels after AS only.
	reservedWords = newWordSet(
		"all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "both", "case",
		"cast", "check", "collate", "column", "constraint", "create", "current_catalog",
		"current_date", "current_role", "current_time", "current_timestamp", "current_user",
		"default", "deferrable", "desc", "distinct", "do", "else", "end", "except", "false", "fetch",
		"for", "foreign", "from", "grant", "group", "having", "in", "initially", "intersect", "into",
		"lateral", "leading", "limit", "localtime", "localtimestamp", "not", "null", "offset", "on",
		"only", "or", "order", "placing", "primary", "references", "returning", "select",
		"session_user", "some", "symmetric", "table", "then", "to", "trailing", "true", "union",
		"unique", "user", "using", "variadic", "when", "where", "window", "with",
	)
	// columnNameWords may name columns and tables, but no functions and types.
	columnNameWords = newWordSet(
		"between", "bigint", "bit", "boolean", "char", "character", "coalesce", "dec", "decimal",
		"exists", "extract", "float", "greatest", "grouping", "inout", "int", "integer", "interval",
		"least", "national", "nchar", "none", "normalize", "nullif", "numeric", "out", "overlay",
		"position", "precision", "real", "row", "setof", "smallint", "substring", "time", "timestamp",
		"treat", "trim", "values", "varchar", "xmlattributes", "xmlconcat", "xmlelement", "xmlexists",
		"xmlforest", "xmlnamespaces", "xmlparse", "xmlpi", "xmlroot", "xmlserialize", "xmltable",
	)
	// functionNameWords may name functions and types, but no columns and tables.
	functionNameWords = newWordSet(
		"authorization", "binary", "collation", "concurrently", "cross", "current_schema", "freeze",
		"full", "ilike", "inner", "is", "isnull", "join", "left", "like", "natural", "notnull",
		"outer", "overlaps", "right", "similar", "tablesample", "verbose",
	)
)

// wordSet is an immutable set of words.
type wordSet map[string]struct{}

func newWordSet(words ...string) wordSet {
	set := make(wordSet, len(words))
	for _, word := range words {
		set[word] = struct{}{}
	}
	return set
}

func (s wordSet) has(word string) bool {
	_, ok := s[word]
	return ok
}
