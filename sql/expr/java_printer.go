package expr

import (
	"time"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// javaMoment is what a pattern can print: local time, and the zone that it is in.
type javaMoment struct {
	local            int64
	hasDate, hasTime bool
	zone             *time.Location
	abbreviation     string
	offset           int // seconds east of UTC
}

// javaPrinter prints by patterns, with memory that it keeps between calls.
type javaPrinter struct {
	cache javaPatternCache
	out   []byte
	arena types.StringArena
}

func (p *javaPrinter) print(m javaMoment, pattern string) (string, error) {
	nodes, err := p.cache.nodes(pattern)
	if err != nil {
		return "", err
	}
	if isInfinite(m.local) {
		return "", sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "infinity cannot be printed by a pattern")
	}
	p.out = p.out[:0]
	days, ofDay := splitTimestamp(m.local)
	d, c := dateOf(days), clockOf(ofDay)
	for _, n := range nodes {
		if n.letter == 0 {
			p.out = append(p.out, n.text...)
			continue
		}
		if err := m.check(n); err != nil {
			return "", err
		}
		switch {
		case n.isNumber():
			p.out = n.appendNumber(p.out, d, days, c, ofDay)
		case n.letter == 'V' || n.letter == 'z' || n.letter == 'X' || n.letter == 'x' || n.letter == 'Z':
			p.out = m.appendZone(p.out, n)
		default:
			p.out = n.appendName(p.out, d, days, c)
		}
	}
	return p.arena.Copy(p.out), nil
}

// check refuses fields that the value does not have.
func (m *javaMoment) check(n javaNode) error {
	has := true
	switch n.letter {
	case 'G', 'u', 'y', 'D', 'M', 'L', 'd', 'Q', 'q', 'E':
		has = m.hasDate
	case 'V', 'z', 'X', 'x', 'Z':
		has = m.zone != nil
	default:
		has = m.hasTime
	}
	if has {
		return nil
	}
	return sqlerr.New(sqlerr.InvalidParameterValue, -1, "pattern letter \"%c\" asks for what the value does not have", n.letter)
}

// appendNumber prints a field that is a number, with zeros in front.
func (n javaNode) appendNumber(out []byte, d date, days int64, c clock, ofDay int64) []byte {
	v, width := n.value(d, days, c, ofDay), n.count
	switch n.letter {
	case 'S':
		digits := appendDigits(nil, templateNode{}, int64(c.micro)*1000, 9)
		return append(out, digits[:n.count]...)
	case 'u', 'y':
		if n.count == 2 {
			return appendDigits(out, templateNode{}, floorModulo(v, 100), 2)
		}
		if n.count >= 4 && v >= powersOfTen[n.count] {
			out = append(out, '+')
		}
	}
	return appendDigits(out, templateNode{}, v, width)
}

func (n javaNode) value(d date, days int64, c clock, ofDay int64) int64 {
	switch n.letter {
	case 'u':
		return int64(d.year)
	case 'y':
		if d.year <= 0 {
			return int64(1 - d.year)
		}
		return int64(d.year)
	case 'D':
		return days - date{d.year, 1, 1}.days() + 1
	case 'M', 'L':
		return int64(d.month)
	case 'd':
		return int64(d.day)
	case 'Q', 'q':
		return int64((d.month-1)/3 + 1)
	case 'h':
		return int64((c.hour+11)%12 + 1)
	case 'K':
		return int64(c.hour % 12)
	case 'k':
		return int64((c.hour+23)%24 + 1)
	case 'H':
		return int64(c.hour)
	case 'm':
		return int64(c.minute)
	case 's':
		return int64(c.second)
	case 'A':
		return ofDay / 1000
	case 'n':
		return int64(c.micro) * 1000
	}
	return ofDay * 1000 // N
}

// appendName prints a field that is a word: short, whole or of one letter.
func (n javaNode) appendName(out []byte, d date, days int64, c clock) []byte {
	name := ""
	switch n.letter {
	case 'G':
		name = "AD"
		if d.year <= 0 {
			name = "BC"
		}
		if n.count == 4 {
			name = map[string]string{"AD": "Anno Domini", "BC": "Before Christ"}[name]
		}
		return append(out, name...)
	case 'a':
		name = "AM"
		if c.hour >= 12 {
			name = "PM"
		}
		return append(out, name...)
	case 'E':
		name = dayNames[weekday(days)]
	default:
		name = monthNames[d.month-1]
	}
	switch {
	case n.count == 5:
		name = name[:1]
	case n.count < 4:
		name = name[:3]
	}
	return append(out, name...)
}

// appendZone prints the zone's name or its offset.
func (m *javaMoment) appendZone(out []byte, n javaNode) []byte {
	switch n.letter {
	case 'V':
		return append(out, m.zone.String()...)
	case 'z':
		return append(out, m.abbreviation...)
	}
	if m.offset == 0 && (n.letter == 'X' || n.letter == 'Z' && n.count == 5) {
		return append(out, 'Z')
	}
	sign, offset := byte('+'), int64(m.offset)
	if offset < 0 {
		sign, offset = '-', -offset
	}
	out = appendDigits(append(out, sign), templateNode{}, offset/3600, 2)
	if n.letter != 'Z' && n.count == 1 && offset/60%60 == 0 {
		return out
	}
	if n.letter == 'Z' && n.count == 5 || n.letter != 'Z' && n.count == 3 {
		out = append(out, ':')
	}
	return appendDigits(out, templateNode{}, offset/60%60, 2)
}
