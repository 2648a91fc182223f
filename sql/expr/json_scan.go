package expr

import (
	"strconv"
	"strings"

	"millrace/sql/types"
)

// The operators that take a part out of a jsonb value find it in the text and
// return that stretch of it, which is jsonb itself: nothing is built. They rely
// on the text being well formed, as every stored jsonb is.

// jsonValueEnd returns where the value that begins at s[at] ends.
func jsonValueEnd(s string, at int) int {
	depth := 0
	for i := at; i < len(s); i++ {
		switch s[i] {
		case '"':
			i = jsonStringEnd(s, i) - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
			if depth < 0 {
				return i
			}
		case ',', ' ', ':':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(s)
}

// jsonStringEnd returns where the string that begins at s[at] ends.
func jsonStringEnd(s string, at int) int {
	for i := at + 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// skipJSONSpace returns the next place that is not a blank, a comma or a colon.
func skipJSONSpace(s string, at int) int {
	for at < len(s) && (s[at] == ' ' || s[at] == ',' || s[at] == ':') {
		at++
	}
	return at
}

// jsonMemberText returns the text of an object's member.
func jsonMemberText(s, key string) (string, bool) {
	if s == "" || s[0] != '{' {
		return "", false
	}
	for i := 1; i < len(s) && s[i] == '"'; {
		end := jsonStringEnd(s, i)
		found := jsonStringIs(s[i:end], key)
		i = skipJSONSpace(s, end)
		end = jsonValueEnd(s, i)
		if found {
			return s[i:end], true
		}
		i = skipJSONSpace(s, end)
	}
	return "", false
}

// jsonStringIs compares a string in quotes with one as it is.
func jsonStringIs(quoted, plain string) bool {
	inside := quoted[1 : len(quoted)-1]
	return inside == plain || strings.IndexByte(inside, '\\') >= 0 && unquoteJSON(quoted) == plain
}

// unquoteJSON returns the value of a string in quotes.
func unquoteJSON(quoted string) string {
	inside := quoted[1 : len(quoted)-1]
	if strings.IndexByte(inside, '\\') < 0 {
		return inside
	}
	v, err := types.ParseJSON(quoted)
	if err != nil {
		return inside
	}
	return v.Str
}

// jsonElementText returns the text of an array's element, counted from the end
// when negative.
func jsonElementText(s string, index int64) (string, bool) {
	if s == "" || s[0] != '[' {
		return "", false
	}
	if index < 0 {
		n := int64(0)
		for i := 1; i < len(s) && s[i] != ']'; n++ {
			i = skipJSONSpace(s, jsonValueEnd(s, i))
		}
		index += n
	}
	for i := 1; i < len(s) && s[i] != ']' && index >= 0; index-- {
		end := jsonValueEnd(s, i)
		if index == 0 {
			return s[i:end], true
		}
		i = skipJSONSpace(s, end)
	}
	return "", false
}

// jsonPathText follows a path of keys and indexes.
func jsonPathText(s string, path []types.Datum) (string, bool) {
	for _, step := range path {
		ok := step.Valid
		switch {
		case !ok:
		case s != "" && s[0] == '[':
			index, err := strconv.ParseInt(step.Str, 10, 32)
			if s, ok = jsonElementText(s, index); err != nil {
				ok = false
			}
		default:
			s, ok = jsonMemberText(s, step.Str)
		}
		if !ok {
			return "", false
		}
	}
	return s, true
}

// jsonPart returns a part that was found as jsonb, errNull for none.
func jsonPart(text string, ok bool) (string, error) {
	if !ok {
		return "", errNull
	}
	return text, nil
}

// jsonPartText returns a part that was found as text: a string without quotes,
// errNull for none and for null.
func jsonPartText(text string, ok bool) (string, error) {
	switch {
	case !ok || text == "null":
		return "", errNull
	case text[0] == '"':
		return unquoteJSON(text), nil
	}
	return text, nil
}
