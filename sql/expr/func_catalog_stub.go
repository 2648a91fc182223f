package expr

import "strconv"

// defineCatalogStubs defines functions whose answer is always the same here:
// there are no comments and no stored expressions.
func (b *builder) defineCatalogStubs() {
	null := func(name, args, result, words string) {
		b.function(name, args, result, lift0c(func(*Context) (string, error) { return "", errNull }), words, stable)
	}
	null("obj_description", "oid", "text", "NULL: there are no comments")
	null("obj_description", "oid,name", "text", "NULL: there are no comments")
	null("col_description", "oid,int4", "text", "NULL: there are no comments")
	null("shobj_description", "oid,name", "text", "NULL: there are no comments")
	null("pg_get_expr", "text,oid", "text", "NULL: there are no stored expressions")
	null("pg_get_expr", "text,oid,bool", "text", "NULL: there are no stored expressions")
	null("pg_get_indexdef", "oid", "text", "NULL: there are no index definitions")
	null("pg_get_indexdef", "oid,int4,bool", "text", "NULL: there are no index definitions")
	null("pg_get_constraintdef", "oid", "text", "NULL: there are no constraint definitions")
	null("pg_get_constraintdef", "oid,bool", "text", "NULL: there are no constraint definitions")
	null("pg_get_partkeydef", "oid", "text", "NULL: there are no partitioned tables")
	null("pg_get_statisticsobjdef_columns", "oid", "text", "NULL: there are no statistics objects")
	for _, name := range []string{"pg_get_function_result", "pg_get_function_arguments", "pg_get_function_identity_arguments", "pg_get_functiondef"} {
		null(name, "oid", "text", "NULL: functions are described in the documentation only")
	}
	null("pg_get_ruledef", "oid", "text", "NULL: there are no rules")
	null("pg_get_triggerdef", "oid", "text", "NULL: there are no triggers")
	null("pg_get_triggerdef", "oid,bool", "text", "NULL: there are no triggers")
	null("pg_get_serial_sequence", "text,text", "text", "NULL: there are no sequences")
	null("pg_get_function_sqlbody", "oid", "text", "NULL: no function is written in SQL")
	null("pg_get_statisticsobjdef", "oid", "text", "NULL: there are no statistics objects")
	null("pg_get_partition_constraintdef", "oid", "text", "NULL: there are no partitioned tables")
	null("pg_get_ruledef", "oid,bool", "text", "NULL: there are no rules")
	null("pg_get_function_arg_default", "oid,int4", "text", "NULL: no argument has a default")
	null("pg_relation_filepath", "regclass", "text", "NULL: relations have no files of their own")
	null("pg_filenode_relation", "oid,oid", "regclass", "NULL: relations have no files of their own")
	null("pg_tablespace_location", "oid", "text", "NULL: there are no tablespaces")
	integer := func(name, args, result string, v int64, words string) {
		b.function(name, args, result, lift0c(func(*Context) (int64, error) { return v, nil }), words, stable)
	}
	for _, name := range []string{"pg_relation_size", "pg_table_size", "pg_total_relation_size", "pg_indexes_size"} {
		integer(name, "regclass", "int8", 0, "0: sizes are not counted by relation")
	}
	integer("pg_relation_size", "regclass,text", "int8", 0, "0: sizes are not counted by relation")
	for _, name := range []string{
		"pg_type_is_visible", "pg_function_is_visible", "pg_operator_is_visible", "pg_collation_is_visible", "pg_conversion_is_visible",
		"pg_opclass_is_visible", "pg_opfamily_is_visible", "pg_statistics_obj_is_visible", "pg_ts_config_is_visible",
		"pg_ts_dict_is_visible", "pg_ts_parser_is_visible", "pg_ts_template_is_visible",
	} {
		integer(name, "oid", "bool", 1, "true: these are all in pg_catalog")
	}
	for _, args := range []string{"name", "oid"} {
		integer("pg_database_size", args, "int8", 0, "0: sizes are not counted by database")
	}
	b.function("pg_size_pretty", "int8", "text", lift1(prettySize), "number of bytes with a unit")
	for _, args := range []string{"name", "oid"} {
		integer("pg_tablespace_size", args, "int8", 0, "0: sizes are not counted by tablespace")
	}
	const utf8 = 6 // PostgreSQL's number of the encoding
	for _, name := range []string{"getdatabaseencoding", "pg_client_encoding"} {
		b.function(name, "", "name", lift0c(func(*Context) (string, error) { return "UTF8", nil }), "encoding of the database and of clients", stable)
	}
	b.function("pg_char_to_encoding", "name", "int4", lift1(func(name string) int64 {
		switch lowerASCII(name) {
		case "utf8", "utf-8", "unicode":
			return utf8
		}
		return -1
	}), "number of an encoding, -1 where there is none")
	integer("pg_is_in_recovery", "", "bool", 0, "false: a node that answers is not recovering")
	integer("pg_relation_is_publishable", "regclass", "bool", 0, "false: there are no publications")
	integer("pg_my_temp_schema", "", "oid", 0, "0: there are no temporary tables")
	integer("inet_server_port", "", "int4", 0, "0: not known here")
}

// prettySize prints a number of bytes in the largest unit that leaves it a few
// digits, rounded as PostgreSQL does.
func prettySize(n int64) string {
	const limit = 10 * 1024
	negative := n < 0
	size := absolute(n)
	if size < limit {
		return strconv.FormatInt(n, 10) + " bytes"
	}
	size >>= 9 // keep one bit for rounding
	unit := 0
	units := []string{"kB", "MB", "GB", "TB", "PB"}
	for size >= 2*limit-1 && unit < len(units)-1 {
		size >>= 10
		unit++
	}
	text := strconv.FormatUint((size+1)/2, 10) + " " + units[unit]
	if negative {
		return "-" + text
	}
	return text
}
