// Package ast holds the syntax trees of Millrace's SQL and prints them.
//
// A tree is plain data: the parser (package sql) builds it, the planner binds
// it, and nobody changes it afterwards. Identifiers are folded already (ASCII
// lower case unless quoted), strings are unescaped, and nothing is resolved:
// a type is a name, a function is a name, an operator is a symbol.
//
// Every node embeds a Span, the byte range it came from. Nodes whose errors
// PostgreSQL reports elsewhere than at their start carry that place as well
// (Operator.Position).
//
// String prints any node as SQL. Parsing the text gives an equal tree again,
// positions aside.
package ast
