package session

import (
	"strconv"
	"strings"

	"millrace/sql/ast"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// setVariable is SET.
func (s *Session) setVariable(n *ast.SetVariable) (string, error) {
	if n.FromCurrent {
		return "", sqlerr.New(sqlerr.FeatureNotSupported, n.Pos(), "SET FROM CURRENT is not supported here")
	}
	local := n.Scope == ast.ScopeLocal
	if local && !s.inBlock() {
		err := s.notice("WARNING", sqlerr.New(sqlerr.NoActiveSQLTransaction, -1,
			"SET LOCAL can only be used in transaction blocks"))
		if err != nil {
			return "", err
		}
	}
	if n.Default {
		return "SET", s.change(local, func(v *values) (*values, error) { return v.reset(n.Name, s.initial) })
	}
	value, err := settingValue(n)
	if err != nil {
		return "", err
	}
	if err := s.checkRole(n.Name, value); err != nil {
		return "", err
	}
	return "SET", s.change(local, func(v *values) (*values, error) { return v.with(n.Name, value) })
}

// change makes new values of the session's: for this transaction alone where
// local is set.
func (s *Session) change(local bool, with func(*values) (*values, error)) error {
	now, err := with(s.settings)
	if err != nil {
		return err
	}
	if !local {
		lasting, err := with(s.lasting)
		if err != nil {
			return err
		}
		s.lasting = lasting
	}
	readOnly := settingNumbers["transaction_read_only"]
	if now.byNumber[readOnly] != s.settings.byNumber[readOnly] {
		if now.byNumber[readOnly] == "off" && s.inBlock() {
			if err := s.checkWritableInTime(); err != nil {
				return err
			}
		}
		s.transaction.readOnly = now.byNumber[readOnly] == "on"
	}
	isolation := settingNumbers["transaction_isolation"]
	if level := now.byNumber[isolation]; level != s.settings.byNumber[isolation] && s.inBlock() {
		if err := s.checkLevelInTime(level); err != nil {
			return err
		}
	}
	s.settings = now
	s.noteSuperuser()
	return nil
}

// SetConfig sets a setting as the function set_config does, and returns the
// value as SHOW would.
func (s *Session) SetConfig(name, value string, local bool) (string, error) {
	if err := s.checkRole(name, value); err != nil {
		return "", err
	}
	err := s.change(local, func(v *values) (*values, error) { return v.with(name, value) })
	if err != nil {
		return "", err
	}
	_, shown, _ := s.settings.get(name)
	return shown, nil
}

// settingValue returns the text of the values of SET. Several are a list, in
// which names are quoted where that is needed.
func settingValue(n *ast.SetVariable) (string, error) {
	searchPath := strings.EqualFold(n.Name, "search_path")
	isList := searchPath || strings.EqualFold(n.Name, "datestyle")
	if len(n.Values) > 1 && !isList {
		return "", sqlerr.New(sqlerr.InvalidParameterValue, n.Pos(), "SET %s takes only one argument", n.Name)
	}
	parts := make([]string, len(n.Values))
	for i, e := range n.Values {
		part, err := settingText(e)
		if err != nil {
			return "", err
		}
		// A single string for DateStyle is a list by itself: 'ISO, DMY'.
		if searchPath || isList && len(n.Values) > 1 {
			part = quoteName(part)
		}
		parts[i] = part
	}
	return strings.Join(parts, ", "), nil
}

// settingText returns the text of one value of SET.
func settingText(e ast.Expr) (string, error) {
	switch e := e.(type) {
	case *ast.StringLiteral:
		return e.Value, nil
	case *ast.Word:
		return e.Value, nil
	case *ast.BooleanLiteral:
		return strconv.FormatBool(e.Value), nil
	case *ast.IntegerLiteral:
		return strconv.FormatInt(e.Value, 10), nil
	case *ast.NumericLiteral:
		return e.Text, nil
	case *ast.Unary:
		text, err := settingText(e.Operand)
		return e.Operator.Symbol + text, err
	case *ast.TypedLiteral:
		return intervalHours(e)
	default:
		return "", sqlerr.New(sqlerr.SyntaxError, e.Pos(), "a setting takes a constant")
	}
}

// intervalHours turns the interval of SET TIME ZONE INTERVAL into hours.
func intervalHours(e *ast.TypedLiteral) (string, error) {
	if e.Type.Name != "interval" {
		return "", sqlerr.New(sqlerr.SyntaxError, e.Pos(), "a setting takes a constant")
	}
	d, err := types.ParseText(types.Interval, e.Value.Value, types.DefaultFormat())
	if err != nil {
		return "", sqlerr.From(err).At(e.Pos())
	}
	v := types.DecodeInterval(d.Str)
	if v.Months != 0 || v.Days != 0 {
		return "", sqlerr.New(sqlerr.InvalidParameterValue, e.Pos(), "time zone interval must not specify months or days")
	}
	return strconv.FormatFloat(float64(v.Micros)/3600e6, 'f', -1, 64), nil
}

// resetVariable is RESET.
func (s *Session) resetVariable(n *ast.ResetVariable) (string, error) {
	if n.All {
		s.resetAll()
		return "RESET", nil
	}
	return "RESET", s.change(false, func(v *values) (*values, error) { return v.reset(n.Name, s.initial) })
}

func (s *Session) resetAll() { s.settings, s.lasting = s.initial, s.initial }

// describeShow sets the columns of SHOW.
func (s *Session) describeShow(st *statement, n *ast.ShowVariable) error {
	if n.All {
		st.columns = []Column{{Name: "name", Type: types.Text}, {Name: "setting", Type: types.Text}, {Name: "description", Type: types.Text}}
		return nil
	}
	name, _, ok := s.settings.get(n.Name)
	if !ok {
		return unknownSetting(n.Name)
	}
	st.columns = []Column{{Name: name, Type: types.Text}}
	return nil
}

// startShow is SHOW and SHOW ALL.
func (s *Session) startShow(p *portal, n *ast.ShowVariable) error {
	p.tag = "SHOW"
	if !n.All {
		_, value, ok := s.settings.get(n.Name)
		if !ok {
			return unknownSetting(n.Name)
		}
		p.rows = newFixedRows([]types.Type{types.Text}, [][]types.Datum{{types.StringDatum(value)}})
		return nil
	}
	var rows [][]types.Datum
	for _, i := range sortedSettings() {
		rows = append(rows, []types.Datum{
			types.StringDatum(settings[i].name),
			types.StringDatum(s.settings.byNumber[i]),
			types.StringDatum(settings[i].description),
		})
	}
	p.rows = newFixedRows([]types.Type{types.Text, types.Text, types.Text}, rows)
	return nil
}

// discard is DISCARD.
func (s *Session) discard(n *ast.Discard) (string, error) {
	switch n.Target {
	case "plans":
		return "DISCARD PLANS", nil
	case "sequences":
		s.sequences = sequenceValues{}
		return "DISCARD SEQUENCES", nil
	case "temp":
		return "DISCARD TEMP", nil
	}
	if s.transaction.state != stateNone {
		return "", sqlerr.New(sqlerr.ActiveSQLTransaction, -1, "DISCARD ALL cannot run inside a transaction block")
	}
	for name := range s.cursors {
		s.closeCursor(name)
	}
	clear(s.statements)
	s.unlistenAll()
	s.AdvisoryUnlockAll()
	s.sequences = sequenceValues{}
	s.resetAll()
	return "DISCARD ALL", nil
}
