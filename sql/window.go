package sql

import "millrace/sql/ast"

// namedWindow takes name AS (…) of the WINDOW clause.
func (p *parser) namedWindow() *ast.NamedWindow {
	n := &ast.NamedWindow{Name: p.identifier()}
	p.expect(kwAs)
	n.Spec = p.windowSpec()
	n.Span = p.spanFrom(n.Name.Start)
	return n
}

// over takes what follows OVER.
func (p *parser) over() *ast.WindowSpec {
	if p.atKind(leftParenthesis) {
		return p.windowSpec()
	}
	name := p.identifier()
	return &ast.WindowSpec{Span: name.Span, Name: name.Value}
}

// windowSpec takes (base PARTITION BY … ORDER BY … frame), all of it optional.
func (p *parser) windowSpec() *ast.WindowSpec {
	n := &ast.WindowSpec{}
	start := p.expectKind(leftParenthesis).start
	if p.atColumnName() && !p.atWindowClause() {
		n.Base = p.identifier().Value
	}
	if p.accept(kwPartition) {
		p.expect(kwBy)
		n.PartitionBy = p.exprs()
	}
	n.OrderBy = p.optionalOrderBy()
	if p.at(kwRange) || p.at(kwRows) || p.at(kwGroups) {
		n.Frame = p.frame()
	}
	p.expectRightParenthesis()
	n.Span = p.spanFrom(start)
	return n
}

// atWindowClause says whether a word in a window begins one of its clauses.
// PostgreSQL reads these words so even where they could be a name.
func (p *parser) atWindowClause() bool {
	switch p.token.keyword {
	case kwPartition, kwRange, kwRows, kwGroups:
		return true
	}
	return false
}

// frame takes RANGE | ROWS | GROUPS and the bounds.
func (p *parser) frame() *ast.Frame {
	n := &ast.Frame{}
	start := p.token.start
	switch p.advance().keyword {
	case kwRows:
		n.Mode = ast.FrameRows
	case kwGroups:
		n.Mode = ast.FrameGroups
	}
	if p.accept(kwBetween) {
		n.Start = p.frameBound()
		p.expect(kwAnd)
		n.End = p.frameBound()
	} else {
		n.Start = p.frameBound()
	}
	p.checkFrame(n)
	if p.accept(kwExclude) {
		n.Exclusion = p.frameExclusion()
	}
	n.Span = p.spanFrom(start)
	return n
}

// checkFrame refuses bounds that PostgreSQL's grammar refuses.
func (p *parser) checkFrame(n *ast.Frame) {
	first := n.Start.Kind
	if first == ast.UnboundedFollowing {
		bailWindowing(n.Start, "frame start cannot be UNBOUNDED FOLLOWING")
	}
	if n.End == nil {
		if first == ast.OffsetFollowing {
			bailWindowing(n.Start, "frame starting from following row cannot end with current row")
		}
		return
	}
	last := n.End.Kind
	switch {
	case last == ast.UnboundedPreceding:
		bailWindowing(n.End, "frame end cannot be UNBOUNDED PRECEDING")
	case first == ast.CurrentRow && last == ast.OffsetPreceding:
		bailWindowing(n.End, "frame starting from current row cannot have preceding rows")
	case first == ast.OffsetFollowing && last == ast.OffsetPreceding:
		bailWindowing(n.End, "frame starting from following row cannot have preceding rows")
	case first == ast.OffsetFollowing && last == ast.CurrentRow:
		bailWindowing(n.End, "frame starting from following row cannot have preceding rows")
	}
}

func (p *parser) frameBound() *ast.FrameBound {
	n := &ast.FrameBound{}
	start := p.token.start
	switch {
	case p.acceptWords(kwUnbounded, kwPreceding):
		n.Kind = ast.UnboundedPreceding
	case p.acceptWords(kwUnbounded, kwFollowing):
		n.Kind = ast.UnboundedFollowing
	case p.acceptWords(kwCurrent, kwRow):
		n.Kind = ast.CurrentRow
	default:
		n.Offset = p.expr()
		n.Kind = ast.OffsetFollowing
		if p.accept(kwPreceding) {
			n.Kind = ast.OffsetPreceding
		} else {
			p.expect(kwFollowing)
		}
	}
	n.Span = p.spanFrom(start)
	return n
}

func (p *parser) frameExclusion() ast.FrameExclusion {
	switch {
	case p.acceptWords(kwCurrent, kwRow):
		return ast.ExcludeCurrentRow
	case p.accept(kwGroup):
		return ast.ExcludeGroup
	case p.accept(kwTies):
		return ast.ExcludeTies
	}
	p.expect(kwNo, kwOthers)
	return ast.ExcludeNothing
}
