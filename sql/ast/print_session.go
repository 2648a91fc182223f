package ast

import (
	"strconv"
	"strings"
)

var scopeWords = [...]string{ScopeDefault: "SET ", ScopeSession: "SET SESSION ", ScopeLocal: "SET LOCAL "}

func (n *SetVariable) format(p *printer) {
	p.text(scopeWords[n.Scope])
	if len(n.Values) == 1 {
		if _, ok := n.Values[0].(*TypedLiteral); ok {
			p.node("TIME ZONE ", n.Values[0])
			return
		}
	}
	if n.Name == "" {
		// Only the notation of KSQL can spell this.
		p.text("''")
	} else {
		p.setting(n.Name)
	}
	switch {
	case n.Default:
		p.text(" TO DEFAULT")
	case n.FromCurrent:
		p.text(" FROM CURRENT")
	default:
		clause(p, " = ", n.Values)
	}
}

func (n *ResetVariable) format(p *printer) {
	p.text("RESET ")
	switch {
	case n.All:
		p.text("ALL")
	case n.Name == "":
		p.text("''")
	default:
		p.setting(n.Name)
	}
}

func (n *ShowVariable) format(p *printer) {
	p.text("SHOW ")
	if n.All {
		p.text("ALL")
		return
	}
	p.setting(n.Name, "streams", "tables", "queries", "functions", "types", "topics", "properties",
		"nodes", "shards", "connectors", "connector")
}

func (n *ShowObjects) format(p *printer) {
	p.text("SHOW ")
	p.when(n.All, "ALL ")
	p.text(strings.ToUpper(n.Kind))
	p.when(n.Extended, " EXTENDED")
}

func (n *Describe) format(p *printer) {
	p.text("DESCRIBE ")
	p.when(n.Extended, "EXTENDED ")
	p.when(n.Function, "FUNCTION ")
	n.Name.format(p)
}

func (n *Explain) format(p *printer) {
	p.text("EXPLAIN ")
	p.spacedOptions("", n.Options)
	p.when(len(n.Options) > 0, " ")
	p.optionalIdentifier("", n.QueryID)
	if n.Statement != nil {
		n.Statement.format(p)
	}
}

var controlWords = [...]string{TerminateQuery: "TERMINATE ", PauseQuery: "PAUSE ", ResumeQuery: "RESUME "}

func (n *ControlQuery) format(p *printer) {
	p.text(controlWords[n.Action])
	if n.QueryID == nil {
		p.text("ALL")
		return
	}
	p.name(n.QueryID.Value)
}

func (n *Print) format(p *printer) {
	p.node("PRINT ", n.Topic)
	p.when(n.FromBeginning, " FROM BEGINNING")
	if n.Interval != nil {
		p.node(" INTERVAL ", n.Interval)
	}
	if n.Limit != nil {
		p.node(" LIMIT ", n.Limit)
	}
}

func (n *Prepare) format(p *printer) {
	p.text("PREPARE ")
	p.name(n.Name.Value)
	parenthesizedClause(p, " ", n.Types)
	p.node(" AS ", n.Statement)
}

func (n *Execute) format(p *printer) {
	p.text("EXECUTE ")
	p.name(n.Name.Value)
	parenthesizedClause(p, " ", n.Args)
}

// nameOrAll writes a name behind a piece of text, or ALL if it is nil.
func (p *printer) nameOrAll(before string, name *Identifier) {
	if name == nil {
		p.text(before, "ALL")
		return
	}
	p.optionalIdentifier(before, name)
}

func (n *Deallocate) format(p *printer) { p.nameOrAll("DEALLOCATE ", n.Name) }
func (n *Discard) format(p *printer)    { p.text("DISCARD ", strings.ToUpper(n.Target)) }

func (n *Listen) format(p *printer) {
	p.text("LISTEN ")
	p.name(n.Channel.Value)
}

func (n *Unlisten) format(p *printer) {
	p.text("UNLISTEN ")
	p.when(n.Channel == nil, "*")
	p.optionalIdentifier("", n.Channel)
}

func (n *Notify) format(p *printer) {
	p.text("NOTIFY ")
	p.name(n.Channel.Value)
	if n.Payload != nil {
		p.node(", ", n.Payload)
	}
}

func (n *Call) format(p *printer) { p.node("CALL ", n.Function) }

func (n *DeclareCursor) format(p *printer) {
	p.text("DECLARE ")
	p.name(n.Name.Value)
	p.when(n.Binary, " BINARY")
	p.when(n.Sensitivity != "", " "+strings.ToUpper(n.Sensitivity))
	p.when(n.Scroll == Scroll, " SCROLL")
	p.when(n.Scroll == NoScroll, " NO SCROLL")
	p.text(" CURSOR")
	p.when(n.Hold, " WITH HOLD")
	p.node(" FOR ", n.Query)
}

var directionWords = [...]string{
	FetchForward: "FORWARD ", FetchBackward: "BACKWARD ", FetchAbsolute: "ABSOLUTE ", FetchRelative: "RELATIVE ",
}

func (n *Fetch) format(p *printer) {
	if n.Move {
		p.text("MOVE ")
	} else {
		p.text("FETCH ")
	}
	p.text(directionWords[n.Direction])
	if n.All {
		p.text("ALL")
	} else {
		p.text(strconv.FormatInt(n.Count, 10))
	}
	p.text(" FROM ")
	p.name(n.Cursor.Value)
	p.withOptions(n.Options)
}

func (n *CloseCursor) format(p *printer) { p.nameOrAll("CLOSE ", n.Name) }
