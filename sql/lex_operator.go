package sql

import "strings"

// operator lexes an operator: the longest run of operator characters, with
// two exceptions of PostgreSQL. A comment ends it, and of an operator of
// several characters a trailing + or - is left for the next token unless one
// of ~ ! @ # ^ & | ` ? % is in it: so that a=-1 and a@-1 both read as meant.
func (l *lexer) operator() token {
	start, end := l.position, l.position+1
	for end < len(l.text) && byteClass[l.text[end]]&operatorClass != 0 {
		if begins := l.text[end : end+1]; begins == "-" || begins == "/" {
			if startsComment(l.text[end:]) {
				break
			}
		}
		end++
	}
	symbol := l.text[start:end]
	if last := symbol[len(symbol)-1]; len(symbol) > 1 && (last == '+' || last == '-') {
		symbol = withoutTrailingSign(symbol)
	}
	if len(symbol) > maxNameLength {
		l.fail(start, start+len(symbol), "operator too long")
	}
	l.position = start + len(symbol)
	return token{kind: operatorKind(symbol)}
}

// startsComment says whether a text begins with -- or /*.
func startsComment(text string) bool {
	return strings.HasPrefix(text, "--") || strings.HasPrefix(text, "/*")
}

// withoutTrailingSign cuts the + and - at the end of an operator that has
// none of the characters that keep them.
func withoutTrailingSign(symbol string) string {
	if strings.ContainsAny(symbol, "~!@#^&|`?%") {
		return symbol
	}
	for len(symbol) > 1 && (symbol[len(symbol)-1] == '+' || symbol[len(symbol)-1] == '-') {
		symbol = symbol[:len(symbol)-1]
	}
	return symbol
}

// operatorKind returns the kind of an operator's token.
func operatorKind(symbol string) tokenKind {
	switch symbol {
	case "+":
		return plus
	case "-":
		return minus
	case "*":
		return asterisk
	case "/":
		return slash
	case "%":
		return percent
	case "^":
		return caret
	case "<":
		return less
	case ">":
		return greater
	case "=":
		return equals
	case "<=":
		return lessEquals
	case ">=":
		return greaterEquals
	case "<>", "!=":
		return notEquals
	case "=>":
		return arrow
	}
	return operatorToken
}
