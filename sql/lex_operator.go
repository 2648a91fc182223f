package sql

// operatorRun is a run of operator characters up to white space, a comment or
// anything else. The lexer keeps the last one: of a run such as -+-+-+ each
// token is one character, and looking for the end anew for each would take
// quadratic time.
type operatorRun struct {
	start, end int
	// lastKeeping is the position of the last character that keeps a sign at
	// the end, lastOther that of the last one that is no sign; -1 without.
	lastKeeping, lastOther int
}

// operator lexes an operator: the longest run of operator characters, with
// two exceptions of PostgreSQL. A comment ends it, and of an operator of
// several characters a trailing + or - is left for the next token unless one
// of ~ ! @ # ^ & | ` ? % is in it: so that a=-1 and a@-1 both read as meant.
func (l *lexer) operator() token {
	start := l.position
	if start < l.run.start || start >= l.run.end {
		l.run = l.scanOperatorRun(start)
	}
	end := l.run.end
	if l.run.lastKeeping < start {
		end = max(start, l.run.lastOther) + 1
	}
	symbol := l.text[start:end]
	if len(symbol) > maxNameLength {
		l.fail(start, end, "operator too long")
	}
	l.position = end
	return token{kind: operatorKind(symbol)}
}

// scanOperatorRun looks through the run that begins at start.
func (l *lexer) scanOperatorRun(start int) operatorRun {
	run := operatorRun{start: start, lastKeeping: -1, lastOther: -1}
	i := start
	for ; i < len(l.text) && byteClass[l.text[i]]&operatorClass != 0; i++ {
		if i > start && l.atComment(i) {
			break
		}
		switch l.text[i] {
		case '+', '-':
		case '~', '!', '@', '#', '^', '&', '|', '`', '?', '%':
			run.lastKeeping, run.lastOther = i, i
		default:
			run.lastOther = i
		}
	}
	run.end = i
	return run
}

// atComment says whether a comment begins at a position.
func (l *lexer) atComment(i int) bool {
	following := l.byteAt(i + 1)
	return l.text[i] == '-' && following == '-' || l.text[i] == '/' && following == '*'
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
