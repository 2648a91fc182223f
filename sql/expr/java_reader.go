package expr

import (
	"strings"
	"time"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// javaReader reads text by a pattern. All of the text must be read; names are read
// in any case; fields that are absent are those of 1970-01-01, midnight.
type javaReader struct {
	text, pattern string
	at            int
	nodes         []javaNode

	fields javaFieldSet
	zone   *time.Location
}

// javaFieldNames are the letters under which fields are kept.
const javaFieldNames = "GuyDMdQEahHmsnAN"

// javaFieldSet holds the fields that were read, by the place of their names in
// javaFieldNames.
type javaFieldSet struct {
	values [len(javaFieldNames)]int64
	seen   uint32
}

// find returns a field, and whether it was read.
func (f *javaFieldSet) find(name byte) (int64, bool) {
	at := strings.IndexByte(javaFieldNames, name)
	return f.values[at], f.seen&(1<<at) != 0
}

// javaFieldName returns the letter under which a field is kept.
func javaFieldName(letter byte) byte {
	switch letter {
	case 'L':
		return 'M'
	case 'q':
		return 'Q'
	case 'K':
		return 'h'
	case 'k':
		return 'H'
	case 'S':
		return 'n'
	}
	return letter
}

func (r *javaReader) errMalformed() error {
	return sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "text \"%s\" does not match the pattern \"%s\"", r.text, r.pattern).
		WithDetail("It differs at character %d.", len([]rune(r.text[:min(r.at, len(r.text))]))+1)
}

// read reads the whole text.
func (r *javaReader) read() error {
	end, ok := r.sequence(0)
	if !ok || end < len(r.nodes) || r.at < len(r.text) {
		return r.errMalformed()
	}
	return nil
}

// sequence reads nodes from one on, up to the end or the bracket that closes them,
// and returns the number of that node.
func (r *javaReader) sequence(from int) (end int, ok bool) {
	for i := from; i < len(r.nodes); i++ {
		n := r.nodes[i]
		switch {
		case n.close:
			return i, true
		case n.open:
			at, fields := r.at, r.fields
			if _, ok := r.sequence(i + 1); !ok {
				r.at, r.fields = at, fields
			}
			i = r.closing(i)
		case n.letter == 0:
			if !hasPrefixFold(r.text[r.at:], n.text) {
				return 0, false
			}
			r.at += len(n.text)
		case n.isNumber():
			if !r.number(i) {
				return 0, false
			}
		default:
			if !r.word(n) {
				return 0, false
			}
		}
	}
	return len(r.nodes), true
}

// closing returns the number of the bracket that closes the one at i.
func (r *javaReader) closing(i int) int {
	for depth := 0; ; i++ {
		switch {
		case r.nodes[i].open:
			depth++
		case r.nodes[i].close:
			if depth--; depth == 0 {
				return i
			}
		}
	}
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// number reads a number. One that may have more digits than its pattern leaves as
// many as the numbers behind it take.
func (r *javaReader) number(i int) bool {
	n := r.nodes[i]
	least, most := n.count, n.fixedWidth()
	if most == 0 {
		most = 19
		for _, next := range r.nodes[i+1:] {
			width := next.fixedWidth()
			if width == 0 {
				break
			}
			most -= width
		}
	}
	rest := r.text[r.at:]
	sign := int64(1)
	if rest != "" && (rest[0] == '-' || rest[0] == '+') && n.fixedWidth() == 0 {
		if rest[0] == '-' {
			sign = -1
		}
		rest = rest[1:]
		r.at++
	}
	digits := 0
	for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	if n.fixedWidth() == 0 {
		digits -= 19 - most
	}
	if digits = min(digits, most); digits < least || digits == 0 {
		return false
	}
	v, _, fits := leadingInt(rest[:digits])
	if !fits && n.letter != 'N' && n.letter != 'A' {
		return false
	}
	r.at += digits
	value := sign * int64(v)
	switch {
	case (n.letter == 'y' || n.letter == 'u') && n.count == 2:
		value += 2000
	case n.letter == 'S':
		value *= powersOfTen[9-n.count]
	case n.letter == 'k':
		value %= 24
	case n.letter == 'h':
		value %= 12
	}
	return r.keep(javaFieldName(n.letter), value)
}

// keep notes a field, which must not contradict itself.
func (r *javaReader) keep(name byte, value int64) bool {
	if old, seen := r.fields.find(name); seen && old != value {
		return false
	}
	at := strings.IndexByte(javaFieldNames, name)
	r.fields.values[at] = value
	r.fields.seen |= 1 << at
	return true
}

// word reads a name or a zone.
func (r *javaReader) word(n javaNode) bool {
	switch n.letter {
	case 'G':
		if n.count == 4 {
			return r.oneOf('G', 0, 0, "Before Christ", "Anno Domini")
		}
		return r.oneOf('G', 0, 0, "BC", "AD")
	case 'a':
		return r.oneOf('a', 0, 0, "AM", "PM")
	case 'E':
		return r.oneOf('E', n.letters(), 0, dayNames...)
	case 'M', 'L':
		return r.oneOf('M', n.letters(), 1, monthNames...)
	}
	return r.readZone(n)
}

// letters returns how many letters of a name a field has, 0 for all.
func (n javaNode) letters() int {
	switch n.count {
	case 4:
		return 0
	case 5:
		return 1
	}
	return 3
}

func (r *javaReader) oneOf(name byte, letters int, first int64, words ...string) bool {
	for i, word := range words {
		if letters > 0 {
			word = word[:letters]
		}
		if hasPrefixFold(r.text[r.at:], word) {
			r.at += len(word)
			return r.keep(name, first+int64(i))
		}
	}
	return false
}

// readZone reads a zone's name, or an offset.
func (r *javaReader) readZone(n javaNode) bool {
	rest := r.text[r.at:]
	named := n.letter == 'V' || n.letter == 'z'
	end := 0
	for end < len(rest) && (rest[end] == '+' || rest[end] == '-' || rest[end] == ':' || isLetterOrDigit(rest[end]) || named && strings.IndexByte("/_", rest[end]) >= 0) {
		end++
	}
	text := rest[:end]
	r.at += end
	if seconds, ok, _ := types.ParseZoneOffset(text); ok {
		r.zone = time.FixedZone(text, seconds)
		return true
	}
	if text == "Z" || text == "z" {
		r.zone = time.UTC
		return true
	}
	if !named {
		return false
	}
	zone, ok := types.NamedZone(text)
	r.zone = zone
	return ok
}

// local returns the local time of the fields, in microseconds.
func (r *javaReader) local() (int64, error) {
	days, ok := r.days()
	if !ok {
		return 0, r.errOutOfRange()
	}
	ofDay, ok := r.timeOfDay()
	if !ok {
		return 0, r.errOutOfRange()
	}
	return joinTimestamp(days, ofDay)
}

func (r *javaReader) errOutOfRange() error {
	return sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "date/time field value out of range: \"%s\"", r.text)
}

// field returns a field, or what stands for it where it is absent.
func (r *javaReader) field(name byte, otherwise int64) int64 {
	if v, seen := r.fields.find(name); seen {
		return v
	}
	return otherwise
}

func (r *javaReader) days() (int64, bool) {
	year := r.field('u', 1970)
	if era, seen := r.fields.find('y'); seen {
		year = era
		if r.field('G', 1) == 0 {
			year = 1 - era
		}
	}
	month, day := r.field('M', 1), r.field('d', 1)
	if quarter, seen := r.fields.find('Q'); seen && r.field('M', 0) == 0 {
		month = quarter*3 - 2
	}
	if year < -5000 || year > 6000000 || month < 1 || month > 12 || day < 1 {
		return 0, false
	}
	start := date{int(year), 1, 1}.days()
	if ofYear, seen := r.fields.find('D'); seen {
		return start + ofYear - 1, ofYear >= 1 && ofYear <= date{int(year) + 1, 1, 1}.days()-start
	}
	return date{int(year), int(month), int(day)}.days(), day <= int64(monthDays(int(year), int(month)))
}

func (r *javaReader) timeOfDay() (int64, bool) {
	if v, seen := r.fields.find('N'); seen {
		return v / 1000, v >= 0 && v/1000 < microsPerDay
	}
	if v, seen := r.fields.find('A'); seen {
		return v * 1000, v >= 0 && v*1000 < microsPerDay
	}
	hour := r.field('H', r.field('h', 0)+12*r.field('a', 0))
	minute, second := r.field('m', 0), r.field('s', 0)
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return 0, false
	}
	return clock{int(hour), int(minute), int(second), int(r.field('n', 0) / 1000)}.micros(), true
}
