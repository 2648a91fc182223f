package expr

import (
	"regexp"
	"strings"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineRegex defines the regular expression operators and functions
// (https://www.postgresql.org/docs/15/functions-matching.html).
func (b *builder) defineRegex() {
	for _, o := range []struct {
		token, words        string
		ignoreCase, negated bool
	}{
		{"~", "matches regular expression", false, false},
		{"~*", "matches regular expression, ignoring case", true, false},
		{"!~", "does not match regular expression", false, true},
		{"!~*", "does not match regular expression, ignoring case", true, true},
	} {
		for _, left := range []string{"text", "name", "bpchar"} {
			b.operator(o.token, left+",text", "bool", nil, o.words, stateful(func() Kernel { return newRegexMatch(o.ignoreCase, o.negated) }))
		}
	}
	b.function("similar_to_escape", "text", "text", lift1e(func(p string) (string, error) { return similarToRegex(p, `\`) }),
		"SIMILAR TO pattern as a regular expression")
	b.function("similar_to_escape", "text,text", "text", lift2e(similarToRegex), "SIMILAR TO pattern as a regular expression")
	b.defineRegexSearch()
	b.defineRegexReplace()
}

func newRegexMatch(ignoreCase, negated bool) Kernel {
	var cache regexCache
	return lift2e(func(s, pattern string) (int64, error) {
		re, err := cache.compile(pattern, regexOptions{ignoreCase: ignoreCase})
		if err != nil {
			return 0, err
		}
		return boolInt(re.MatchString(s) != negated), nil
	})
}

// regexFunction defines overloads of one function with 2, 3 ... arguments; the
// row function sees the arguments there are.
func (b *builder) regexFunction(name string, signatures []string, result string, f func(c *regexCache, row []types.Datum) (types.Datum, error), description string) {
	for _, args := range signatures {
		newKernel := func() Kernel {
			var cache regexCache
			return liftRows(func(_ *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
				return f(&cache, row)
			})
		}
		b.function(name, args, result, nil, description, stateful(newKernel))
	}
}

func (b *builder) defineRegexSearch() {
	b.regexFunction("substring", []string{"text,text"}, "text", func(c *regexCache, row []types.Datum) (types.Datum, error) {
		re, err := c.compile(row[1].Str, regexOptions{})
		if err != nil {
			return types.Null, err
		}
		at := re.FindStringSubmatchIndex(row[0].Str)
		group := 0
		if re.NumSubexp() > 0 {
			group = 1
		}
		return submatch(row[0].Str, at, group), nil
	}, "the part that matches a regular expression, or its first group")
	b.function("substring", "text,text,text", "text", nil, "the part that matches a SIMILAR TO pattern between escaped double quotes", stateful(func() Kernel {
		var cache regexCache
		return lift3e(func(s, pattern, escape string) (string, error) { return similarSubstring(&cache, s, pattern, escape) })
	}))
	b.regexFunction("regexp_like", []string{"text,text", "text,text,text"}, "bool", func(c *regexCache, row []types.Datum) (types.Datum, error) {
		re, o, err := c.withFlags(row, 1, 2)
		if err != nil {
			return types.Null, err
		}
		if o.global {
			return types.Null, errNoGlobal
		}
		return types.BoolDatum(re.MatchString(row[0].Str)), nil
	}, "whether a regular expression matches")
	b.regexFunction("regexp_match", []string{"text,text", "text,text,text"}, "text[]", regexpMatch,
		"the groups of the first match")
	b.regexFunction("regexp_count", []string{"text,text", "text,text,int4", "text,text,int4,text"}, "int4", func(c *regexCache, row []types.Datum) (types.Datum, error) {
		_, matches, err := c.findAll(row, 2, 3)
		return types.IntDatum(int64(len(matches))), err
	}, "number of matches")
	b.regexFunction("regexp_substr", []string{
		"text,text", "text,text,int4", "text,text,int4,int4", "text,text,int4,int4,text", "text,text,int4,int4,text,int4",
	}, "text", regexpSubstr, "the n-th match, or a group of it")
	b.regexFunction("regexp_instr", []string{
		"text,text", "text,text,int4", "text,text,int4,int4", "text,text,int4,int4,int4",
		"text,text,int4,int4,int4,text", "text,text,int4,int4,int4,text,int4",
	}, "int4", regexpInstr, "position of the n-th match, or of the character behind it")
	b.regexFunction("regexp_split_to_array", []string{"text,text", "text,text,text"}, "text[]", regexpSplit,
		"the parts between matches")
}

// withFlags compiles the pattern at one place of the row with the flags at
// another, if there are any.
func (c *regexCache) withFlags(row []types.Datum, pattern, flags int) (*regexp.Regexp, regexOptions, error) {
	var o regexOptions
	if flags < len(row) {
		if err := o.parseFlags(row[flags].Str); err != nil {
			return nil, o, err
		}
	}
	re, err := c.compile(row[pattern].Str, o)
	return re, o, err
}

// findAll returns the matches from the start position at one place of the row
// on (if there is one), with the flags at another; offsets are of the whole
// string.
func (c *regexCache) findAll(row []types.Datum, start, flags int) (*regexp.Regexp, [][]int, error) {
	re, o, err := c.withFlags(row, 1, flags)
	if err != nil {
		return nil, nil, err
	}
	if o.global {
		return nil, nil, errNoGlobal
	}
	from, err := startOffset(row, start)
	if err != nil {
		return nil, nil, err
	}
	return re, matchesFrom(re, row[0].Str, from), nil
}

var errNoGlobal = sqlerr.New(sqlerr.InvalidParameterValue, -1, "this function does not support the \"global\" option")

func startOffset(row []types.Datum, start int) (int, error) {
	if start >= len(row) {
		return 0, nil
	}
	n, err := positive("start", row[start].Int)
	if n > characters(row[0].Str)+1 {
		return len(row[0].Str) + 1, err
	}
	return characterOffset(row[0].Str, int(n)-1), err
}

func positive(parameter string, v int64) (int64, error) {
	if v < 1 {
		return 1, sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid value for parameter \"%s\": %d", parameter, v)
	}
	return v, nil
}

// matchesFrom finds all matches that begin at or behind a byte offset.
func matchesFrom(re *regexp.Regexp, s string, from int) [][]int {
	if from > len(s) {
		return nil
	}
	matches := re.FindAllStringSubmatchIndex(s[from:], -1)
	for _, m := range matches {
		for i := range m {
			if m[i] >= 0 {
				m[i] += from
			}
		}
	}
	return matches
}

// submatch returns a group of a match, NULL where it took no part.
func submatch(s string, at []int, group int) types.Datum {
	if at == nil || 2*group+1 >= len(at) || at[2*group] < 0 {
		return types.Null
	}
	return types.StringDatum(s[at[2*group]:at[2*group+1]])
}

func textArray(elems []types.Datum) types.Datum {
	return types.StringDatum(types.EncodeArray(types.Text, types.NewArray(elems)))
}

func regexpMatch(c *regexCache, row []types.Datum) (types.Datum, error) {
	re, o, err := c.withFlags(row, 1, 2)
	if err != nil {
		return types.Null, err
	}
	if o.global {
		return types.Null, sqlerr.New(sqlerr.InvalidParameterValue, -1, "regexp_match() does not support the \"global\" option").
			WithHint("Use the regexp_matches function instead.")
	}
	at := re.FindStringSubmatchIndex(row[0].Str)
	if at == nil {
		return types.Null, nil
	}
	return groupsOf(re, row[0].Str, at), nil
}

// groupsOf returns the groups of a match, or all of it where there are none.
func groupsOf(re *regexp.Regexp, s string, at []int) types.Datum {
	var groups []types.Datum
	for group := min(1, re.NumSubexp()); group <= re.NumSubexp(); group++ {
		groups = append(groups, submatch(s, at, group))
	}
	return textArray(groups)
}

// nthMatch returns the match numbered by the argument at place n of the row.
func nthMatch(row []types.Datum, n int, matches [][]int) ([]int, error) {
	number := int64(1)
	if n < len(row) {
		var err error
		if number, err = positive("n", row[n].Int); err != nil {
			return nil, err
		}
	}
	if number > int64(len(matches)) {
		return nil, nil
	}
	return matches[number-1], nil
}

// subexpression returns the group numbered by the argument at place n.
func subexpression(row []types.Datum, n int) (int, error) {
	if n >= len(row) {
		return 0, nil
	}
	if row[n].Int < 0 {
		return 0, sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid value for parameter \"%s\": %d", "subexpr", row[n].Int)
	}
	return int(row[n].Int), nil
}

func regexpSubstr(c *regexCache, row []types.Datum) (types.Datum, error) {
	_, matches, err := c.findAll(row, 2, 4)
	if err != nil {
		return types.Null, err
	}
	at, err := nthMatch(row, 3, matches)
	if err != nil {
		return types.Null, err
	}
	group, err := subexpression(row, 5)
	return submatch(row[0].Str, at, group), err
}

func regexpInstr(c *regexCache, row []types.Datum) (types.Datum, error) {
	_, matches, err := c.findAll(row, 2, 5)
	if err != nil {
		return types.Null, err
	}
	at, err := nthMatch(row, 3, matches)
	if err != nil {
		return types.Null, err
	}
	end := 0
	if len(row) > 4 {
		if row[4].Int != 0 && row[4].Int != 1 {
			return types.Null, sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid value for parameter \"%s\": %d", "endoption", row[4].Int)
		}
		end = int(row[4].Int)
	}
	group, err := subexpression(row, 6)
	if err != nil || at == nil || 2*group+1 >= len(at) || at[2*group] < 0 {
		return types.IntDatum(0), err
	}
	return types.IntDatum(characters(row[0].Str[:at[2*group+end]]) + 1), nil
}

func regexpSplit(c *regexCache, row []types.Datum) (types.Datum, error) {
	re, o, err := c.withFlags(row, 1, 2)
	if err != nil {
		return types.Null, err
	}
	if o.global {
		return types.Null, errNoGlobal
	}
	s := row[0].Str
	var parts []types.Datum
	last := 0
	for _, m := range re.FindAllStringIndex(s, -1) {
		// An empty match at the ends, or right behind the last match, splits
		// nothing.
		if m[0] == m[1] && (m[0] == last || m[0] == len(s)) {
			continue
		}
		parts = append(parts, types.StringDatum(s[last:m[0]]))
		last = m[1]
	}
	return textArray(append(parts, types.StringDatum(s[last:]))), nil
}

func (b *builder) defineRegexReplace() {
	const description = "matches replaced; \\1 to \\9 and \\& in the replacement stand for groups and the match"
	b.regexFunction("regexp_replace", []string{"text,text,text", "text,text,text,text"}, "text", func(c *regexCache, row []types.Datum) (types.Datum, error) {
		re, o, err := c.withFlags(row, 1, 3)
		if err != nil {
			return types.Null, err
		}
		n := 1
		if o.global {
			n = 0
		}
		return types.StringDatum(replaceMatches(re, row[0].Str, row[2].Str, 0, n)), nil
	}, description)
	b.regexFunction("regexp_replace", []string{"text,text,text,int4", "text,text,text,int4,int4", "text,text,text,int4,int4,text"}, "text", func(c *regexCache, row []types.Datum) (types.Datum, error) {
		re, o, err := c.withFlags(row, 1, 5)
		if err != nil {
			return types.Null, err
		}
		from, err := startOffset(row, 3)
		if err != nil {
			return types.Null, err
		}
		n := 1
		switch {
		case len(row) > 4 && row[4].Int < 0:
			return types.Null, sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid value for parameter \"%s\": %d", "n", row[4].Int)
		case len(row) > 4:
			n = int(row[4].Int)
		case o.global:
			n = 0
		}
		return types.StringDatum(replaceMatches(re, row[0].Str, row[2].Str, from, n)), nil
	}, description)
}

// replaceMatches replaces the n-th match from an offset on, or all when n is 0.
func replaceMatches(re *regexp.Regexp, s, replacement string, from, n int) string {
	var out strings.Builder
	last := 0
	for k, m := range matchesFrom(re, s, from) {
		if n != 0 && k != n-1 {
			continue
		}
		out.WriteString(s[last:m[0]])
		expandReplacement(&out, s, replacement, m)
		last = m[1]
	}
	out.WriteString(s[last:])
	return out.String()
}

func expandReplacement(out *strings.Builder, s, replacement string, match []int) {
	for i := 0; i < len(replacement); i++ {
		c := replacement[i]
		if c != '\\' || i+1 == len(replacement) {
			out.WriteByte(c)
			continue
		}
		i++
		switch c := replacement[i]; {
		case c == '&':
			out.WriteString(s[match[0]:match[1]])
		case c >= '1' && c <= '9':
			out.WriteString(submatch(s, match, int(c-'0')).Str)
		case c == '\\':
			out.WriteByte('\\')
		default:
			out.WriteByte('\\')
			out.WriteByte(c)
		}
	}
}
