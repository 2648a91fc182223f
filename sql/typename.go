package sql

import (
	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// typeName takes the name of a type with its array bounds.
func (p *parser) typeName() *ast.TypeName {
	start := p.token.start
	outer := p.enter()
	setOf := p.accept(kwSetof)
	t := p.simpleTypeName()
	t.SetOf = setOf
	p.arrayBounds(t)
	t.Span = p.spanFrom(start)
	p.leave(outer)
	return t
}

// arrayBounds takes the brackets behind a type, or the word ARRAY.
func (p *parser) arrayBounds(t *ast.TypeName) {
	if p.accept(kwArray) {
		bound := -1
		if p.acceptKind(leftBracket) {
			bound = p.smallInteger()
			p.expectKind(rightBracket)
		}
		t.ArrayBounds = []int{bound}
		return
	}
	for p.acceptKind(leftBracket) {
		bound := -1
		if !p.atKind(rightBracket) {
			bound = p.smallInteger()
		}
		p.expectKind(rightBracket)
		t.ArrayBounds = append(t.ArrayBounds, bound)
	}
}

// simpleTypeName takes a type without array bounds.
func (p *parser) simpleTypeName() *ast.TypeName {
	if p.token.kind == word {
		if p.peek().kind == less {
			switch p.token.keyword {
			case kwArray:
				return p.arrayType()
			case kwMap:
				return p.mapType()
			case kwStruct:
				return p.structType()
			}
		}
		if t := p.builtinType(); t != nil {
			return t
		}
	}
	return p.genericType()
}

// genericType takes a type that has a name like any other thing.
func (p *parser) genericType() *ast.TypeName {
	first := p.functionName()
	t := &ast.TypeName{Name: first.Value}
	for p.acceptKind(dot) {
		t.Qualifier = append(t.Qualifier, t.Name)
		t.Name = p.label().Value
	}
	if p.atKind(leftParenthesis) {
		p.advance()
		t.Modifiers = p.exprs()
		p.expectRightParenthesis()
	}
	t.Span = p.spanFrom(first.Start)
	return t
}

// builtinType takes a type that the grammar names with words of its own, or
// returns nil.
func (p *parser) builtinType() *ast.TypeName {
	start := p.token.start
	var t *ast.TypeName
	switch p.token.keyword {
	case kwInt, kwInteger:
		t = p.plainType("int4")
	case kwSmallint:
		t = p.plainType("int2")
	case kwBigint:
		t = p.plainType("int8")
	case kwReal:
		t = p.plainType("float4")
	case kwBoolean:
		t = p.plainType("bool")
	case kwDecimal, kwDec, kwNumeric:
		t = p.modifiedType("numeric")
	case kwFloat:
		t = p.floatType()
	case kwDouble:
		if !p.peekIs(kwPrecision) {
			return nil
		}
		p.advance()
		t = p.plainType("float8")
	case kwBit:
		t = p.bitType()
	case kwCharacter, kwChar, kwNchar, kwNational, kwVarchar:
		t = p.characterType()
	case kwTime, kwTimestamp:
		t = p.timeType()
	case kwInterval:
		p.advance()
		t = &ast.TypeName{Name: "interval"}
		if p.atKind(leftParenthesis) {
			p.lengthModifier(t)
		} else {
			p.intervalFields(t)
		}
	default:
		return nil
	}
	t.Span = p.spanFrom(start)
	return t
}

func (p *parser) plainType(name string) *ast.TypeName {
	p.advance()
	return &ast.TypeName{Name: name}
}

// modifiedType takes a type's word and the list of modifiers that may follow.
func (p *parser) modifiedType(name string) *ast.TypeName {
	t := p.plainType(name)
	if p.acceptKind(leftParenthesis) {
		t.Modifiers = p.exprs()
		p.expectRightParenthesis()
	}
	return t
}

// lengthModifier takes (n) with an integer constant if it is next.
func (p *parser) lengthModifier(t *ast.TypeName) {
	if !p.acceptKind(leftParenthesis) {
		return
	}
	position := p.token
	length := p.smallInteger()
	t.Modifiers = []ast.Expr{&ast.IntegerLiteral{Span: spanOf(position), Value: int64(length)}}
	p.expectRightParenthesis()
}

// floatType takes FLOAT or FLOAT(bits).
func (p *parser) floatType() *ast.TypeName {
	p.advance()
	if !p.acceptKind(leftParenthesis) {
		return &ast.TypeName{Name: "float8"}
	}
	const singleBits, doubleBits = 24, 53
	position := p.token.start
	bits := p.smallInteger()
	p.expectRightParenthesis()
	switch {
	case bits < 1:
		bail(sqlerr.New(sqlerr.InvalidParameterValue, int(position), "precision for type float must be at least 1 bit"))
	case bits > doubleBits:
		bail(sqlerr.New(sqlerr.InvalidParameterValue, int(position), "precision for type float must be less than 54 bits"))
	case bits <= singleBits:
		return &ast.TypeName{Name: "float4"}
	}
	return &ast.TypeName{Name: "float8"}
}

// bitType takes BIT [VARYING] [(n)].
func (p *parser) bitType() *ast.TypeName {
	p.advance()
	t := &ast.TypeName{Name: "bit"}
	if p.accept(kwVarying) {
		t.Name = "varbit"
	}
	if p.acceptKind(leftParenthesis) {
		t.Modifiers = p.exprs()
		p.expectRightParenthesis()
	} else if t.Name == "bit" {
		t.Modifiers = lengthOne(p.previous)
	}
	return t
}

// lengthOne is the modifier of BIT and CHAR without a length.
func lengthOne(at token) []ast.Expr {
	return []ast.Expr{&ast.IntegerLiteral{Span: spanOf(at), Value: 1}}
}

// characterType takes CHARACTER, CHAR, NCHAR, NATIONAL CHARACTER or VARCHAR,
// with VARYING and a length perhaps.
func (p *parser) characterType() *ast.TypeName {
	t := &ast.TypeName{Name: "bpchar"}
	switch p.advance().keyword {
	case kwVarchar:
		t.Name = "varchar"
	case kwNational:
		if !p.accept(kwCharacter) {
			p.expect(kwChar)
		}
	}
	if t.Name == "bpchar" && p.accept(kwVarying) {
		t.Name = "varchar"
	}
	last := p.previous
	p.lengthModifier(t)
	if t.Name == "bpchar" && t.Modifiers == nil {
		t.Modifiers = lengthOne(last)
	}
	return t
}

// timeType takes TIME or TIMESTAMP [(precision)] [WITH | WITHOUT TIME ZONE].
func (p *parser) timeType() *ast.TypeName {
	t := &ast.TypeName{Name: keywordTable[p.advance().keyword].word}
	p.lengthModifier(t)
	if p.atTimeZoneClause() {
		if p.advance().keyword == kwWith {
			t.Name += "tz"
		}
		p.expect(kwTime, kwZone)
	}
	return t
}

// atTimeZoneClause says whether WITH or WITHOUT TIME is next.
func (p *parser) atTimeZoneClause() bool {
	return (p.at(kwWith) || p.at(kwWithout)) && p.peekIs(kwTime)
}

// intervalFields takes the fields that an interval is restricted to.
func (p *parser) intervalFields(t *ast.TypeName) {
	var to []keyword
	switch p.token.keyword {
	case kwYear:
		to = []keyword{kwMonth}
	case kwDay:
		to = []keyword{kwHour, kwMinute, kwSecond}
	case kwHour:
		to = []keyword{kwMinute, kwSecond}
	case kwMinute:
		to = []keyword{kwSecond}
	case kwMonth, kwSecond:
	default:
		return
	}
	last := p.advance().keyword
	t.IntervalFields = keywordTable[last].word
	if len(to) > 0 && p.accept(kwTo) {
		last = p.token.keyword
		if !containsKeyword(to, last) {
			p.fail()
		}
		p.advance()
		t.IntervalFields += " to " + keywordTable[last].word
	}
	if last == kwSecond {
		p.lengthModifier(t)
	}
}

func containsKeyword(list []keyword, k keyword) bool {
	for _, candidate := range list {
		if candidate == k {
			return true
		}
	}
	return false
}

// arrayType takes ARRAY<t>.
func (p *parser) arrayType() *ast.TypeName {
	start := p.advance().start
	p.expectKind(less)
	element := p.typeName()
	p.closeAngle()
	return &ast.TypeName{Span: p.spanFrom(start), Name: "array", Element: element}
}

// mapType takes MAP<k, v>.
func (p *parser) mapType() *ast.TypeName {
	start := p.advance().start
	p.expectKind(less)
	key := p.typeName()
	p.expectKind(comma)
	value := p.typeName()
	p.closeAngle()
	return &ast.TypeName{Span: p.spanFrom(start), Name: "map", Key: key, Value: value}
}

// structType takes STRUCT<name type, …>.
func (p *parser) structType() *ast.TypeName {
	start := p.advance().start
	p.expectKind(less)
	fields := commaSeparated(p, p.structTypeField)
	p.closeAngle()
	return &ast.TypeName{Span: p.spanFrom(start), Name: "struct", Fields: fields}
}

func (p *parser) structTypeField() *ast.TypeField {
	start := p.token.start
	name := p.label()
	fieldType := p.typeName()
	return &ast.TypeField{Span: p.spanFrom(start), Name: name, Type: fieldType}
}

// closeAngle takes the > that closes a type. Where the lexer made one
// operator of it and what follows, as in ARRAY<ARRAY<int>>, only the first
// character is taken and the rest is lexed again.
func (p *parser) closeAngle() {
	if p.atKind(greater) {
		p.advance()
		return
	}
	if p.token.kind < plus && p.token.kind != operatorToken || p.lexer.text[p.token.start] != '>' {
		p.fail()
	}
	p.previous = token{kind: greater, start: p.token.start, end: p.token.start + 1}
	p.aheadCount = 0
	p.lexer.position = int(p.previous.end)
	p.token = p.lexer.next()
}

// atTypeConstant says whether a type that the grammar names with words of its
// own begins a constant: INTERVAL '1 day'. The same words may be columns.
func (p *parser) atTypeConstant() bool {
	following := p.peek()
	switch p.token.keyword {
	case kwInt, kwInteger, kwSmallint, kwBigint, kwReal, kwBoolean:
		return following.kind == stringToken
	case kwDecimal, kwDec, kwNumeric, kwFloat, kwNchar, kwVarchar, kwInterval:
		return following.kind == stringToken || following.kind == leftParenthesis ||
			p.at(kwNchar) && following.keyword == kwVarying
	case kwBit, kwCharacter, kwChar:
		return following.kind == stringToken || following.kind == leftParenthesis || following.keyword == kwVarying
	case kwDouble:
		return following.keyword == kwPrecision
	case kwNational:
		return following.keyword == kwChar || following.keyword == kwCharacter
	case kwTime, kwTimestamp:
		return following.kind == stringToken || following.kind == leftParenthesis ||
			(following.keyword == kwWith || following.keyword == kwWithout) && p.peekAt(2).keyword == kwTime
	}
	return false
}

// typedLiteral takes a constant with one of those types in front. The fields
// of an interval stand behind the string.
func (p *parser) typedLiteral() ast.Expr {
	start := p.token.start
	t := p.builtinType()
	value := p.stringLiteral()
	if t.Name == "interval" && t.Modifiers == nil {
		p.intervalFields(t)
	}
	return &ast.TypedLiteral{Span: p.spanFrom(start), Type: t, Value: value}
}
