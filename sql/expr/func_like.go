package expr

import (
	"strings"
	"unicode/utf8"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineLike defines LIKE and ILIKE as the operators that they stand for
// (https://www.postgresql.org/docs/15/functions-matching.html).
func (b *builder) defineLike() {
	for _, left := range []string{"text", "name", "bpchar", "bytea"} {
		right := "text"
		if left == "bytea" {
			right = "bytea"
		}
		bytewise := left == "bytea"
		args := left + "," + right
		b.operator("~~", args, "bool", nil, "matches LIKE pattern", stateful(func() Kernel { return newLike(false, false, bytewise) }))
		b.operator("!~~", args, "bool", nil, "does not match LIKE pattern", stateful(func() Kernel { return newLike(false, true, bytewise) }))
		if bytewise {
			continue
		}
		b.operator("~~*", args, "bool", nil, "matches ILIKE pattern", stateful(func() Kernel { return newLike(true, false, false) }))
		b.operator("!~~*", args, "bool", nil, "does not match ILIKE pattern", stateful(func() Kernel { return newLike(true, true, false) }))
	}
	b.function("like_escape", "text,text", "text", lift2e(likeEscape), "LIKE pattern with another escape character, rewritten to use the backslash")
}

// likeToken is a piece of a LIKE pattern: literal text, or a wildcard.
type likeToken struct {
	kind likeKind
	text string
}

type likeKind uint8

const (
	likeText  likeKind = iota
	likeOne            // _
	likeAny            // %
	likeError          // an escape character at the end
)

// likePattern is a compiled LIKE pattern.
type likePattern struct {
	tokens   []likeToken
	bytewise bool
}

func compileLike(pattern string, bytewise bool) likePattern {
	p := likePattern{bytewise: bytewise}
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			p.tokens = append(p.tokens, likeToken{likeText, text.String()})
			text.Reset()
		}
	}
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 == len(pattern):
			flush()
			p.tokens = append(p.tokens, likeToken{kind: likeError})
		case c == '\\':
			i++
			text.WriteByte(pattern[i])
		case c == '%':
			flush()
			if n := len(p.tokens); n == 0 || p.tokens[n-1].kind != likeAny {
				p.tokens = append(p.tokens, likeToken{kind: likeAny})
			}
		case c == '_':
			flush()
			p.tokens = append(p.tokens, likeToken{kind: likeOne})
		default:
			text.WriteByte(c)
		}
	}
	flush()
	return p
}

var errLikeEscape = sqlerr.New(sqlerr.InvalidEscapeSequence, -1, "LIKE pattern must not end with escape character")

// match reports whether the whole of s matches. The common patterns are a
// string, or one with % at its start, its end or both.
func (p *likePattern) match(s string) (bool, error) {
	t := p.tokens
	switch {
	case len(t) == 1 && t[0].kind == likeText:
		return s == t[0].text, nil
	case len(t) == 2 && t[0].kind == likeText && t[1].kind == likeAny:
		return strings.HasPrefix(s, t[0].text), nil
	case len(t) == 2 && t[0].kind == likeAny && t[1].kind == likeText:
		return strings.HasSuffix(s, t[1].text), nil
	case len(t) == 3 && t[0].kind == likeAny && t[1].kind == likeText && t[2].kind == likeAny:
		return strings.Contains(s, t[1].text), nil
	}
	return p.matchFrom(t, s)
}

// matchFrom tries the tokens in turn. Only the last % needs to be tried at
// several places: what was matched before it cannot be improved.
func (p *likePattern) matchFrom(tokens []likeToken, s string) (bool, error) {
	var retryTokens []likeToken
	var retryText string
	canRetry := false
	for {
		matched := false
		switch {
		case len(tokens) == 0:
			if s == "" {
				return true, nil
			}
		case tokens[0].kind == likeAny:
			if len(tokens) == 1 {
				return true, nil
			}
			canRetry, retryTokens, retryText = true, tokens[1:], s
			tokens = tokens[1:]
			continue
		case s == "" && tokens[0].kind != likeError:
		case tokens[0].kind == likeError:
			return false, errLikeEscape
		case tokens[0].kind == likeOne:
			s, tokens, matched = s[p.characterSize(s):], tokens[1:], true
		case strings.HasPrefix(s, tokens[0].text):
			s, tokens, matched = s[len(tokens[0].text):], tokens[1:], true
		}
		if matched {
			continue
		}
		if !canRetry || retryText == "" {
			return false, nil
		}
		retryText = p.nextStart(retryTokens[0], retryText)
		tokens, s = retryTokens, retryText
	}
}

// nextStart returns the next place where a token behind % may match.
func (p *likePattern) nextStart(token likeToken, s string) string {
	s = s[p.characterSize(s):]
	if token.kind != likeText {
		return s
	}
	at := strings.Index(s, token.text)
	if at < 0 {
		return ""
	}
	return s[at:]
}

func (p *likePattern) characterSize(s string) int {
	if p.bytewise {
		return 1
	}
	_, size := utf8.DecodeRuneInString(s)
	return size
}

// newLike returns a kernel that remembers the last pattern.
func newLike(ignoreCase, negated, bytewise bool) Kernel {
	var source string
	var pattern likePattern
	compiled := false
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		values, patterns, r := args[0].Strs, args[1].Strs, out.Ints
		for _, i := range selection {
			if !compiled || patterns[i] != source {
				source, compiled = patterns[i], true
				text := source
				if ignoreCase {
					text = lowerASCII(text)
				}
				pattern = compileLike(text, bytewise)
			}
			s := values[i]
			if ignoreCase {
				s = lowerASCII(s)
			}
			matched, err := pattern.match(s)
			if err != nil {
				fail(ctx, out, i, err)
				continue
			}
			r[i] = boolInt(matched != negated)
		}
	}
}

// likeEscape rewrites a pattern of LIKE ... ESCAPE.
func likeEscape(pattern, escape string) (string, error) {
	if escape == `\` {
		return pattern, nil
	}
	if characters(escape) > 1 {
		return "", sqlerr.New(sqlerr.InvalidEscapeSequence, -1, "invalid escape string").
			WithHint("Escape string must be empty or one character.")
	}
	var out strings.Builder
	for i := 0; i < len(pattern); {
		switch {
		case escape != "" && strings.HasPrefix(pattern[i:], escape):
			i += len(escape)
			out.WriteByte('\\')
			if i < len(pattern) {
				_, size := utf8.DecodeRuneInString(pattern[i:])
				out.WriteString(pattern[i : i+size])
				i += size
			}
		case pattern[i] == '\\':
			out.WriteString(`\\`)
			i++
		default:
			out.WriteByte(pattern[i])
			i++
		}
	}
	return out.String(), nil
}
