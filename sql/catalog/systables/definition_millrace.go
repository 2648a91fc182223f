package systables

// millraceTables are the tables about streams, queries and the cluster.
var millraceTables = []definition{
	{15001, "streams", `schema name, name name, id oid, key text, partitions int4, query text, rowtime text,
		retention text, rows int8, bytes int8, last_rowtime timestamptz, definition text, comment text`},
	{15002, "tables", `schema name, name name, id oid, key text, partitions int4, query text,
		rows int8, bytes int8, definition text, comment text`},
	{15003, "queries", `name name, id oid, state text, sink text, sources text, lag int8, rows int8, late int8, error text,
		shards int4, created timestamptz, settings text, text text`},
	{15004, "columns", `relation oid, schema name, relation_name name, position int4, name name, type text, key text,
		nullable bool, "default" text, hidden bool, comment text`},
	{15005, "shards", `shard int4, leader text, state text, term int8, index int8`},
	{15006, "nodes", `id text, address text, version text, state text, started timestamptz`},
	{15007, "errors", `time timestamptz, query name, shard int4, relation text, "partition" int4, "offset" int8,
		sqlstate text, message text`},
	{15008, "functions", `name name, arguments text, result text, kind text, volatility text`},
	{15009, "sessions", `pid int4, "user" name, database name, application_name text, client_address text,
		started timestamptz, query_started timestamptz, state text, query text`},
	{15010, "settings", `name text, value text, "default" text, context text, description text`},
	{15011, "query_shards", `query name, shard int4, state text, rows int8, lag int8, error text`},
	{15012, "partitions", `relation oid, schema name, name name, "partition" int4, start_offset int8, end_offset int8,
		rows int8, bytes int8, rowtime timestamptz`},
	{15014, "late_rows", `time timestamptz, query name, shard int4, "partition" int4, "offset" int8, rowtime timestamptz,
		window_start timestamptz, window_end timestamptz, rows int8`},
	{15016, "sequences", `id oid, schema name, name name, type text, last_value int8, log_cnt int8, is_called bool,
		owner oid, owner_column text, identity bool, comment text`},
	{15013, "definitions", `id oid, kind text, number int4, definition text`},
}
