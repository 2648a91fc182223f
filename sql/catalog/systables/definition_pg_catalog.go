package systables

// pgCatalog has the tables and views of PostgreSQL 15's pg_catalog that clients ask for,
// with its OIDs, columns and their order
// (https://www.postgresql.org/docs/15/catalogs.html). Types that there are no values of
// are the ones that stand in for them: oid for xid, text for pg_node_tree, arrays for
// vectors.
var pgCatalog = []definition{
	{2600, "pg_aggregate", `aggfnoid regproc, aggkind char, aggnumdirectargs int2, aggtransfn regproc, aggfinalfn regproc,
		aggcombinefn regproc, aggserialfn regproc, aggdeserialfn regproc, aggmtransfn regproc,
		aggminvtransfn regproc, aggmfinalfn regproc, aggfinalextra bool, aggmfinalextra bool, aggfinalmodify
		char, aggmfinalmodify char, aggsortop oid, aggtranstype oid, aggtransspace int4, aggmtranstype oid,
		aggmtransspace int4, agginitval text, aggminitval text`},
	{2601, "pg_am", `oid oid, amname name, amhandler regproc, amtype char`},
	{2604, "pg_attrdef", `oid oid, adrelid oid, adnum int2, adbin text`},
	{1249, "pg_attribute", `attrelid oid, attname name, atttypid oid, attstattarget int4, attlen int2, attnum int2, attndims
		int4, attcacheoff int4, atttypmod int4, attbyval bool, attalign char, attstorage char,
		attcompression char, attnotnull bool, atthasdef bool, atthasmissing bool, attidentity char,
		attgenerated char, attisdropped bool, attislocal bool, attinhcount int4, attcollation oid, attacl
		text[], attoptions text[], attfdwoptions text[], attmissingval text`},
	{1261, "pg_auth_members", `roleid oid, member oid, grantor oid, admin_option bool`},
	{1260, "pg_authid", `oid oid, rolname name, rolsuper bool, rolinherit bool, rolcreaterole bool, rolcreatedb bool,
		rolcanlogin bool, rolreplication bool, rolbypassrls bool, rolconnlimit int4, rolpassword text,
		rolvaliduntil timestamptz`},
	{12081, "pg_available_extensions", `name name, default_version text, installed_version text, comment text`},
	{2605, "pg_cast", `oid oid, castsource oid, casttarget oid, castfunc oid, castcontext char, castmethod char`},
	{1259, "pg_class", `oid oid, relname name, relnamespace oid, reltype oid, reloftype oid, relowner oid, relam oid,
		relfilenode oid, reltablespace oid, relpages int4, reltuples float4, relallvisible int4,
		reltoastrelid oid, relhasindex bool, relisshared bool, relpersistence char, relkind char, relnatts
		int2, relchecks int2, relhasrules bool, relhastriggers bool, relhassubclass bool, relrowsecurity
		bool, relforcerowsecurity bool, relispopulated bool, relreplident char, relispartition bool,
		relrewrite oid, relfrozenxid oid, relminmxid oid, relacl text[], reloptions text[], relpartbound
		text`},
	{3456, "pg_collation", `oid oid, collname name, collnamespace oid, collowner oid, collprovider char, collisdeterministic
		bool, collencoding int4, collcollate text, collctype text, colliculocale text, collversion text`},
	{2606, "pg_constraint", `oid oid, conname name, connamespace oid, contype char, condeferrable bool, condeferred bool,
		convalidated bool, conrelid oid, contypid oid, conindid oid, conparentid oid, confrelid oid,
		confupdtype char, confdeltype char, confmatchtype char, conislocal bool, coninhcount int4,
		connoinherit bool, conkey int2[], confkey int2[], conpfeqop oid[], conppeqop oid[], conffeqop oid[],
		confdelsetcols int2[], conexclop oid[], conbin text`},
	{2607, "pg_conversion", `oid oid, conname name, connamespace oid, conowner oid, conforencoding int4, contoencoding int4,
		conproc regproc, condefault bool`},
	{12077, "pg_cursors", `name text, statement text, is_holdable bool, is_binary bool, is_scrollable bool, creation_time
		timestamptz`},
	{1262, "pg_database", `oid oid, datname name, datdba oid, encoding int4, datlocprovider char, datistemplate bool,
		datallowconn bool, datconnlimit int4, datfrozenxid oid, datminmxid oid, dattablespace oid,
		datcollate text, datctype text, daticulocale text, datcollversion text, datacl text[]`},
	{2964, "pg_db_role_setting", `setdatabase oid, setrole oid, setconfig text[]`},
	{826, "pg_default_acl", `oid oid, defaclrole oid, defaclnamespace oid, defaclobjtype char, defaclacl text[]`},
	{2608, "pg_depend", `classid oid, objid oid, objsubid int4, refclassid oid, refobjid oid, refobjsubid int4, deptype char`},
	{2609, "pg_description", `objoid oid, classoid oid, objsubid int4, description text`},
	{3501, "pg_enum", `oid oid, enumtypid oid, enumsortorder float4, enumlabel name`},
	{3466, "pg_event_trigger", `oid oid, evtname name, evtevent name, evtowner oid, evtfoid oid, evtenabled char, evttags text[]`},
	{3079, "pg_extension", `oid oid, extname name, extowner oid, extnamespace oid, extrelocatable bool, extversion text,
		extconfig oid[], extcondition text[]`},
	{2328, "pg_foreign_data_wrapper", `oid oid, fdwname name, fdwowner oid, fdwhandler oid, fdwvalidator oid, fdwacl text[], fdwoptions
		text[]`},
	{1417, "pg_foreign_server", `oid oid, srvname name, srvowner oid, srvfdw oid, srvtype text, srvversion text, srvacl text[],
		srvoptions text[]`},
	{3118, "pg_foreign_table", `ftrelid oid, ftserver oid, ftoptions text[]`},
	{12010, "pg_group", `groname name, grosysid oid, grolist oid[]`},
	{2610, "pg_index", `indexrelid oid, indrelid oid, indnatts int2, indnkeyatts int2, indisunique bool, indnullsnotdistinct
		bool, indisprimary bool, indisexclusion bool, indimmediate bool, indisclustered bool, indisvalid
		bool, indcheckxmin bool, indisready bool, indislive bool, indisreplident bool, indkey int2vector,
		indcollation oidvector, indclass oidvector, indoption int2vector, indexprs text, indpred text`},
	{12043, "pg_indexes", `schemaname name, tablename name, indexname name, tablespace name, indexdef text`},
	{2611, "pg_inherits", `inhrelid oid, inhparent oid, inhseqno int4, inhdetachpending bool`},
	{2612, "pg_language", `oid oid, lanname name, lanowner oid, lanispl bool, lanpltrusted bool, lanplcallfoid oid, laninline
		oid, lanvalidator oid, lanacl text[]`},
	{2995, "pg_largeobject_metadata", `oid oid, lomowner oid, lomacl text[]`},
	{12073, "pg_locks", `locktype text, database oid, relation oid, page int4, tuple int2, virtualxid text, transactionid
		oid, classid oid, objid oid, objsubid int2, virtualtransaction text, pid int4, mode text, granted
		bool, fastpath bool, waitstart timestamptz`},
	{12038, "pg_matviews", `schemaname name, matviewname name, matviewowner name, tablespace name, hasindexes bool, ispopulated
		bool, definition text`},
	{2615, "pg_namespace", `oid oid, nspname name, nspowner oid, nspacl text[]`},
	{2616, "pg_opclass", `oid oid, opcmethod oid, opcname name, opcnamespace oid, opcowner oid, opcfamily oid, opcintype oid,
		opcdefault bool, opckeytype oid`},
	{2617, "pg_operator", `oid oid, oprname name, oprnamespace oid, oprowner oid, oprkind char, oprcanmerge bool, oprcanhash
		bool, oprleft oid, oprright oid, oprresult oid, oprcom oid, oprnegate oid, oprcode regproc, oprrest
		regproc, oprjoin regproc`},
	{2753, "pg_opfamily", `oid oid, opfmethod oid, opfname name, opfnamespace oid, opfowner oid`},
	{3350, "pg_partitioned_table", `partrelid oid, partstrat char, partnatts int2, partdefid oid, partattrs int2vector, partclass oidvector,
		partcollation oidvector, partexprs text`},
	{3256, "pg_policy", `oid oid, polname name, polrelid oid, polcmd char, polpermissive bool, polroles oid[], polqual text,
		polwithcheck text`},
	{12095, "pg_prepared_statements", `name text, statement text, prepare_time timestamptz, parameter_types regtype[], from_sql bool,
		generic_plans int8, custom_plans int8`},
	{12090, "pg_prepared_xacts", `transaction oid, gid text, prepared timestamptz, owner name, database name`},
	{1255, "pg_proc", `oid oid, proname name, pronamespace oid, proowner oid, prolang oid, procost float4, prorows float4,
		provariadic oid, prosupport regproc, prokind char, prosecdef bool, proleakproof bool, proisstrict
		bool, proretset bool, provolatile char, proparallel char, pronargs int2, pronargdefaults int2,
		prorettype oid, proargtypes oidvector, proallargtypes oid[], proargmodes char[], proargnames text[],
		proargdefaults text, protrftypes oid[], prosrc text, probin text, prosqlbody text, proconfig text[],
		proacl text[]`},
	{6104, "pg_publication", `oid oid, pubname name, pubowner oid, puballtables bool, pubinsert bool, pubupdate bool, pubdelete
		bool, pubtruncate bool, pubviaroot bool`},
	{6237, "pg_publication_namespace", `oid oid, pnpubid oid, pnnspid oid`},
	{6106, "pg_publication_rel", `oid oid, prpubid oid, prrelid oid, prqual text, prattrs int2[]`},
	{3541, "pg_range", `rngtypid oid, rngsubtype oid, rngmultitypid oid, rngcollation oid, rngsubopc oid, rngcanonical
		regproc, rngsubdiff regproc`},
	{2618, "pg_rewrite", `oid oid, rulename name, ev_class oid, ev_type char, ev_enabled char, is_instead bool, ev_qual text,
		ev_action text`},
	{12000, "pg_roles", `rolname name, rolsuper bool, rolinherit bool, rolcreaterole bool, rolcreatedb bool, rolcanlogin
		bool, rolreplication bool, rolconnlimit int4, rolpassword text, rolvaliduntil timestamptz,
		rolbypassrls bool, rolconfig text[], oid oid`},
	{12023, "pg_rules", `schemaname name, tablename name, rulename name, definition text`},
	{3596, "pg_seclabel", `objoid oid, classoid oid, objsubid int4, provider text, label text`},
	{2224, "pg_sequence", `seqrelid oid, seqtypid oid, seqstart int8, seqincrement int8, seqmax int8, seqmin int8, seqcache
		int8, seqcycle bool`},
	{12048, "pg_sequences", `schemaname name, sequencename name, sequenceowner name, data_type regtype, start_value int8,
		min_value int8, max_value int8, increment_by int8, cycle bool, cache_size int8, last_value int8`},
	{12104, "pg_settings", `name text, setting text, unit text, category text, short_desc text, extra_desc text, context text,
		vartype text, source text, min_val text, max_val text, enumvals text[], boot_val text, reset_val
		text, sourcefile text, sourceline int4, pending_restart bool`},
	{12005, "pg_shadow", `usename name, usesysid oid, usecreatedb bool, usesuper bool, userepl bool, usebypassrls bool, passwd
		text, valuntil timestamptz, useconfig text[]`},
	{2396, "pg_shdescription", `objoid oid, classoid oid, description text`},
	{12222, "pg_stat_activity", `datid oid, datname name, pid int4, leader_pid int4, usesysid oid, usename name, application_name
		text, client_addr text, client_hostname text, client_port int4, backend_start timestamptz,
		xact_start timestamptz, query_start timestamptz, state_change timestamptz, wait_event_type text,
		wait_event text, state text, backend_xid oid, backend_xmin oid, query_id int8, query text,
		backend_type text`},
	{12266, "pg_stat_database", `datid oid, datname name, numbackends int4, xact_commit int8, xact_rollback int8, blks_read int8,
		blks_hit int8, tup_returned int8, tup_fetched int8, tup_inserted int8, tup_updated int8, tup_deleted
		int8, conflicts int8, temp_files int8, temp_bytes int8, deadlocks int8, checksum_failures int8,
		checksum_last_failure timestamptz, blk_read_time float8, blk_write_time float8, session_time float8,
		active_time float8, idle_in_transaction_time float8, sessions int8, sessions_abandoned int8,
		sessions_fatal int8, sessions_killed int8, stats_reset timestamptz`},
	{12161, "pg_stat_user_tables", `relid oid, schemaname name, relname name, seq_scan int8, seq_tup_read int8, idx_scan int8,
		idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd int8, n_live_tup
		int8, n_dead_tup int8, n_mod_since_analyze int8, n_ins_since_vacuum int8, last_vacuum timestamptz,
		last_autovacuum timestamptz, last_analyze timestamptz, last_autoanalyze timestamptz, vacuum_count
		int8, autovacuum_count int8, analyze_count int8, autoanalyze_count int8`},
	{12179, "pg_statio_user_tables", `relid oid, schemaname name, relname name, heap_blks_read int8, heap_blks_hit int8, idx_blks_read
		int8, idx_blks_hit int8, toast_blks_read int8, toast_blks_hit int8, tidx_blks_read int8,
		tidx_blks_hit int8`},
	{3381, "pg_statistic_ext", `oid oid, stxrelid oid, stxname name, stxnamespace oid, stxowner oid, stxstattarget int4, stxkeys
		int2[], stxkind char[], stxexprs text`},
	{6100, "pg_subscription", `oid oid, subdbid oid, subskiplsn text, subname name, subowner oid, subenabled bool, subbinary bool,
		substream bool, subtwophasestate char, subdisableonerr bool, subconninfo text, subslotname name,
		subsynccommit text, subpublications text[]`},
	{12033, "pg_tables", `schemaname name, tablename name, tableowner name, tablespace name, hasindexes bool, hasrules bool,
		hastriggers bool, rowsecurity bool`},
	{1213, "pg_tablespace", `oid oid, spcname name, spcowner oid, spcacl text[], spcoptions text[]`},
	{12126, "pg_timezone_names", `name text, abbrev text, utc_offset interval, is_dst bool`},
	{2620, "pg_trigger", `oid oid, tgrelid oid, tgparentid oid, tgname name, tgfoid oid, tgtype int2, tgenabled char,
		tgisinternal bool, tgconstrrelid oid, tgconstrindid oid, tgconstraint oid, tgdeferrable bool,
		tginitdeferred bool, tgnargs int2, tgattr int2[], tgargs bytea, tgqual text, tgoldtable name,
		tgnewtable name`},
	{3602, "pg_ts_config", `oid oid, cfgname name, cfgnamespace oid, cfgowner oid, cfgparser oid`},
	{3600, "pg_ts_dict", `oid oid, dictname name, dictnamespace oid, dictowner oid, dicttemplate oid, dictinitoption text`},
	{3601, "pg_ts_parser", `oid oid, prsname name, prsnamespace oid, prsstart regproc, prstoken regproc, prsend regproc,
		prsheadline regproc, prslextype regproc`},
	{3764, "pg_ts_template", `oid oid, tmplname name, tmplnamespace oid, tmplinit regproc, tmpllexize regproc`},
	{1247, "pg_type", `oid oid, typname name, typnamespace oid, typowner oid, typlen int2, typbyval bool, typtype char,
		typcategory char, typispreferred bool, typisdefined bool, typdelim char, typrelid oid, typsubscript
		regproc, typelem oid, typarray oid, typinput regproc, typoutput regproc, typreceive regproc, typsend
		regproc, typmodin regproc, typmodout regproc, typanalyze regproc, typalign char, typstorage char,
		typnotnull bool, typbasetype oid, typtypmod int4, typndims int4, typcollation oid, typdefaultbin
		text, typdefault text, typacl text[]`},
	{12014, "pg_user", `usename name, usesysid oid, usecreatedb bool, usesuper bool, userepl bool, usebypassrls bool, passwd
		text, valuntil timestamptz, useconfig text[]`},
	{1418, "pg_user_mapping", `oid oid, umuser oid, umserver oid, umoptions text[]`},
	{12028, "pg_views", `schemaname name, viewname name, viewowner name, definition text`},
}
