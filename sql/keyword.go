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

// Keyword is a keyword of PostgreSQL, as pg_get_keywords lists it.
type Keyword struct {
	Word string
	// Category is U for one that is not reserved, C for one that may name columns, T for
	// one that may name types and functions, and R for a reserved one.
	Category byte
	// BareLabel is set for one that may label a column without AS.
	BareLabel bool
}

// PostgresKeywords returns PostgreSQL's keywords in order.
func PostgresKeywords() []Keyword {
	var list []Keyword
	for _, word := range Keywords() {
		if k := keywordsByWord[word]; !keywordTable[k].ours {
			list = append(list, Keyword{Word: word, Category: "UCTR"[keywordTable[k].category], BareLabel: k.isBareLabel()})
		}
	}
	return list
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
