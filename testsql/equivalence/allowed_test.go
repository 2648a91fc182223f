package equivalence

import (
	"regexp"
	"strings"
)

var (
	extremesOfBytes = regexp.MustCompile(`function (min|max)\((bytea|uuid)\)`)
	arrayComparison = regexp.MustCompile(`operator does not exist: \S.*\[\] (=|<>|<|>|<=|>=) \S.*\[\]$`)
)

// allowedErrors is the list of known differences between the errors of
// PostgreSQL and Millrace. There are no others, neither for errors nor for rows;
// what may differ by PostgreSQL's own rules (which of several equal values is
// shown, the order of floating point sums) is avoided where queries are made.
func allowedErrors(q query, postgres, millrace *answer) bool {
	switch {
	case failsForRow(postgres) && failsForRow(millrace):
		// Of several rows that fail, PostgreSQL tells of the first that it meets, and
		// Millrace of the first in a batch.
		return true
	case q.mistaken && (failsForRow(postgres) && millrace.code == "" || failsForRow(millrace) && postgres.code == ""):
		// An expression that may fail came in by mistake. For which rows it is computed
		// is up to the plan, and PostgreSQL computes constants that no row needs.
		return true
	case postgres.code == "42846" && millrace.code == "42804":
		// "could not convert" against "cannot be matched", for types that do not
		// meet in CASE or GREATEST.
		return strings.Contains(postgres.message, "could not convert type")
	case q.mistaken && millrace.code == "42883":
		// Functions that only a mistake brings in, which Millrace does not have: of
		// time with time zone, and array_agg of arrays.
		return strings.Contains(millrace.message, "timezone(unknown, time without time zone)") || strings.Contains(millrace.message, "function array_agg(") && strings.Contains(millrace.message, "[])")
	case q.mistaken && postgres.code == "42883" && millrace.code == "":
		// Millrace has the min and max of bytea and uuid that later versions of
		// PostgreSQL have, and compares arrays whose elements compare.
		return extremesOfBytes.MatchString(postgres.message) || arrayComparison.MatchString(postgres.message)
	}
	return false
}

// failsForRow reports whether an error is about the values of a row.
func failsForRow(a *answer) bool {
	switch a.code {
	case "54000": // chr(0)
		return true
	case "42601":
		return a.message == "multiple decimal points" // in a template of to_char
	case "0A000":
		return strings.HasPrefix(a.message, "cannot convert ") || strings.HasPrefix(a.message, "unit ")
	}
	return strings.HasPrefix(a.code, "22")
}

// refusals are what Millrace does not keep up to date, as its documentation says, and
// random queries ask for now and then.
var refusals = []string{
	"a subquery that refers to the row of a stream other than by equality is not supported",
	"a subquery that refers to the row outside in this place is not supported",
	"a function in FROM without a stream or table is not supported", // with a subquery over relations in it
}

// tooLarge is why a query fails, as its documentation says, whose window functions meet
// more rows in a partition than are kept up to date: behind a cross join there may be.
const tooLarge = "a partition of window functions has more than"

// refusal returns which of the refusals a difference is, or "".
func refusal(difference error) string {
	if strings.Contains(difference.Error(), tooLarge) {
		return tooLarge
	}
	for _, reason := range refusals {
		if strings.Contains(difference.Error(), "statement 0A000: "+reason) {
			return reason
		}
	}
	return ""
}
