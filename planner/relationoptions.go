package planner

import (
	"strings"

	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defaultMaxAhead is how far ahead of the clock a row's event time may be
// unless WITH (max_ahead = …) says otherwise: one day.
const defaultMaxAhead = 24 * 60 * 60 * 1000

// The changes of a table are kept for an hour, and no more than 64 MiB of them on a
// shard, unless its options say otherwise.
const (
	defaultChangesMillis = 60 * 60 * 1000
	defaultChangesBytes  = 64 << 20
)

// relationOptionNames are the options of CREATE STREAM and CREATE TABLE.
var relationOptionNames = []string{
	"timestamp", "timestamp_format", "partitions", "retention", "retention_ms", "retention_bytes", "cleanup_policy", "delete_retention",
	"max_ahead", "upsert", "changes_retention", "changes_retention_bytes",
	"on_error", "format", "key_format", "value_format", "kafka_topic", "replicas",
}

// relationOptions reads WITH (…) into the descriptor, whose columns are there
// already, and returns whether errors in rows stop the query.
func (b *binder) relationOptions(list []*ast.Option, r *catalog.Relation, derived bool) (stopOnError bool, err error) {
	list, err = passStorageParameters(list, r)
	if err != nil {
		return false, err
	}
	reader, err := newOptionReader(list, "CREATE "+strings.ToUpper(r.Kind.String()), relationOptionNames)
	if err != nil {
		return false, err
	}
	r.Rowtime, r.MaxAheadMillis = -1, defaultMaxAhead
	if r.Kind == catalog.KindTable {
		r.ChangesMillis, r.ChangesBytes = defaultChangesMillis, defaultChangesBytes
	}
	for _, o := range reader.list {
		text, err := optionText(o)
		if err != nil {
			return false, err
		}
		r.Options = append(r.Options, catalog.Option{Name: strings.ToLower(o.Name), Value: text})
		switch strings.ToLower(o.Name) {
		case "timestamp":
			err = rowtimeOption(o, text, r)
		case "timestamp_format":
			err = rowtimeFormatOption(o, text, r)
		case "partitions":
			err = b.partitionsOption(o, r)
		case "changes_retention", "changes_retention_bytes":
			err = changesOption(o, text, r)
		case "upsert":
			err = upsertOption(o, r, derived)
		case "on_error":
			stopOnError, err = onErrorOption(o, text, derived)
		case "format", "key_format", "value_format":
			if !strings.EqualFold(text, "native") {
				err = notSupported(o.Pos(), "format %q is not supported", text).WithHint("The format is NATIVE, which is the default.")
			}
		case "kafka_topic", "replicas":
			err = notSupported(o.Pos(), "option %q is not supported", o.Name).WithHint("Leave it out: the rows are kept by the server itself.")
		default:
			err = lifetimeOption(o, r)
		}
		if err != nil {
			return false, err
		}
	}
	if err := checkLifetime(r, list); err != nil {
		return false, err
	}
	return stopOnError, checkRowtimeFormat(r, list)
}

// rowtimeFormatOption sets the pattern by which event times are read from text.
func rowtimeFormatOption(o *ast.Option, pattern string, r *catalog.Relation) error {
	if _, err := expr.NewTimePattern(pattern); err != nil {
		return sqlerr.From(err).At(o.Pos())
	}
	r.RowtimeFormat = pattern
	return nil
}

// checkRowtimeFormat refuses a pattern where no text is read by it.
func checkRowtimeFormat(r *catalog.Relation, list []*ast.Option) error {
	if r.RowtimeFormat == "" {
		return nil
	}
	for _, o := range list {
		if !strings.EqualFold(o.Name, "timestamp_format") {
			continue
		}
		if r.Rowtime < 0 {
			return sqlerr.New(sqlerr.InvalidTableDefinition, o.Pos(), `option "timestamp_format" needs option "timestamp"`)
		}
		if t := r.Columns[r.Rowtime].Type; t.Kind != types.KindText && t.Kind != types.KindVarchar {
			return sqlerr.New(sqlerr.DatatypeMismatch, o.Pos(), `option "timestamp_format" is for text, but column %q is of type %s`, r.Columns[r.Rowtime].Name, t.BaseName())
		}
	}
	return nil
}

// rowtimeOption sets the column that gives the event time.
func rowtimeOption(o *ast.Option, name string, r *catalog.Relation) error {
	r.Rowtime = r.Column(name)
	if r.Rowtime < 0 {
		return sqlerr.New(sqlerr.UndefinedColumn, o.Pos(), "column %q named in option \"timestamp\" does not exist", name)
	}
	t := r.Columns[r.Rowtime].Type
	if r.Kind == catalog.KindTable && !givesVersionTime(t) {
		return sqlerr.New(sqlerr.DatatypeMismatch, o.Pos(), "column %q of type %s cannot give the event time of a table's rows", name, t.BaseName()).
			WithHint("It needs type timestamp, timestamptz or date.")
	}
	switch t.Kind {
	case types.KindTimestamp, types.KindTimestampTZ, types.KindDate, types.KindInt8, types.KindText, types.KindVarchar:
		return nil
	default:
		return sqlerr.New(sqlerr.DatatypeMismatch, o.Pos(), "column %q of type %s cannot give the event time", name, t.BaseName()).
			WithHint("It needs type timestamp, timestamptz, date, bigint (milliseconds since 1970) or text.")
	}
}

func (b *binder) partitionsOption(o *ast.Option, r *catalog.Relation) error {
	n, err := optionInteger(o, 1, catalog.MaxShards)
	if err != nil {
		return err
	}
	if shards := b.env.Catalog.Shards(); int(n) > shards {
		return sqlerr.New(sqlerr.InvalidParameterValue, o.Pos(), "the number of partitions must be between 1 and %d", shards).
			WithHint("The cluster has %d shards; partition p of everything lies on shard p.", shards)
	}
	r.Partitions = int(n)
	return nil
}

// changesOption sets how long, or how much of, a table's changes are kept; 0 keeps
// none.
func changesOption(o *ast.Option, text string, r *catalog.Relation) (err error) {
	if r.Kind != catalog.KindTable {
		return sqlerr.New(sqlerr.InvalidTableDefinition, o.Pos(), "option %q is for tables", o.Name).
			WithHint("The rows of a stream are its changes: option retention says how long they are kept.")
	}
	switch {
	case text == "0":
		r.ChangesMillis, r.ChangesBytes = 0, 0
	case strings.EqualFold(o.Name, "changes_retention"):
		r.ChangesMillis, err = optionMillis(o)
	default:
		r.ChangesBytes, err = optionBytes(o)
	}
	return err
}

func upsertOption(o *ast.Option, r *catalog.Relation, derived bool) error {
	upsert, err := optionBool(o)
	if err != nil {
		return err
	}
	if upsert && (r.Kind != catalog.KindTable || derived) {
		return sqlerr.New(sqlerr.InvalidTableDefinition, o.Pos(), `option "upsert" is for tables that clients write to`)
	}
	if upsert && r.PrimaryKey() == nil {
		return sqlerr.New(sqlerr.InvalidTableDefinition, o.Pos(), `option "upsert" needs a primary key`).
			WithHint("The row with the same key is replaced.")
	}
	r.Upsert = upsert
	return nil
}

func onErrorOption(o *ast.Option, text string, derived bool) (bool, error) {
	if !derived {
		return false, sqlerr.New(sqlerr.InvalidParameterValue, o.Pos(), `option "on_error" is for CREATE … AS`)
	}
	switch strings.ToLower(text) {
	case "stop":
		return true, nil
	case "continue":
		return false, nil
	default:
		return false, badOption(o, "'continue' or 'stop'")
	}
}
