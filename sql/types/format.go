package types

import "time"

// DateStyle is how dates and timestamps are printed
// (https://www.postgresql.org/docs/15/datatype-datetime.html#DATATYPE-DATETIME-OUTPUT).
type DateStyle uint8

// The date styles.
const (
	DateStyleISO DateStyle = iota
	DateStyleSQL
	DateStylePostgres
	DateStyleGerman
)

// DateOrder is how a date of three plain numbers is read, and in some styles
// printed.
type DateOrder uint8

// The date orders.
const (
	DateOrderMDY DateOrder = iota
	DateOrderDMY
	DateOrderYMD
)

// IntervalStyle is how intervals are printed.
type IntervalStyle uint8

// The interval styles, by PostgreSQL's names postgres, postgres_verbose,
// sql_standard and iso_8601.
const (
	IntervalStylePostgres IntervalStyle = iota
	IntervalStylePostgresVerbose
	IntervalStyleSQLStandard
	IntervalStyleISO8601
)

// ByteaOutput is how bytea values are printed.
type ByteaOutput uint8

// The forms of bytea output.
const (
	ByteaOutputHex ByteaOutput = iota
	ByteaOutputEscape
)

// Format holds the session's settings that change how values are printed and
// read. A Format is not changed while it is in use, so sessions may share one.
type Format struct {
	// TimeZone is the session's time zone; nil is UTC.
	TimeZone      *time.Location
	DateStyle     DateStyle
	DateOrder     DateOrder
	IntervalStyle IntervalStyle
	// ExtraFloatDigits is the setting extra_float_digits, -15 to 3: above zero
	// floats print in the shortest form that reads back to the same value, else
	// with 6 (real) or 15 (double precision) digits plus this number.
	ExtraFloatDigits int
	ByteaOutput      ByteaOutput
	// Now returns the transaction's time, for inputs such as 'now' and
	// 'today'; nil refuses them (22007).
	Now func() time.Time
	// ObjectName returns what an OID of a kind such as regclass is printed as: the
	// object's name, qualified where the search path does not find it. ok is false
	// for objects that it does not know; nil knows none.
	ObjectName func(kind Kind, oid uint32) (name string, ok bool)
}

// DefaultFormat returns PostgreSQL's defaults: UTC, ISO dates in the order
// MDY, interval style postgres, shortest floats, bytea in hex. Now is nil.
func DefaultFormat() *Format {
	return &Format{TimeZone: time.UTC, ExtraFloatDigits: 1}
}

// location returns the session's time zone.
func (f *Format) location() *time.Location {
	if f.TimeZone == nil {
		return time.UTC
	}
	return f.TimeZone
}
