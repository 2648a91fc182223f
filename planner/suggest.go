package planner

// closest returns the candidate whose key is most like name, "" when none is
// near: at most a third of the letters may differ.
func closest(name string, candidates []string, key func(string) string) string {
	best, bestDistance := "", len(name)/3+1
	for _, candidate := range candidates {
		if d := editDistance(name, key(candidate), bestDistance); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// editDistance is the Levenshtein distance of two strings in bytes, or any
// number of at least limit when it is no less than that.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

func identity(s string) string { return s }
