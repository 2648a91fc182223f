package types

// dateWordKind is what a word means in a date.
type dateWordKind uint8

const (
	wordIgnored  dateWordKind = iota
	wordMonth                 // value: 1 to 12
	wordWeekday               // ignored
	wordAMPM                  // value: halfAM or halfPM
	wordEra                   // value: 1 for BC
	wordDST                   // a zone's summer time, an hour ahead
	wordReserved              // value: one of the special values
	wordUnit                  // a label of the next number
	wordISOTime               // T: a time follows
)

// dateWord is one entry of the words of dates.
type dateWord struct {
	kind  dateWordKind
	value int
}

// The special values.
const (
	specialNow = iota
	specialYesterday
	specialToday
	specialTomorrow
	specialMidnightUTC // allballs
	specialEpoch
	specialLate
	specialEarly
)

// The halves of the day.
const (
	half24 = iota
	halfAM
	halfPM
)

// The units that label a number in a date.
const (
	unitOther = iota
	unitJulian
	unitTime
	unitYear
	unitMonth
	unitDay
	unitHour
	unitMinute
	unitSecond
)

// dateWords are the words that dates may have, in lower case, as far as they
// are told apart: the first ten letters.
var dateWords = map[string]dateWord{
	"jan": {wordMonth, 1}, "january": {wordMonth, 1},
	"feb": {wordMonth, 2}, "february": {wordMonth, 2},
	"mar": {wordMonth, 3}, "march": {wordMonth, 3},
	"apr": {wordMonth, 4}, "april": {wordMonth, 4},
	"may": {wordMonth, 5},
	"jun": {wordMonth, 6}, "june": {wordMonth, 6},
	"jul": {wordMonth, 7}, "july": {wordMonth, 7},
	"aug": {wordMonth, 8}, "august": {wordMonth, 8},
	"sep": {wordMonth, 9}, "sept": {wordMonth, 9}, "september": {wordMonth, 9},
	"oct": {wordMonth, 10}, "october": {wordMonth, 10},
	"nov": {wordMonth, 11}, "november": {wordMonth, 11},
	"dec": {wordMonth, 12}, "december": {wordMonth, 12},

	"sun": {wordWeekday, 0}, "sunday": {wordWeekday, 0},
	"mon": {wordWeekday, 1}, "monday": {wordWeekday, 1},
	"tue": {wordWeekday, 2}, "tues": {wordWeekday, 2}, "tuesday": {wordWeekday, 2},
	"wed": {wordWeekday, 3}, "weds": {wordWeekday, 3}, "wednesday": {wordWeekday, 3},
	"thu": {wordWeekday, 4}, "thur": {wordWeekday, 4}, "thurs": {wordWeekday, 4}, "thursday": {wordWeekday, 4},
	"fri": {wordWeekday, 5}, "friday": {wordWeekday, 5},
	"sat": {wordWeekday, 6}, "saturday": {wordWeekday, 6},

	"am": {wordAMPM, halfAM}, "pm": {wordAMPM, halfPM},
	"ad": {wordEra, 0}, "bc": {wordEra, 1},
	"at": {wordIgnored, 0}, "on": {wordIgnored, 0},
	"dst": {wordDST, 0},

	"now": {wordReserved, specialNow}, "today": {wordReserved, specialToday},
	"yesterday": {wordReserved, specialYesterday}, "tomorrow": {wordReserved, specialTomorrow},
	"allballs": {wordReserved, specialMidnightUTC},
	"epoch":    {wordReserved, specialEpoch},
	"infinity": {wordReserved, specialLate}, "-infinity": {wordReserved, specialEarly},

	"t": {wordISOTime, unitTime},
	"j": {wordUnit, unitJulian}, "jd": {wordUnit, unitJulian}, "julian": {wordUnit, unitJulian},
	"y": {wordUnit, unitYear}, "m": {wordUnit, unitMonth}, "d": {wordUnit, unitDay},
	"h": {wordUnit, unitHour}, "mm": {wordUnit, unitMinute}, "s": {wordUnit, unitSecond},
	"dow": {wordUnit, unitOther}, "doy": {wordUnit, unitOther},
	"isodow": {wordUnit, unitOther}, "isoyear": {wordUnit, unitOther},
}

// wordLength is how many letters of a word count.
const wordLength = 10

func lookUpDateWord(s string) (dateWord, bool) {
	w, ok := dateWords[s[:min(len(s), wordLength)]]
	return w, ok
}
