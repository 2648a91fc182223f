package types

import (
	"millrace/sql/sqlerr"
)

func notYet(what string) error {
	return sqlerr.New(sqlerr.FeatureNotSupported, -1, "%s is not supported", what)
}

func NumericPower(a, b string) (string, error)  { return "", notYet("numeric") }
func NumericLog(base, a string) (string, error) { return "", notYet("numeric") }
func NumericSqrt(a string) (string, error)      { return "", notYet("numeric") }
func NumericExp(a string) (string, error)       { return "", notYet("numeric") }
func NumericLn(a string) (string, error)        { return "", notYet("numeric") }

func appendInterval(buf []byte, v IntervalValue, f *Format) []byte { return buf }
func parseInterval(t Type, s string, f *Format) (IntervalValue, error) {
	return IntervalValue{}, notYet("interval")
}
func parseDateSlow(s string, f *Format) (int64, error)              { return 0, invalidSyntax(Date, s) }
func parseTimeSlow(s string, f *Format) (int64, error)              { return 0, invalidSyntax(Time, s) }
func parseTimestampSlow(t Type, s string, f *Format) (int64, error) { return 0, invalidSyntax(t, s) }
func fitInterval(t Type, v IntervalValue) IntervalValue             { return v }
