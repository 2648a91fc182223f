package types

import (
	"unicode/utf8"

	"millrace/sql/sqlerr"
)

// maxJSONDepth bounds the nesting of JSON values.
const maxJSONDepth = 6000

// ParseJSON reads JSON text, with the errors that PostgreSQL gives for it.
// Strings in the result may alias text.
func ParseJSON(text string) (JSONValue, error) {
	return parseJSON(text, jsonNormalize)
}

// ParseJSONText reads JSON text as the type json does: each value has its Text, objects
// keep the order of their keys and all keys that stand there several times, numbers
// are as they are written. Strings in the result may alias text.
func ParseJSONText(text string) (JSONValue, error) {
	return parseJSON(text, jsonKeep)
}

// ParseJSONOutline reads JSON text for its shape alone: strings and keys are not what
// their escapes stand for, which are not looked at.
func ParseJSONOutline(text string) (JSONValue, error) {
	return parseJSON(text, jsonOutline)
}

// CheckJSON returns the error that PostgreSQL gives for text as json. What escapes
// stand for is not looked at: text may have an escaped zero character.
func CheckJSON(text string) error {
	_, err := parseJSON(text, jsonCheck)
	return err
}

// jsonMode is what the parser makes of the text.
type jsonMode uint8

const (
	jsonNormalize jsonMode = iota // values as jsonb has them
	jsonKeep                      // values as json has them, with their texts
	jsonOutline                   // values whose strings and keys keep their escapes
	jsonCheck                     // nothing
)

func parseJSON(text string, mode jsonMode) (JSONValue, error) {
	p := jsonParser{text: text, line: 1, mode: mode}
	if err := p.next(); err != nil {
		return JSONValue{}, err
	}
	v, err := p.value(0)
	if err != nil {
		return JSONValue{}, err
	}
	return v, p.expect(jsonEnd, "end of input")
}

// jsonToken is the kind of a token; punctuation is its character.
type jsonToken byte

const (
	jsonEnd         jsonToken = 0
	jsonStringToken jsonToken = '"'
	jsonNumberToken jsonToken = '0'
	jsonTrue        jsonToken = 't'
	jsonFalse       jsonToken = 'f'
	jsonNullToken   jsonToken = 'n'
)

// jsonParser reads JSON with one token of lookahead.
type jsonParser struct {
	text      string
	mode      jsonMode
	line      int // of the token
	lineStart int // where that line begins

	token      jsonToken
	start, end int    // of the token in text
	before     int    // the end of the token before
	str        string // a string token's value
}

// value reads the value that begins at the current token.
func (p *jsonParser) value(depth int) (JSONValue, error) {
	if depth > maxJSONDepth {
		return JSONValue{}, sqlerr.New(sqlerr.StatementTooComplex, -1, "stack depth limit exceeded")
	}
	start := p.start
	v, err := p.valueParts(depth)
	if p.mode == jsonKeep {
		v.Text = p.text[start:p.before]
	}
	return v, err
}

func (p *jsonParser) valueParts(depth int) (JSONValue, error) {
	var v JSONValue
	var err error
	switch p.token {
	case '{':
		return p.object(depth)
	case '[':
		return p.array(depth)
	case jsonStringToken:
		v = JSONValue{Kind: JSONString, Str: p.str}
	case jsonNumberToken:
		v.Kind, v.Str = JSONNumber, p.text[p.start:p.end]
		if p.mode == jsonNormalize {
			v.Str, err = ParseNumeric(v.Str)
		}
	case jsonTrue, jsonFalse:
		v = JSONValue{Kind: JSONBool, Bool: p.token == jsonTrue}
	case jsonNullToken:
	default:
		return v, p.unexpected("JSON value")
	}
	if err != nil {
		return v, err
	}
	return v, p.next()
}

func (p *jsonParser) object(depth int) (JSONValue, error) {
	v := JSONValue{Kind: JSONObject}
	if err := p.next(); err != nil {
		return v, err
	}
	if p.token == '}' {
		return v, p.next()
	}
	if p.token != jsonStringToken {
		return v, p.unexpected(`string or "}"`)
	}
	for {
		if p.token != jsonStringToken {
			return v, p.unexpected("string")
		}
		key := p.str
		if err := p.next(); err != nil {
			return v, err
		}
		if err := p.expect(':', `":"`); err != nil {
			return v, err
		}
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		if p.mode != jsonCheck {
			v.Keys = append(v.Keys, key)
			v.Items = append(v.Items, item)
		}
		if p.token != ',' {
			break
		}
		if err := p.next(); err != nil {
			return v, err
		}
	}
	if p.mode == jsonNormalize {
		v.normalizeObject()
	}
	return v, p.expect('}', `"," or "}"`)
}

func (p *jsonParser) array(depth int) (JSONValue, error) {
	v := JSONValue{Kind: JSONArray}
	if err := p.next(); err != nil {
		return v, err
	}
	if p.token == ']' {
		return v, p.next()
	}
	for {
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		if p.mode != jsonCheck {
			v.Items = append(v.Items, item)
		}
		if p.token != ',' {
			break
		}
		if err := p.next(); err != nil {
			return v, err
		}
	}
	return v, p.expect(']', `"," or "]"`)
}

// expect steps over a token that must be there.
func (p *jsonParser) expect(token jsonToken, name string) error {
	if p.token != token {
		return p.unexpected(name)
	}
	if token == jsonEnd {
		return nil
	}
	return p.next()
}

// unexpected is the error that the current token is not what the grammar asks
// for.
func (p *jsonParser) unexpected(wanted string) error {
	if p.token == jsonEnd {
		return p.fail(sqlerr.InvalidTextRepresentation, "The input string ended unexpectedly.")
	}
	return p.fail(sqlerr.InvalidTextRepresentation, `Expected %s, but found "%s".`, wanted, p.text[p.start:p.end])
}

// fail returns an error with a detail and the line up to the token's end.
func (p *jsonParser) fail(code sqlerr.Code, detail string, args ...any) error {
	const shown = 50
	message := "invalid input syntax for type json"
	if code == sqlerr.UntranslatableCharacter {
		message = "unsupported Unicode escape sequence"
	}
	from, before, behind := p.lineStart, "", ""
	for p.end-from >= shown {
		_, size := utf8.DecodeRuneInString(p.text[from:])
		from += size
	}
	if from-p.lineStart <= len("...") {
		from = p.lineStart
	}
	if from > p.lineStart {
		before = "..."
	}
	if p.token != jsonEnd && p.end < len(p.text) && p.text[p.end] != '\n' && p.text[p.end] != '\r' {
		behind = "..."
	}
	return sqlerr.New(code, -1, "%s", message).WithDetail(detail, args...).
		WithWhere("JSON data, line %d: %s%s%s", p.line, before, p.text[from:p.end], behind)
}
