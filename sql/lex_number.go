package sql

// number lexes an unsigned number: digits, perhaps with a point and an
// exponent. Of 1..2 only the 1 is taken.
func (l *lexer) number() token {
	start, i := l.position, l.position
	kind := integerToken
	for isDigit(l.byteAt(i)) {
		i++
	}
	if l.byteAt(i) == '.' && l.byteAt(i+1) != '.' {
		kind = numericToken
		i++
		for isDigit(l.byteAt(i)) {
			i++
		}
	}
	if c := l.byteAt(i); c == 'e' || c == 'E' {
		exponent := i + 1
		if sign := l.byteAt(exponent); sign == '+' || sign == '-' {
			exponent++
		}
		if isDigit(l.byteAt(exponent)) {
			kind = numericToken
			for i = exponent; isDigit(l.byteAt(i)); i++ {
			}
		}
	}
	l.position = i
	l.refuseJunk(start, "trailing junk after numeric literal")
	return token{kind: kind}
}

// refuseJunk fails where a letter follows a number directly.
func (l *lexer) refuseJunk(start int, message string) {
	if byteClass[l.byteAt(l.position)]&letterClass == 0 {
		return
	}
	end := l.position
	for end < len(l.text) && isWordByte(l.text[end]) {
		end++
	}
	l.fail(start, end, message)
}

// parameterOrDollarString lexes $1, or a string between $tag$ and $tag$.
func (l *lexer) parameterOrDollarString() token {
	start, i := l.position, l.position+1
	if isDigit(l.byteAt(i)) {
		for isDigit(l.byteAt(i)) {
			i++
		}
		l.position = i
		l.refuseJunk(start, "trailing junk after parameter")
		return token{kind: parameterToken}
	}
	return l.dollarString()
}
