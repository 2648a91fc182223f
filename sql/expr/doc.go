// Package expr holds typed expressions as plain data, the functions, operators,
// casts and aggregates there are, and their compilation into functions over
// column vectors. Evaluation is pure: what depends on a clock or a session comes
// in through Context.
package expr
