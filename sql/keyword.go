package sql

import "slices"

// keywordCategory says where a keyword may serve as a name, as PostgreSQL's
// Appendix C tells them apart.
type keywordCategory uint8

const (
	// unreserved: any name.
	unreserved keywordCategory = iota
	// columnName: a column or table, but not a function or type.
	columnName
	// typeOrFunctionName: a function or type, but not a column or table.
	typeOrFunctionName
	// reserved: a label after AS only.
	reserved
)

// maxKeywordLength is the length of the longest keyword.
const maxKeywordLength = len("current_timestamp")

// keywordsByWord finds keywords. It is never changed.
var keywordsByWord = indexKeywords()

func indexKeywords() map[string]keyword {
	index := make(map[string]keyword, keywordCount)
	for k := notKeyword + 1; k < keywordCount; k++ {
		index[keywordTable[k].word] = k
	}
	return index
}

// lookupKeyword returns the keyword that an unquoted identifier is, whatever
// its case, without allocating.
func lookupKeyword(word string) keyword {
	if len(word) > maxKeywordLength {
		return notKeyword
	}
	var folded [maxKeywordLength]byte
	for i := 0; i < len(word); i++ {
		folded[i] = lowerByte(word[i])
	}
	return keywordsByWord[string(folded[:len(word)])]
}

// isColumnName says whether k may name a column or table without quotes.
func (k keyword) isColumnName() bool {
	return keywordTable[k].category <= columnName
}

// isTypeOrFunctionName says whether k may name a type or function without quotes.
func (k keyword) isTypeOrFunctionName() bool {
	category := keywordTable[k].category
	return category == unreserved || category == typeOrFunctionName
}

// isReserved says whether k is usable after AS and behind a dot only.
func (k keyword) isReserved() bool {
	return keywordTable[k].category == reserved
}

// isPlainWord says whether k is an identifier like any other to PostgreSQL.
func (k keyword) isPlainWord() bool {
	return k == notKeyword || keywordTable[k].ours
}

// isBareLabel says whether k may label a column without AS.
func (k keyword) isBareLabel() bool {
	return keywordTable[k].bareLabel
}

// Keywords returns all keywords in lower case, in order.
func Keywords() []string {
	words := make([]string, 0, keywordCount)
	for k := notKeyword + 1; k < keywordCount; k++ {
		words = append(words, keywordTable[k].word)
	}
	slices.Sort(words)
	return words
}
