package systables

// pgObjects has the tables and views of PostgreSQL 15 about kinds of object and of
// configuration that do not exist here: they have no rows, so that queries which join
// them find what there is.
var pgObjects = []definition{
	{2602, "pg_amop", `oid oid, amopfamily oid, amoplefttype oid, amoprighttype oid, amopstrategy int2, amoppurpose char,
		amopopr oid, amopmethod oid, amopsortfamily oid`},
	{2603, "pg_amproc", `oid oid, amprocfamily oid, amproclefttype oid, amprocrighttype oid, amprocnum int2, amproc regproc`},
	{12085, "pg_available_extension_versions", `name name, version text, installed bool, superuser bool, trusted bool, relocatable bool, schema
		name, requires name[], comment text`},
	{12130, "pg_config", `name text, setting text`},
	{12110, "pg_file_settings", `sourcefile text, sourceline int4, seqno int4, name text, setting text, applied bool, error text`},
	{12114, "pg_hba_file_rules", `line_number int4, type text, database text[], user_name text[], address text, netmask text,
		auth_method text, options text[], error text`},
	{12118, "pg_ident_file_mappings", `line_number int4, map_name text, sys_name text, pg_username text, error text`},
	{3394, "pg_init_privs", `objoid oid, classoid oid, objsubid int4, privtype char, initprivs text[]`},
	{2613, "pg_largeobject", `loid oid, pageno int4, data bytea`},
	{6243, "pg_parameter_acl", `oid oid, parname text, paracl text[]`},
	{12018, "pg_policies", `schemaname name, tablename name, policyname name, permissive text, roles name[], cmd text, qual
		text, with_check text`},
	{12068, "pg_publication_tables", `pubname name, schemaname name, tablename name, attnames name[], rowfilter text`},
	{6000, "pg_replication_origin", `roident oid, roname text`},
	{12332, "pg_replication_origin_status", `local_id oid, external_id text, remote_lsn text, local_lsn text`},
	{12257, "pg_replication_slots", `slot_name name, plugin name, slot_type text, datoid oid, database name, temporary bool, active bool,
		active_pid int4, xmin oid, catalog_xmin oid, restart_lsn text, confirmed_flush_lsn text, wal_status
		text, safe_wal_size int8, two_phase bool`},
	{12099, "pg_seclabels", `objoid oid, classoid oid, objsubid int4, objtype text, objnamespace oid, objname text, provider
		text, label text`},
	{1214, "pg_shdepend", `dbid oid, classid oid, objid oid, objsubid int4, refclassid oid, refobjid oid, deptype char`},
	{3592, "pg_shseclabel", `objoid oid, classoid oid, provider text, label text`},
	{6102, "pg_subscription_rel", `srsubid oid, srrelid oid, srsubstate char, srsublsn text`},
	{12122, "pg_timezone_abbrevs", `abbrev text, utc_offset interval, is_dst bool`},
	{3576, "pg_transform", `oid oid, trftype oid, trflang oid, trffromsql regproc, trftosql regproc`},
	{3603, "pg_ts_config_map", `mapcfg oid, maptokentype int4, mapseqno int4, mapdict oid`},
	{12327, "pg_user_mappings", `umid oid, srvid oid, srvname name, umuser oid, usename name, umoptions text[]`},
}
