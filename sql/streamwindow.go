package sql

import (
	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

func bailWindowing(at ast.Node, message string) {
	bail(sqlerr.New(sqlerr.WindowingError, at.Pos(), "%s", message))
}

// atStreamWindow says whether KSQL's WINDOW clause is next:
//
//	WINDOW TUMBLING (…)         WINDOW name TUMBLING (…)
//
// PostgreSQL's has AS behind its name, which may be any of these words.
func (p *parser) atStreamWindow() bool {
	if !p.at(kwWindow) {
		return false
	}
	if isStreamWindowKind(p.peek().keyword) && p.peekAt(2).kind == leftParenthesis {
		return true
	}
	return isColumnName(p.peek()) && isStreamWindowKind(p.peekAt(2).keyword)
}

func isStreamWindowKind(k keyword) bool {
	return k == kwTumbling || k == kwHopping || k == kwSession || k == kwCumulate
}

// streamWindow takes KSQL's WINDOW clause.
func (p *parser) streamWindow() *ast.StreamWindow {
	n := &ast.StreamWindow{}
	start := p.advance().start
	if p.peek().kind != leftParenthesis {
		n.Name = identifierPointer(p.identifier())
	}
	kind := p.advance().keyword
	p.expectKind(leftParenthesis)
	switch kind {
	case kwTumbling:
		n.Kind = ast.TumblingWindow
		n.Size = p.windowSize()
	case kwHopping, kwCumulate:
		n.Kind = ast.HoppingWindow
		if kind == kwCumulate {
			n.Kind = ast.CumulateWindow
		}
		n.Size = p.windowSize()
		p.expectKind(comma)
		p.expect(kwAdvance, kwBy)
		n.Advance = p.duration()
	default:
		n.Kind = ast.SessionWindow
		n.Size = p.duration()
	}
	for p.acceptKind(comma) {
		switch {
		case p.at(kwRetention):
			p.once(n.Retention != nil)
			p.advance()
			n.Retention = p.duration()
		default:
			p.once(n.Grace != nil)
			p.expect(kwGrace, kwPeriod)
			n.Grace = p.duration()
		}
	}
	p.expectRightParenthesis()
	n.Span = p.spanFrom(start)
	return n
}

func (p *parser) windowSize() *ast.Duration {
	p.expect(kwSize)
	return p.duration()
}

// duration takes 10 SECONDS or INTERVAL '10 seconds'.
func (p *parser) duration() *ast.Duration {
	start := p.token.start
	if p.at(kwInterval) {
		literal, ok := p.typedLiteral().(*ast.TypedLiteral)
		if !ok {
			p.fail()
		}
		return &ast.Duration{Span: literal.Span, Interval: literal}
	}
	if !p.atKind(integerToken) {
		p.failHint("A length of time is a number and a unit, such as 10 SECONDS.")
	}
	count, ok := parseInteger(p.source(p.token))
	if !ok {
		p.fail()
	}
	p.advance()
	unit := p.timeUnit()
	return &ast.Duration{Span: p.spanFrom(start), Count: count, Unit: unit}
}

// timeUnit takes a unit in the singular or plural.
func (p *parser) timeUnit() ast.TimeUnit {
	var unit ast.TimeUnit
	switch p.token.keyword {
	case kwMillisecond, kwMilliseconds:
		unit = ast.Milliseconds
	case kwSecond, kwSeconds:
		unit = ast.Seconds
	case kwMinute, kwMinutes:
		unit = ast.Minutes
	case kwHour, kwHours:
		unit = ast.Hours
	case kwDay, kwDays:
		unit = ast.Days
	case kwWeek, kwWeeks:
		unit = ast.Weeks
	case kwMonth, kwMonths:
		unit = ast.Months
	case kwYear, kwYears:
		unit = ast.Years
	default:
		p.failHint("Units of time are MILLISECONDS, SECONDS, MINUTES, HOURS, DAYS, WEEKS, MONTHS and YEARS.")
	}
	p.advance()
	return unit
}

// atWithin says whether the WITHIN clause of a join is next: a length of time
// follows. WITHIN is a name otherwise, such as an alias.
func (p *parser) atWithin() bool {
	if !p.at(kwWithin) {
		return false
	}
	following := p.peek()
	if following.kind == leftParenthesis {
		following = p.peekAt(2)
	}
	return following.kind == integerToken || following.keyword == kwInterval
}

// within takes WITHIN size | (before, after) [GRACE PERIOD grace].
func (p *parser) within() *ast.Within {
	n := &ast.Within{}
	start := p.advance().start
	if p.acceptKind(leftParenthesis) {
		n.Before = p.duration()
		if p.acceptKind(comma) {
			n.After = p.duration()
		}
		p.expectRightParenthesis()
	} else {
		n.Before = p.duration()
	}
	if p.acceptWords(kwGrace, kwPeriod) {
		n.Grace = p.duration()
	}
	n.Span = p.spanFrom(start)
	return n
}
