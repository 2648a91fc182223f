package ast

import (
	"strconv"
	"strings"
)

func (n *FunctionCall) format(p *printer) {
	switch n.Form {
	case FormCall:
		p.functionNameParts(n)
		n.formatArguments(p)
	case FormOverlaps:
		p.text("(")
		commaList(p, n.Args[:2])
		p.text(") OVERLAPS (")
		commaList(p, n.Args[2:])
		p.text(")")
	default:
		n.formatSpecial(p)
	}
	if len(n.WithinGroup) > 0 {
		clause(p, " WITHIN GROUP (ORDER BY ", n.WithinGroup)
		p.text(")")
	}
	if n.Filter != nil {
		p.node(" FILTER (WHERE ", n.Filter)
		p.text(")")
	}
	if n.Over != nil {
		p.node(" OVER ", n.Over)
	}
}

// functionNameParts writes the name of a call. A word that the grammar knows
// is bare where the call is one that it knows, else quoted.
func (p *printer) functionNameParts(n *FunctionCall) {
	parts := n.Name.Parts
	if len(parts) > 1 {
		p.names(parts)
		return
	}
	switch name := parts[0]; name {
	case "coalesce", "greatest", "least", "grouping", "nullif", "substring", "overlay":
		if n.isSpecialCall() {
			p.text(name)
			return
		}
		p.quotedName(name)
	case "struct", "map", "operator", "cube", "rollup":
		p.quotedName(name)
	default:
		p.functionName(name)
	}
}

// isSpecialCall says whether a call by one of the names that the grammar
// knows has only what it takes with them.
func (n *FunctionCall) isSpecialCall() bool {
	if n.Star || n.Distinct || n.Variadic || len(n.OrderBy) > 0 {
		return false
	}
	name := n.Name.Parts[0]
	if name == "substring" || name == "overlay" {
		return true
	}
	for _, arg := range n.Args {
		switch arg.(type) {
		case *NamedArgument, *ArrowArgument, *Lambda:
			return false
		}
	}
	return len(n.Args) == 2 || len(n.Args) > 0 && name != "nullif"
}

func (n *FunctionCall) formatArguments(p *printer) {
	p.text("(")
	p.when(n.Star, "*")
	p.when(n.Distinct, "DISTINCT ")
	for i, arg := range n.Args {
		p.when(i > 0, ", ")
		p.when(n.Variadic && i == len(n.Args)-1, "VARIADIC ")
		arg.format(p)
		if i == 0 {
			if len(n.PartitionBy) > 0 {
				clause(p, " PARTITION BY (", n.PartitionBy)
				p.text(")")
			}
		}
	}
	clause(p, " ORDER BY ", n.OrderBy)
	p.text(")")
}

// formatSpecial writes the calls that have words between their arguments.
func (n *FunctionCall) formatSpecial(p *printer) {
	args := n.Args
	switch n.Form {
	case FormExtract:
		p.text("EXTRACT(")
		p.extractField(args[0])
		p.node(" FROM ", args[1])
	case FormPosition:
		p.text("POSITION(")
		p.restricted(args[1])
		p.text(" IN ")
		p.restricted(args[0])
	case FormSubstring:
		p.node("SUBSTRING(", args[0])
		p.node(" FROM ", args[1])
		if len(args) > 2 {
			p.node(" FOR ", args[2])
		}
	case FormSubstringSimilar:
		p.node("SUBSTRING(", args[0])
		// LIKE at the end of the pattern would take the ESCAPE.
		p.text(" SIMILAR ")
		p.operand(args[1], precedencePattern+1)
		p.node(" ESCAPE ", args[2])
	case FormOverlay:
		p.node("OVERLAY(", args[0])
		p.node(" PLACING ", args[1])
		p.node(" FROM ", args[2])
		if len(args) > 3 {
			p.node(" FOR ", args[3])
		}
	case FormTrim:
		n.formatTrim(p)
	case FormNormalize:
		p.node("NORMALIZE(", args[0])
		if len(args) > 1 {
			form, _ := args[1].(*StringLiteral)
			p.text(", ", form.Value)
		}
	case FormCollationFor:
		p.node("COLLATION FOR (", args[0])
	}
	p.text(")")
}

// extractField writes the field of EXTRACT, as a word where it is a usual one.
func (p *printer) extractField(field Expr) {
	if literal, ok := field.(*StringLiteral); ok {
		switch literal.Value {
		case "century", "day", "decade", "dow", "doy", "epoch", "hour", "isodow", "isoyear", "julian",
			"microseconds", "millennium", "milliseconds", "minute", "month", "quarter", "second",
			"timezone", "timezone_hour", "timezone_minute", "week", "year":
			p.text(literal.Value)
			return
		}
	}
	field.format(p)
}

func (n *FunctionCall) formatTrim(p *printer) {
	p.text("TRIM(")
	switch n.Name.Parts[0] {
	case "ltrim":
		p.text("LEADING ")
	case "rtrim":
		p.text("TRAILING ")
	default:
		p.text("BOTH ")
	}
	if len(n.Args) == 2 {
		n.Args[1].format(p)
		p.node(" FROM ", n.Args[0])
		return
	}
	clause(p, "FROM ", n.Args)
}

func (n *NamedArgument) format(p *printer) {
	p.functionName(n.Name.Value)
	p.node(" := ", n.Value)
}

func (n *ArrowArgument) format(p *printer) {
	p.functionName(n.Name.Value)
	p.node(" => ", n.Value)
}

func (n *Lambda) format(p *printer) {
	p.parenthesizedIdentifiers("", n.Parameters)
	p.node(" => ", n.Body)
}

func (n *ValueFunction) format(p *printer) {
	p.text(strings.ToUpper(n.Name))
	if n.Precision >= 0 {
		p.text("(", strconv.Itoa(n.Precision), ")")
	}
}

func (n *WindowSpec) format(p *printer) {
	if n.Name != "" {
		p.name(n.Name)
		return
	}
	p.text("(")
	space := spacer{}
	if n.Base != "" {
		p.text(space.next())
		p.nameUnless(n.Base, "partition", "range", "rows", "groups")
	}
	if len(n.PartitionBy) > 0 {
		clause(p, space.next()+"PARTITION BY ", n.PartitionBy)
	}
	if len(n.OrderBy) > 0 {
		clause(p, space.next()+"ORDER BY ", n.OrderBy)
	}
	if n.Frame != nil {
		p.node(space.next(), n.Frame)
	}
	p.text(")")
}

// spacer gives nothing the first time and a space from then on.
type spacer struct{ used bool }

func (s *spacer) next() string {
	if !s.used {
		s.used = true
		return ""
	}
	return " "
}

var (
	frameModeWords = [...]string{FrameRange: "RANGE ", FrameRows: "ROWS ", FrameGroups: "GROUPS "}
	exclusionWords = [...]string{
		ExcludeNothing: "", ExcludeCurrentRow: " EXCLUDE CURRENT ROW",
		ExcludeGroup: " EXCLUDE GROUP", ExcludeTies: " EXCLUDE TIES",
	}
	frameBoundWords = [...]string{
		UnboundedPreceding: "UNBOUNDED PRECEDING", OffsetPreceding: " PRECEDING",
		CurrentRow: "CURRENT ROW", OffsetFollowing: " FOLLOWING", UnboundedFollowing: "UNBOUNDED FOLLOWING",
	}
)

func (n *Frame) format(p *printer) {
	p.text(frameModeWords[n.Mode])
	if n.End == nil {
		n.Start.format(p)
	} else {
		p.node("BETWEEN ", n.Start)
		p.node(" AND ", n.End)
	}
	p.text(exclusionWords[n.Exclusion])
}

func (n *FrameBound) format(p *printer) {
	if n.Offset != nil {
		// An offset beginning with UNBOUNDED or CURRENT would be read as a bound.
		p.operand(n.Offset, precedenceSign)
	}
	p.text(frameBoundWords[n.Kind])
}
