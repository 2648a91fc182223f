package expr

import "millrace/sql/types"

// defineNotifications defines the functions about LISTEN and NOTIFY
// (https://www.postgresql.org/docs/15/sql-notify.html).
func (b *builder) defineNotifications() {
	b.function("pg_notify", "text,text", "void", liftRows(func(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		if ctx.Session == nil {
			return types.Null, errNoSession("pg_notify")
		}
		// NULL counts as an empty text, also for the name of the channel.
		return types.StringDatum(""), ctx.Session.Notify(row[0].Str, row[1].Str)
	}), "sends a notification when the transaction commits", notStrict, volatile)
	b.function("pg_notification_queue_usage", "", "float8", lift0c(func(ctx *Context) (float64, error) {
		if ctx.Session == nil {
			return 0, errNoSession("pg_notification_queue_usage")
		}
		return ctx.Session.NotificationQueueUsage(), nil
	}), "part of the queue of notifications that is in use", volatile)
	b.set("pg_listening_channels", "", unnamed("text"), func([]types.Type) RowSource {
		return newList(func(ctx *Context, _ []types.Datum) ([][]types.Datum, error) {
			out := make([][]types.Datum, 1)
			if ctx.Session == nil {
				return out, nil
			}
			for _, channel := range ctx.Session.ListeningChannels() {
				out[0] = append(out[0], types.StringDatum(channel))
			}
			return out, nil
		})
	}, "the channels that the session listens to")
}
