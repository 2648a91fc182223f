package expr

import (
	"bytes"
	"strings"

	"millrace/sql/sqlerr"
)

// numberPrinter prints one number by a template. Its rules are those of Oracle as
// PostgreSQL has them: the patterns 9, 0 and the point form one line of places,
// of which the last ones take the number's characters and those in front are
// blank or zero; the sign stands in front of the first place that is printed.
type numberPrinter struct {
	template *numberTemplate
	negative bool
	number   string // digits with a point, or number signs
	after    int    // how many digits there are behind the point
	at       int    // in number: the next character to print

	// blanks is how many places there are in front of the number.
	blanks int
	// place is the number of places passed; places is how many there are.
	place, places int
	// lastRelevant is the last character of the number that is not a zero behind
	// the point, with FM and a point; -1 otherwise.
	lastRelevant int
	brackets     bool
	sign         signPlace
	signed       bool // the sign is printed, or need not be
	inNumber     bool // a digit was just printed

	out []byte
}

// printNumber prints a number that is given as text.
func printNumber(t *numberTemplate, n numberText) (string, error) {
	p := numberPrinter{template: t, negative: n.negative, number: n.text, after: n.after, lastRelevant: -1, brackets: t.brackets, sign: t.sign}
	if t.roman {
		return p.printRoman(), nil
	}
	before := t.before + t.shifted
	whole := len(n.text)
	if point := strings.IndexByte(n.text, '.'); point >= 0 {
		whole = point
	}
	switch {
	case whole < before:
		p.blanks = before - whole
	case whole > before:
		p.number = strings.Repeat("#", before) + "." + strings.Repeat("#", n.after)
	}
	p.prepareSign(before)
	p.places = before + n.after - 1
	if t.fill && t.hasPoint {
		p.findLastRelevant()
	}
	if !p.signed && p.blanks == 0 {
		p.places++
	}
	if err := p.printNodes(); err != nil {
		return "", err
	}
	// A place without a character of the number ends the text.
	if end := bytes.IndexByte(p.out, 0); end >= 0 {
		p.out = p.out[:end]
	}
	return string(p.out), nil
}

// prepareSign decides whether the number's own sign is printed at all.
func (p *numberPrinter) prepareSign(before int) {
	t := p.template
	if t.plus || t.minus {
		p.signed = t.minus
		return
	}
	if !p.negative && t.fill {
		p.brackets = false
	}
	p.signed = !p.negative && t.fill && t.sign == signNone
	if t.sign == signInFront && before == t.signAt {
		p.sign = signBehind
	}
}

// findLastRelevant finds the character behind which FM prints nothing.
func (p *numberPrinter) findLastRelevant() {
	point := strings.IndexByte(p.number, '.')
	if point < 0 {
		return
	}
	p.lastRelevant = point + len(strings.TrimRight(p.number[point+1:], "0"))
	if zeroUntil := p.template.zeroUntil; zeroUntil > p.blanks {
		p.lastRelevant = max(p.lastRelevant, min(len(p.number)-1, zeroUntil-p.blanks))
	}
}

// character returns character i of the number, 0 behind its end.
func (p *numberPrinter) character(i int) byte {
	if i < len(p.number) {
		return p.number[i]
	}
	return 0
}

// endsAtPoint reports whether FM leaves nothing behind the point.
func (p *numberPrinter) endsAtPoint() bool {
	return p.lastRelevant >= 0 && p.number[p.lastRelevant] == '.'
}

// isLeadingZero reports whether the next character is the zero in front of a
// point, which a template without 0 does not print: 0.1 is .1.
func (p *numberPrinter) isLeadingZero() bool {
	return p.template.zeroFrom < 0 && p.at == 0 && p.character(0) == '0' && p.after != 0
}

func (p *numberPrinter) blank() {
	if !p.template.fill {
		p.out = append(p.out, ' ')
	}
}

func (p *numberPrinter) printNodes() error {
	for _, n := range p.template.nodes {
		switch n.pattern {
		case "":
			p.out = append(p.out, n.text...)
		case "9", "0", ".", "D":
			p.printPlace(n.pattern == "0")
		case ",", "G":
			if p.inNumber {
				p.out = append(p.out, ',')
			} else {
				p.blank()
			}
		case "L":
			p.out = append(p.out, ' ')
		case "TH":
			if err := p.printOrdinal(n.lower); err != nil {
				return err
			}
		case "MI":
			p.printSignOrBlank(p.negative, '-')
		case "PL":
			p.printSignOrBlank(!p.negative, '+')
		case "SG":
			p.out = append(p.out, p.signCharacter())
		}
	}
	return nil
}

func (p *numberPrinter) signCharacter() byte {
	if p.negative {
		return '-'
	}
	return '+'
}

func (p *numberPrinter) printSignOrBlank(holds bool, sign byte) {
	if holds {
		p.out = append(p.out, sign)
	} else {
		p.blank()
	}
}

func (p *numberPrinter) printOrdinal(lower bool) error {
	if p.negative || p.template.hasPoint || p.character(0) == '#' {
		return nil
	}
	if last := p.number[len(p.number)-1]; last < '0' || last > '9' {
		return sqlerr.New(sqlerr.InvalidTextRepresentation, -1, "\"%s\" is not a number", p.number)
	}
	suffix := ordinalSuffix(p.number)
	if !lower {
		suffix = upperASCII(suffix)
	}
	p.out = append(p.out, suffix...)
	return nil
}

// printPlace prints a 9, a 0 (zero) or a point.
func (p *numberPrinter) printPlace(zero bool) {
	p.inNumber = false
	zeroFrom := p.template.zeroFrom
	printed := p.place >= p.blanks || zeroFrom == p.place
	if !p.signed && printed && (!p.isLeadingZero() || p.endsAtPoint()) {
		p.printSign()
	}
	switch {
	case p.place >= p.blanks:
		p.printCharacter(zero)
	case zeroFrom >= 0 && zeroFrom <= p.place:
		p.out = append(p.out, '0')
		p.inNumber = true
	default:
		p.blank()
	}
	end := p.places
	if p.blanks > 0 {
		end++
	}
	if p.template.hasPoint {
		end++
	}
	if p.lastRelevant >= 0 && p.lastRelevant == p.at {
		end = p.place
	}
	if p.place+1 == end {
		p.printSignBehind()
	}
	p.place++
}

// printSign prints the sign in front of the number.
func (p *numberPrinter) printSign() {
	switch {
	case p.sign == signInFront:
		p.out = append(p.out, p.signCharacter())
	case p.sign == signBehind:
		return
	case p.brackets && p.negative:
		p.out = append(p.out, '<')
	case p.brackets:
		p.out = append(p.out, ' ')
	case p.negative:
		p.out = append(p.out, '-')
	default:
		p.blank()
	}
	p.signed = true
}

// printSignBehind prints what stands behind the last place.
func (p *numberPrinter) printSignBehind() {
	switch {
	case p.signed && p.brackets && p.negative:
		p.out = append(p.out, '>')
	case p.signed && p.brackets:
		p.out = append(p.out, ' ')
	case p.sign == signBehind:
		p.out = append(p.out, p.signCharacter())
	}
}

// printCharacter prints the next character of the number.
func (p *numberPrinter) printCharacter(zero bool) {
	c := p.character(p.at)
	switch {
	case c == '.':
		p.out = append(p.out, '.')
	case p.lastRelevant >= 0 && p.at > p.lastRelevant && !zero:
	case p.isLeadingZero():
		if !p.template.fill {
			p.out = append(p.out, ' ')
		} else if p.endsAtPoint() {
			p.out = append(p.out, '0')
		}
	default:
		p.out = append(p.out, c)
		p.inNumber = true
	}
	if p.at < len(p.number) {
		p.at++
	}
}

// printRoman prints a template with RN, in which digits mean nothing.
func (p *numberPrinter) printRoman() string {
	for _, n := range p.template.nodes {
		switch n.pattern {
		case "":
			p.out = append(p.out, n.text...)
		case "RN":
			for range 15 - len(p.number) {
				p.blank()
			}
			numeral := p.number
			if n.lower {
				numeral = lowerASCII(numeral)
			}
			p.out = append(p.out, numeral...)
		case ",", "G", "MI", "PL":
			p.blank()
		case "L":
			p.out = append(p.out, ' ')
		case "SG":
			p.out = append(p.out, 0)
		}
	}
	if end := bytes.IndexByte(p.out, 0); end >= 0 {
		p.out = p.out[:end]
	}
	return string(p.out)
}
