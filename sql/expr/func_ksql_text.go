package expr

import (
	"net/url"
	"strings"
	"unicode"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineKSQLText defines ksqlDB's functions on strings that PostgreSQL does not
// have, or has under another name.
func (b *builder) defineKSQLText() {
	b.alias("len", "length")
	b.alias("lcase", "lower")
	b.alias("ucase", "upper")
	b.function("instr", "text,text", "int4", lift2(position), "where a string first occurs, 0 if nowhere")
	b.function("instr", "text,text,int4", "int4", lift3e(func(s, part string, from int64) (int64, error) { return occurrence(s, part, from, 1), nil }),
		"where a string first occurs from a position on; a negative one counts from the end and searches backwards")
	b.function("instr", "text,text,int4,int4", "int4", lift4e(func(s, part string, from, n int64) (int64, error) { return occurrence(s, part, from, n), nil }),
		"where a string occurs for the n-th time")
	b.function("split", "text,text", "text[]", lift2(func(s, separator string) string {
		var parts []types.Datum
		for _, part := range strings.Split(s, separator) {
			parts = append(parts, types.StringDatum(part))
		}
		return textArray(parts).Str
	}), "parts between separators; an empty separator splits into characters")
	b.function("regexp_extract", "text,text", "text", nil, "the first match of a pattern", stateful(func() Kernel { return newRegexpExtract(0) }))
	b.function("regexp_extract", "text,text,int4", "text", nil, "a group of the first match of a pattern", stateful(func() Kernel { return newRegexpExtract(2) }))
	b.function("field", "text,text...", "int4", liftRows(fieldNumber), "which of the further arguments equals the first, 0 if none", notStrict)
	b.function("elt", "int4,text...", "text", liftRows(elementNumber), "the n-th of the further arguments", notStrict)
	b.function("ifnull", "anycompatible,anycompatible", "anycompatible", liftRows(func(_ *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		if row[0].Valid {
			return row[0], nil
		}
		return row[1], nil
	}), "the first value, the second when it is NULL", notStrict)
	b.function("as_value", "anyelement", "anyelement", liftRows(func(_ *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		return row[0], nil
	}), "the value itself, as a column that is not part of the key")
	b.defineMasks()
	b.defineURLs()
}

// occurrence returns where part occurs in s for the n-th time from a position
// on, both counted in characters from 1. A negative position counts from the end
// and searches backwards.
func occurrence(s, part string, from, n int64) int64 {
	if from == 0 || n < 1 {
		return 0
	}
	text, target := []rune(s), []rune(part)
	step, at := 1, int(from)-1
	if from < 0 {
		step, at = -1, len(text)+int(from)
	}
	for ; at >= 0 && at+len(target) <= len(text); at += step {
		if string(text[at:at+len(target)]) != part {
			continue
		}
		if n--; n == 0 {
			return int64(at) + 1
		}
	}
	return 0
}

// newRegexpExtract returns the kernel of regexp_extract(pattern, text[, group]).
func newRegexpExtract(groupArgument int) Kernel {
	var cache regexCache
	return liftRows(func(_ *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		re, err := cache.compile(row[0].Str, regexOptions{})
		if err != nil {
			return types.Null, err
		}
		group := int64(0)
		if groupArgument > 0 {
			group = row[groupArgument].Int
		}
		if group < 0 || group > int64(re.NumSubexp()) {
			return types.Null, nil
		}
		return submatch(row[1].Str, re.FindStringSubmatchIndex(row[1].Str), int(group)), nil
	})
}

func fieldNumber(_ *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	for i, d := range row[1:] {
		if row[0].Valid && d.Valid && d.Str == row[0].Str {
			return types.IntDatum(int64(i) + 1), nil
		}
	}
	return types.IntDatum(0), nil
}

func elementNumber(_ *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	n := row[0].Int
	if !row[0].Valid || n < 1 || n >= int64(len(row)) {
		return types.Null, nil
	}
	return row[n], nil
}

// mask replaces upper case letters by X, lower case ones by x, digits by n and
// all else by -.
func mask(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsUpper(r):
			return 'X'
		case unicode.IsLower(r):
			return 'x'
		case unicode.IsDigit(r):
			return 'n'
		}
		return '-'
	}, s)
}

func (b *builder) defineMasks() {
	b.function("mask", "text", "text", lift1(mask), "letters replaced by X and x, digits by n, all else by -")
	for _, f := range []struct {
		name, words string
		apply       func(s string, at int) string
		fromEnd     bool
	}{
		{"mask_left", "first characters masked", func(s string, at int) string { return mask(s[:at]) + s[at:] }, false},
		{"mask_right", "last characters masked", func(s string, at int) string { return s[:at] + mask(s[at:]) }, true},
		{"mask_keep_left", "all but the first characters masked", func(s string, at int) string { return s[:at] + mask(s[at:]) }, false},
		{"mask_keep_right", "all but the last characters masked", func(s string, at int) string { return mask(s[:at]) + s[at:] }, true},
	} {
		b.function(f.name, "text,int4", "text", lift2e(func(s string, n int64) (string, error) {
			if n < 0 {
				return "", sqlerr.New(sqlerr.InvalidParameterValue, -1, "number of characters must not be negative")
			}
			if f.fromEnd {
				n = characters(s) - n
			}
			return f.apply(s, characterOffset(s, int(n))), nil
		}), f.words)
	}
}

// defineURLs defines the functions that take a URL apart; a part that is absent
// is NULL.
func (b *builder) defineURLs() {
	part := func(name, words string, get func(u *url.URL) string) {
		b.function("url_extract_"+name, "text", "text", lift1e(func(s string) (string, error) {
			u, err := url.Parse(s)
			if err != nil {
				return "", sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid URL \"%s\"", s)
			}
			if v := get(u); v != "" {
				return v, nil
			}
			return "", errNull
		}), words+" of a URL")
	}
	part("protocol", "protocol", func(u *url.URL) string { return u.Scheme })
	part("host", "host", func(u *url.URL) string { return u.Hostname() })
	part("path", "path", func(u *url.URL) string { return u.Path })
	part("query", "query", func(u *url.URL) string { return u.RawQuery })
	part("fragment", "fragment", func(u *url.URL) string { return u.Fragment })
	b.function("url_extract_port", "text", "int4", lift1e(func(s string) (int64, error) {
		u, err := url.Parse(s)
		if err != nil {
			return 0, sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid URL \"%s\"", s)
		}
		port, err := types.ParseText(types.Int4, u.Port(), types.DefaultFormat())
		if err != nil {
			return 0, errNull
		}
		return port.Int, nil
	}), "port of a URL")
	b.function("url_extract_parameter", "text,text", "text", lift2e(func(s, name string) (string, error) {
		u, err := url.Parse(s)
		if err != nil {
			return "", sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid URL \"%s\"", s)
		}
		if !u.Query().Has(name) {
			return "", errNull
		}
		return u.Query().Get(name), nil
	}), "value of a parameter of a URL")
}
