package ast

// TimeUnit is a unit of a Duration.
type TimeUnit uint8

// Units of Duration.
const (
	Milliseconds TimeUnit = iota
	Seconds
	Minutes
	Hours
	Days
	Weeks
	Months
	Years
)

// Duration is a length of time, as KSQL writes it: 10 SECONDS. Where it was
// written as INTERVAL '…', Interval is set instead of Count and Unit.
type Duration struct {
	Span
	Count    int64
	Unit     TimeUnit
	Interval *TypedLiteral
}

// WindowKind is the kind of a StreamWindow.
type WindowKind uint8

// Kinds of StreamWindow.
const (
	TumblingWindow WindowKind = iota
	HoppingWindow
	SessionWindow
	CumulateWindow
)

// StreamWindow is KSQL's window over event time:
//
//	WINDOW [name] TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 10 SECONDS)
//	WINDOW [name] HOPPING  (SIZE 1 MINUTE, ADVANCE BY 10 SECONDS, …)
//	WINDOW [name] SESSION  (5 MINUTES, …)
//	WINDOW [name] CUMULATE (SIZE 1 DAY, ADVANCE BY 1 HOUR, …)
//
// Size is the gap of a session window. Advance is set for HoppingWindow and
// CumulateWindow; Retention and Grace are nil without.
type StreamWindow struct {
	Span
	Kind      WindowKind
	Name      *Identifier
	Size      *Duration
	Advance   *Duration
	Retention *Duration
	Grace     *Duration
}
