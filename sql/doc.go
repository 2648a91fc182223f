// Package sql turns SQL text into trees (package ast).
//
// The language is PostgreSQL 15's, with KSQL's streaming constructs on top.
// The lexer follows PostgreSQL's rules to the letter: operators, nested
// comments, all kinds of strings, names folded to lower case and cut at 63
// bytes. The parser is one recursive descent with precedence climbing for
// operators (precedence.go); it looks at most three tokens ahead and reads
// every byte a fixed number of times, so that a statement of 100 MB takes time
// and memory in proportion. Depth is bounded: what is nested more than 5,000
// levels deep is 54001.
//
// Every keyword of PostgreSQL that is not reserved stays a name wherever
// PostgreSQL lets it be one, and so does every word of KSQL and our own:
// stream, changes, emit, key, final, tumbling, within and so on. Where a word
// could be both, the words behind it tell:
//
//   - EMIT begins a clause only with CHANGES or FINAL behind it. Everywhere
//     else it is a name: FROM t emit EMIT CHANGES gives t the alias emit. No
//     text that PostgreSQL accepts is read otherwise, since no name may follow
//     an alias.
//   - WINDOW begins KSQL's clause if TUMBLING, HOPPING, SESSION or CUMULATE
//     follows, with a name in front perhaps: WINDOW TUMBLING (…), WINDOW w
//     TUMBLING (…). PostgreSQL's clause has AS behind the name, even behind one
//     of these words: WINDOW tumbling AS (…). KSQL's stands before WHERE or in
//     the place of PostgreSQL's.
//   - WITHIN begins the clause of a join if a number or INTERVAL follows,
//     directly or behind a parenthesis; it is an alias otherwise.
//   - ASOF belongs to a join if JOIN, INNER, LEFT, RIGHT or FULL follows. Here
//     alone a text that PostgreSQL accepts is read otherwise: an alias of this
//     name in front of a join needs AS, FROM t AS asof JOIN u; it is an alias
//     without AS everywhere else.
//   - PARTITION BY is KSQL's clause behind FROM, WHERE or GROUP BY; partition
//     alone is an alias.
//   - CHANGES OF is a table's changelog if a name follows. FROM changes of is a
//     table with the alias of, since behind an alias no name can stand.
//   - name => value is an argument of a function in two meanings: a named
//     argument, as in PostgreSQL, or a lambda of one parameter, as in KSQL.
//     Only the function's signature can tell, so the tree keeps it as an
//     ArrowArgument, which reads as either. name := value is always a named
//     argument; (x) => body and (x, y) => body are always lambdas.
//   - -> is one operator: a field of a struct, as in KSQL, or an element of a
//     jsonb, as in PostgreSQL; the type at its left tells, which the binder
//     knows. The parser gives it PostgreSQL's precedence, which is lower than
//     that of arithmetic; ast.TightenArrows gives KSQL's reading. value->* takes
//     all fields of a struct.
//   - >> closes two types: in ARRAY<STRUCT<a int>> the parser takes one
//     character of the operator and has the rest lexed again. ARRAY<, MAP< and
//     STRUCT< are types only where a type is expected, so < stays a comparison
//     in expressions.
//   - STRUCT(name := value) and MAP(key := value) are constructors; without :=
//     behind the first argument they are calls of functions, as "struct"(…) and
//     "map"(…) always are.
//   - SHOW TABLES and the other kinds of objects are KSQL's lists; a setting of
//     such a name is shown by SHOW "tables".
//   - EXPLAIN and one word is about the query with that id; what PostgreSQL
//     explains always has more than one word.
package sql
