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

func appendInterval(buf []byte, v IntervalValue, f *Format) []byte       { return buf }
func appendArrayText(buf []byte, elem Type, s string, f *Format) []byte  { return buf }
func appendCompositeJSON(buf []byte, t Type, s string, f *Format) []byte { return buf }
func parseInterval(t Type, s string, f *Format) (IntervalValue, error) {
	return IntervalValue{}, notYet("interval")
}
func parseArrayText(elem Type, s string, f *Format) (string, error)  { return "", notYet("array") }
func parseCompositeJSON(t Type, s string, f *Format) (string, error) { return "", notYet("struct") }
func parseDateSlow(s string, f *Format) (int64, error)               { return 0, invalidSyntax(Date, s) }
func parseTimeSlow(s string, f *Format) (int64, error)               { return 0, invalidSyntax(Time, s) }
func parseTimestampSlow(t Type, s string, f *Format) (int64, error)  { return 0, invalidSyntax(t, s) }
func fitInterval(t Type, v IntervalValue) IntervalValue              { return v }

func appendJSONValue(buf []byte, t Type, d Datum, f *Format) []byte { return buf }
func parseJSONValue(t Type, s string, f *Format) (Datum, error)     { return Null, notYet("jsonb") }
