package planner

import (
	"strconv"
	"strings"
	"time"

	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// optionReader gives the options of a list by name.
type optionReader struct{ list []*ast.Option }

// newOptionReader refuses options that are not known (22023, with the nearest
// name as a hint) or given twice.
func newOptionReader(list []*ast.Option, where string, known []string) (*optionReader, error) {
	for i, o := range list {
		found := false
		for _, name := range known {
			found = found || strings.EqualFold(name, o.Name)
		}
		if !found {
			err := sqlerr.New(sqlerr.InvalidParameterValue, o.Pos(), "unrecognized option %q of %s", o.Name, where)
			if best := closest(strings.ToLower(o.Name), known, identity); best != "" {
				return nil, err.WithHint("Perhaps you meant %q.", best)
			}
			return nil, err.WithHint("The options are %s.", strings.Join(known, ", "))
		}
		for _, earlier := range list[:i] {
			if strings.EqualFold(earlier.Name, o.Name) {
				return nil, sqlerr.New(sqlerr.SyntaxError, o.Pos(), "conflicting or redundant options")
			}
		}
	}
	return &optionReader{list: list}, nil
}

// find returns the option with a name, or nil.
func (r *optionReader) find(name string) *ast.Option {
	for _, o := range r.list {
		if strings.EqualFold(o.Name, name) {
			return o
		}
	}
	return nil
}

// optionText returns an option's value as text.
func optionText(o *ast.Option) (string, error) {
	switch v := o.Value.(type) {
	case *ast.StringLiteral:
		return v.Value, nil
	case *ast.Word:
		return v.Value, nil
	case *ast.IntegerLiteral:
		return decimal64(v.Value), nil
	case *ast.NumericLiteral:
		return v.Text, nil
	case *ast.BooleanLiteral:
		return strconv.FormatBool(v.Value), nil
	case *ast.Unary:
		if inner, ok := v.Operand.(*ast.IntegerLiteral); ok {
			return "-" + decimal64(inner.Value), nil
		}
	case *ast.ColumnRef:
		if len(v.Parts) == 1 {
			return v.Parts[0], nil
		}
	}
	return "", badOption(o, "a value")
}

func badOption(o *ast.Option, wanted string) error {
	return sqlerr.New(sqlerr.InvalidParameterValue, o.Pos(), "option %q needs %s", o.Name, wanted)
}

// optionBool reads a boolean; an option without value is true.
func optionBool(o *ast.Option) (bool, error) {
	if o.Value == nil {
		return true, nil
	}
	text, err := optionText(o)
	if err != nil {
		return false, err
	}
	switch strings.ToLower(text) {
	case "true", "on", "yes", "1", "t", "y":
		return true, nil
	case "false", "off", "no", "0", "f", "n":
		return false, nil
	}
	return false, badOption(o, "a Boolean value")
}

func optionInteger(o *ast.Option, least, most int64) (int64, error) {
	text, err := optionText(o)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v < least || v > most {
		return 0, badOption(o, "an integer from "+decimal64(least)+" to "+decimal64(most))
	}
	return v, nil
}

// units of time by the names that durations may have.
var timeUnits = map[string]time.Duration{
	"ms": time.Millisecond, "millisecond": time.Millisecond, "milliseconds": time.Millisecond,
	"s": time.Second, "sec": time.Second, "secs": time.Second, "second": time.Second, "seconds": time.Second,
	"min": time.Minute, "mins": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"h": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
	"w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour, "weeks": 7 * 24 * time.Hour,
}

// units of size, as PostgreSQL's settings have them.
var sizeUnits = map[string]float64{
	"": 1, "b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40,
}

// optionMillis reads a duration such as '7 days' or '30s'; a bare number is of
// milliseconds.
func optionMillis(o *ast.Option) (int64, error) {
	text, err := optionText(o)
	if err != nil {
		return 0, err
	}
	number, unit, ok := numberAndUnit(text)
	if !ok {
		return 0, badOption(o, "a duration such as '7 days'")
	}
	length := time.Millisecond
	if unit != "" {
		if length, ok = timeUnits[unit]; !ok {
			return 0, badOption(o, "a duration such as '7 days'")
		}
	}
	millis := number * float64(length/time.Millisecond)
	if millis < 1 || millis > 1<<53 {
		return 0, badOption(o, "a positive duration such as '7 days'")
	}
	return int64(millis), nil
}

// optionBytes reads a size such as '1GB'; a bare number is of bytes.
func optionBytes(o *ast.Option) (int64, error) {
	text, err := optionText(o)
	if err != nil {
		return 0, err
	}
	number, unit, ok := numberAndUnit(text)
	factor, known := sizeUnits[unit]
	if !ok || !known || number*factor < 1 || number*factor > 1<<60 {
		return 0, badOption(o, "a size such as '1GB'")
	}
	return int64(number * factor), nil
}

func numberAndUnit(text string) (number float64, unit string, ok bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	end := 0
	for end < len(text) && (text[end] >= '0' && text[end] <= '9' || text[end] == '.') {
		end++
	}
	number, err := strconv.ParseFloat(text[:end], 64)
	return number, strings.TrimSpace(text[end:]), err == nil
}
