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
