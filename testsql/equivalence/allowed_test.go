package equivalence

// allowedCodes is the list of known differences between the errors of
// PostgreSQL and Millrace.
func allowedCodes(postgres, millrace *answer) bool {
	// Where several rows fail, PostgreSQL tells of the first one that it meets and
	// Millrace of the first in a batch: both tell of a row (class 22), or of
	// infinity where an integer is wanted.
	return failsForRow(postgres) && failsForRow(millrace)
}

func failsForRow(a *answer) bool {
	return len(a.code) == 5 && a.code[:2] == "22" || a.code == "0A000" && a.message == "cannot convert infinity to "+lastWord(a.message)
}
