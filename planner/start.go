package planner

import (
	"slices"
	"strconv"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// Where push and continuous queries begin to read streams: the options start and
// start_offsets behind EMIT. Tables are read whole wherever streams begin.

// startOptionNames are the options of EMIT that say where streams begin.
var startOptionNames = []string{"start", "start_offsets"}

// startOption is what they say.
type startOption struct {
	start *plan.Start
	// option is where it is said.
	option *ast.Option
}

// readStart reads the options; earliest says that streams are read from the
// beginning by wish.
func (b *binder) readStart(reader *optionReader) (earliest bool, err error) {
	place, offsets := reader.find("start"), reader.find("start_offsets")
	for _, name := range []string{"snapshot", "from_beginning", "start_offsets"} {
		if o := reader.find(name); o != nil && (place != nil || name != "start_offsets" && offsets != nil) {
			return false, sqlerr.New(sqlerr.SyntaxError, o.Pos(), "conflicting or redundant options").
				WithHint("start, start_offsets and %s say the same or different things: use one of them.", name)
		}
	}
	switch {
	case place != nil:
		return b.readStartPlace(place)
	case offsets != nil:
		return false, b.readStartOffsets(offsets)
	default:
		return false, nil
	}
}

// readStartPlace reads start = 'earliest', 'latest' or a time.
func (b *binder) readStartPlace(o *ast.Option) (earliest bool, err error) {
	text, err := optionText(o)
	if err != nil {
		return false, err
	}
	b.start.option = o
	switch strings.ToLower(text) {
	case "earliest":
		return true, nil
	case "latest":
		b.start.start = &plan.Start{Kind: plan.StartLatest}
		return false, nil
	}
	at, err := types.ParseText(types.TimestampTZ, text, b.env.Format)
	if err != nil {
		return false, badOption(o, "'earliest', 'latest' or a time")
	}
	b.start.start = &plan.Start{Kind: plan.StartTime, Millis: ceilMillis(at.Int)}
	return false, nil
}

// ceilMillis turns a timestamp into milliseconds since the Unix epoch, rounding up:
// rowtimes have no more.
func ceilMillis(micros int64) int64 {
	const millisAtZero = 946_684_800_000 // 2000-01-01
	millis := micros / 1000
	if micros%1000 > 0 {
		millis++
	}
	return millis + millisAtZero
}

// readStartOffsets reads start_offsets = 'partition:offset, …'.
func (b *binder) readStartOffsets(o *ast.Option) error {
	text, err := optionText(o)
	if err != nil {
		return err
	}
	b.start.option = o
	b.start.start = &plan.Start{Kind: plan.StartOffsets}
	for _, part := range strings.Split(text, ",") {
		left, right, found := strings.Cut(strings.TrimSpace(part), ":")
		partition, err := strconv.ParseUint(left, 10, 16)
		offset, offsetErr := strconv.ParseUint(right, 10, 63)
		if !found || err != nil || offsetErr != nil || partition >= catalog.MaxShards {
			return badOption(o, "a list such as '0:1200, 1:950' of partitions and the offsets to begin with")
		}
		list := &b.start.start.Offsets
		for len(*list) <= int(partition) {
			*list = append(*list, -1)
		}
		if (*list)[partition] >= 0 {
			return sqlerr.New(sqlerr.InvalidParameterValue, o.Pos(), "option %q names partition %d twice", o.Name, partition)
		}
		(*list)[partition] = int64(offset)
	}
	return nil
}

// checkStart refuses a start where there is no stream that could begin there. It
// returns the stream of start_offsets, which are those of one.
func (b *binder) checkStart() (*catalog.Relation, error) {
	o := b.start.option
	if o == nil {
		return nil, nil
	}
	streams := slices.DeleteFunc(slices.Clone(b.sources), func(r *catalog.Relation) bool { return r.Kind != catalog.KindStream })
	if len(streams) == 0 {
		return nil, sqlerr.New(sqlerr.InvalidParameterValue, o.Pos(), "option %q is for queries that read streams", o.Name).
			WithHint("A table is read as it is, and then its changes.")
	}
	if b.start.start == nil || b.start.start.Kind != plan.StartOffsets {
		return nil, nil
	}
	if len(streams) > 1 {
		return nil, sqlerr.New(sqlerr.InvalidParameterValue, o.Pos(), "option %q is for queries that read one stream", o.Name).
			WithHint("Use start = 'time': it holds for all of them.")
	}
	if given, has := len(b.start.start.Offsets), streams[0].Partitions; given > has {
		return nil, sqlerr.New(sqlerr.InvalidParameterValue, o.Pos(), "stream %q has no partition %d", streams[0].Name, given-1).
			WithHint("It has %d, from 0 on.", has)
	}
	return streams[0], nil
}

// noteStart has the offsets at which a query begins looked at before it is created.
func (b *binder) noteStart(ddl *plan.DDL) {
	if stream, err := b.checkStart(); err == nil && stream != nil {
		ddl.Start, ddl.Stream = b.start.start, stream
	}
}
