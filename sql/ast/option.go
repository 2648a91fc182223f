package ast

// Option is one name = value of WITH (…), COPY, EXPLAIN and other lists.
// Name is folded unless quoted; a dotted name is joined by dots. Value is nil
// where none was written, else a literal, a *Unary minus of one, a *Word, a
// *Star or a *List.
type Option struct {
	Span
	Name  string
	Value Expr
}

// Behavior is CASCADE or RESTRICT.
type Behavior uint8

// Behaviors.
const (
	BehaviorDefault Behavior = iota
	Restrict
	Cascade
)
