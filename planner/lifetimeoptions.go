package planner

import (
	"slices"
	"strings"

	"millrace/sql"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// Options about how long the rows of a stream are kept. They can be changed:
// ALTER STREAM … SET (…).

// lifetimeOptions are the options that ALTER STREAM changes.
var lifetimeOptions = []string{"retention", "retention_ms", "retention_bytes", "cleanup_policy", "delete_retention", "max_ahead"}

// defaultDeleteRetention is how long a compacted stream keeps rows without values,
// which end their key: one day.
const defaultDeleteRetention = 24 * 60 * 60 * 1000

// lifetimeOption reads one of them.
func lifetimeOption(o *ast.Option, r *catalog.Relation) error {
	if r.Kind != catalog.KindStream {
		return sqlerr.New(sqlerr.InvalidTableDefinition, o.Pos(), "option %q is for streams", o.Name)
	}
	var err error
	switch strings.ToLower(o.Name) {
	case "retention", "retention_ms":
		if r.RetentionMillis != 0 {
			return sqlerr.New(sqlerr.SyntaxError, o.Pos(), "conflicting or redundant options").
				WithHint("retention_ms is another name for retention.")
		}
		r.RetentionMillis, err = optionMillis(o)
	case "retention_bytes":
		r.RetentionBytes, err = optionBytes(o)
	case "cleanup_policy":
		r.Compact, err = cleanupPolicy(o)
	case "delete_retention":
		r.DeleteRetentionMillis, err = optionMillis(o)
	case "max_ahead":
		r.MaxAheadMillis, err = optionMillis(o)
	}
	return err
}

// cleanupPolicy reports whether a stream is compacted.
func cleanupPolicy(o *ast.Option) (compact bool, err error) {
	text, err := optionText(o)
	if err != nil {
		return false, err
	}
	words := strings.Split(strings.ToLower(strings.ReplaceAll(text, " ", "")), ",")
	slices.Sort(words)
	switch strings.Join(words, ",") {
	case "delete":
		return false, nil
	case "compact", "compact,delete":
		return true, nil
	default:
		return false, badOption(o, "'delete', 'compact' or 'compact,delete'")
	}
}

// compactsOnly reports whether a policy does not delete by age and size.
func compactsOnly(o *ast.Option) bool {
	text, err := optionText(o)
	return err == nil && strings.EqualFold(strings.TrimSpace(text), "compact")
}

// checkLifetime refuses options that do not go together, once all have been read.
func checkLifetime(r *catalog.Relation, list []*ast.Option) error {
	options := optionReader{list: list}
	if policy := options.find("cleanup_policy"); r.Compact {
		if len(r.Key) == 0 {
			return sqlerr.New(sqlerr.InvalidTableDefinition, policy.Pos(), "a stream without KEY columns cannot be compacted").
				WithHint("Of the rows with one key the last is kept: declare columns as KEY.")
		}
		for _, name := range []string{"retention", "retention_ms", "retention_bytes"} {
			if o := options.find(name); o != nil && compactsOnly(policy) {
				return sqlerr.New(sqlerr.InvalidParameterValue, o.Pos(), "option %q has no effect with cleanup_policy = 'compact'", o.Name).
					WithHint("cleanup_policy = 'compact,delete' deletes old rows, too.")
			}
		}
		if r.DeleteRetentionMillis == 0 {
			r.DeleteRetentionMillis = defaultDeleteRetention
		}
		return nil
	}
	if o := options.find("delete_retention"); o != nil {
		return sqlerr.New(sqlerr.InvalidParameterValue, o.Pos(), "option %q needs cleanup_policy = 'compact'", o.Name)
	}
	return nil
}

// setLifetime changes options of a stream: SET (…) and RESET (…).
func (ab *alterBinder) setLifetime(a *ast.SetOptions) error {
	reader, err := newOptionReader(a.Options, "ALTER STREAM", relationOptionNames)
	if err != nil {
		return err
	}
	// What the options are to be, with their places where the statement gives them.
	var list []*ast.Option
	for _, o := range ab.next.Options {
		if reader.find(o.Name) == nil && !(isAge(o.Name) && slices.ContainsFunc(a.Options, func(o *ast.Option) bool { return isAge(o.Name) })) {
			list = append(list, &ast.Option{Span: a.Span, Name: o.Name, Value: &ast.StringLiteral{Value: o.Value}})
		}
	}
	for _, o := range a.Options {
		if !slices.Contains(lifetimeOptions, strings.ToLower(o.Name)) {
			return notSupported(o.Pos(), "option %q cannot be changed", o.Name).WithHint("It is set when the stream is created.")
		}
		if !a.Reset {
			list = append(list, o)
		} else if o.Value != nil {
			return sqlerr.New(sqlerr.SyntaxError, o.Pos(), "RESET must not include values for parameters")
		}
	}
	r := ab.next
	r.RetentionMillis, r.RetentionBytes, r.Compact, r.DeleteRetentionMillis, r.MaxAheadMillis = 0, 0, false, 0, defaultMaxAhead
	r.Options = nil
	for _, o := range list {
		text, err := optionText(o)
		if err != nil {
			return err
		}
		r.Options = append(r.Options, catalog.Option{Name: strings.ToLower(o.Name), Value: text})
		if slices.Contains(lifetimeOptions, strings.ToLower(o.Name)) {
			if err := lifetimeOption(o, r); err != nil {
				return err
			}
		}
	}
	if r.Derived() {
		r.Definition = withOptions(r.Definition, list)
	}
	return checkLifetime(r, list)
}

// isAge reports whether an option is one of the two names of retention.
func isAge(name string) bool {
	return strings.EqualFold(name, "retention") || strings.EqualFold(name, "retention_ms")
}

// withOptions returns the text of a CREATE … AS with other options.
func withOptions(definition string, list []*ast.Option) string {
	parsed, err := sql.ParseOne(definition)
	create, ok := parsed.(*ast.CreateRelation)
	if err != nil || !ok {
		return definition
	}
	create.Options = list
	return ast.String(create)
}
