package sql

// precedence is how tightly an operator binds, as in PostgreSQL's section
// 4.1.6; higher binds tighter.
type precedence int8

const (
	noOperator precedence = iota
	orPrecedence
	andPrecedence
	notPrecedence
	isPrecedence         // IS, ISNULL, NOTNULL
	comparisonPrecedence // < > = <= >= <>
	patternPrecedence    // BETWEEN IN LIKE ILIKE SIMILAR
	otherPrecedence      // any other operator
	additivePrecedence
	multiplicativePrecedence
	powerPrecedence
	atPrecedence // AT TIME ZONE
	collatePrecedence
	signPrecedence // unary + and -
	castPrecedence // ::
)

// lowestPrecedence admits every operator.
const lowestPrecedence = orPrecedence

// infixPrecedence returns the precedence of the infix or postfix operator
// that the current token begins, noOperator if it begins none. In a
// restricted expression (PostgreSQL's b_expr) only operators without words
// and IS DISTINCT FROM are.
func (p *parser) infixPrecedence(restricted bool) precedence {
	switch p.token.kind {
	case less, greater, equals, lessEquals, greaterEquals, notEquals:
		return comparisonPrecedence
	case operatorToken:
		return otherPrecedence
	case plus, minus:
		return additivePrecedence
	case asterisk, slash, percent:
		return multiplicativePrecedence
	case caret:
		return powerPrecedence
	case typecast:
		return castPrecedence
	case word:
		if restricted {
			return p.restrictedWordPrecedence()
		}
		return p.wordPrecedence()
	}
	return noOperator
}

// wordPrecedence is infixPrecedence for a word.
func (p *parser) wordPrecedence() precedence {
	switch p.token.keyword {
	case kwOr, kwAnd, kwIs, kwBetween, kwIn, kwLike, kwIlike, kwCollate:
		if p.depth == p.targetDepth && p.labelEndsTarget() {
			return noOperator
		}
	}
	switch p.token.keyword {
	case kwOr:
		return orPrecedence
	case kwAnd:
		return andPrecedence
	case kwIs, kwIsnull, kwNotnull:
		return isPrecedence
	case kwBetween, kwIn, kwLike, kwIlike:
		return patternPrecedence
	case kwSimilar:
		if p.peekIs(kwTo) {
			return patternPrecedence
		}
	case kwNot:
		switch p.peek().keyword {
		case kwBetween, kwIn, kwLike, kwIlike, kwSimilar:
			return patternPrecedence
		}
	case kwOperator:
		if p.peek().kind == leftParenthesis {
			return otherPrecedence
		}
	case kwAt:
		if p.peekIs(kwTime) {
			return atPrecedence
		}
	case kwCollate:
		return collatePrecedence
	}
	return noOperator
}

// labelEndsTarget says whether the current word is the label of an item of a
// SELECT list although it could be an operator: SELECT a AND, b like FROM c.
func (p *parser) labelEndsTarget() bool {
	switch following := p.peek(); following.kind {
	case comma, endOfInput, semicolon, rightParenthesis:
		return true
	default:
		return following.keyword == kwFrom
	}
}

// restrictedWordPrecedence is infixPrecedence for a word in a restricted
// expression.
func (p *parser) restrictedWordPrecedence() precedence {
	switch p.token.keyword {
	case kwIs:
		return isPrecedence
	case kwOperator:
		if p.peek().kind == leftParenthesis {
			return otherPrecedence
		}
	}
	return noOperator
}
