package systables

// pgStatistics has the tables and views of PostgreSQL 15 about statistics
// (https://www.postgresql.org/docs/15/monitoring-stats.html) that nothing is counted for
// here: they have no rows.
var pgStatistics = []definition{
	{12138, "pg_backend_memory_contexts", `name text, ident text, parent text, level int4, total_bytes int8, total_nblocks int8, free_bytes
		int8, free_chunks int8, used_bytes int8`},
	{12134, "pg_shmem_allocations", `name text, off int8, size int8, allocated_size int8`},
	{12183, "pg_stat_all_indexes", `relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_scan int8,
		idx_tup_read int8, idx_tup_fetch int8`},
	{12142, "pg_stat_all_tables", `relid oid, schemaname name, relname name, seq_scan int8, seq_tup_read int8, idx_scan int8,
		idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd int8, n_live_tup
		int8, n_dead_tup int8, n_mod_since_analyze int8, n_ins_since_vacuum int8, last_vacuum timestamptz,
		last_autovacuum timestamptz, last_analyze timestamptz, last_autoanalyze timestamptz, vacuum_count
		int8, autovacuum_count int8, analyze_count int8, autoanalyze_count int8`},
	{12285, "pg_stat_archiver", `archived_count int8, last_archived_wal text, last_archived_time timestamptz, failed_count int8,
		last_failed_wal text, last_failed_time timestamptz, stats_reset timestamptz`},
	{12289, "pg_stat_bgwriter", `checkpoints_timed int8, checkpoints_req int8, checkpoint_write_time float8, checkpoint_sync_time
		float8, buffers_checkpoint int8, buffers_clean int8, maxwritten_clean int8, buffers_backend int8,
		buffers_backend_fsync int8, buffers_alloc int8, stats_reset timestamptz`},
	{12271, "pg_stat_database_conflicts", `datid oid, datname name, confl_tablespace int8, confl_lock int8, confl_snapshot int8,
		confl_bufferpin int8, confl_deadlock int8`},
	{12253, "pg_stat_gssapi", `pid int4, gss_authenticated bool, principal text, encrypted bool`},
	{12297, "pg_stat_progress_analyze", `pid int4, datid oid, datname name, relid oid, phase text, sample_blks_total int8,
		sample_blks_scanned int8, ext_stats_total int8, ext_stats_computed int8, child_tables_total int8,
		child_tables_done int8, current_child_table_relid oid`},
	{12317, "pg_stat_progress_basebackup", `pid int4, phase text, backup_total int8, backup_streamed int8, tablespaces_total int8,
		tablespaces_streamed int8`},
	{12307, "pg_stat_progress_cluster", `pid int4, datid oid, datname name, relid oid, command text, phase text, cluster_index_relid oid,
		heap_tuples_scanned int8, heap_tuples_written int8, heap_blks_total int8, heap_blks_scanned int8,
		index_rebuild_count int8`},
	{12322, "pg_stat_progress_copy", `pid int4, datid oid, datname name, relid oid, command text, type text, bytes_processed int8,
		bytes_total int8, tuples_processed int8, tuples_excluded int8`},
	{12312, "pg_stat_progress_create_index", `pid int4, datid oid, datname name, relid oid, index_relid oid, command text, phase text,
		lockers_total int8, lockers_done int8, current_locker_pid int8, blocks_total int8, blocks_done int8,
		tuples_total int8, tuples_done int8, partitions_total int8, partitions_done int8`},
	{12302, "pg_stat_progress_vacuum", `pid int4, datid oid, datname name, relid oid, phase text, heap_blks_total int8, heap_blks_scanned
		int8, heap_blks_vacuumed int8, index_vacuum_count int8, max_dead_tuples int8, num_dead_tuples int8`},
	{12240, "pg_stat_recovery_prefetch", `stats_reset timestamptz, prefetch int8, hit int8, skip_init int8, skip_new int8, skip_fpw int8,
		skip_rep int8, wal_distance int4, block_distance int4, io_depth int4`},
	{12227, "pg_stat_replication", `pid int4, usesysid oid, usename name, application_name text, client_addr text, client_hostname text,
		client_port int4, backend_start timestamptz, backend_xmin oid, state text, sent_lsn text, write_lsn
		text, flush_lsn text, replay_lsn text, write_lag interval, flush_lag interval, replay_lag interval,
		sync_priority int4, sync_state text, reply_time timestamptz`},
	{12262, "pg_stat_replication_slots", `slot_name text, spill_txns int8, spill_count int8, spill_bytes int8, stream_txns int8, stream_count
		int8, stream_bytes int8, total_txns int8, total_bytes int8, stats_reset timestamptz`},
	{12232, "pg_stat_slru", `name text, blks_zeroed int8, blks_hit int8, blks_read int8, blks_written int8, blks_exists int8,
		flushes int8, truncates int8, stats_reset timestamptz`},
	{12249, "pg_stat_ssl", `pid int4, ssl bool, version text, cipher text, bits int4, client_dn text, client_serial numeric,
		issuer_dn text`},
	{12244, "pg_stat_subscription", `subid oid, subname name, pid int4, relid oid, received_lsn text, last_msg_send_time timestamptz,
		last_msg_receipt_time timestamptz, latest_end_lsn text, latest_end_time timestamptz`},
	{12336, "pg_stat_subscription_stats", `subid oid, subname name, apply_error_count int8, sync_error_count int8, stats_reset timestamptz`},
	{12188, "pg_stat_sys_indexes", `relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_scan int8,
		idx_tup_read int8, idx_tup_fetch int8`},
	{12152, "pg_stat_sys_tables", `relid oid, schemaname name, relname name, seq_scan int8, seq_tup_read int8, idx_scan int8,
		idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd int8, n_live_tup
		int8, n_dead_tup int8, n_mod_since_analyze int8, n_ins_since_vacuum int8, last_vacuum timestamptz,
		last_autovacuum timestamptz, last_analyze timestamptz, last_autoanalyze timestamptz, vacuum_count
		int8, autovacuum_count int8, analyze_count int8, autoanalyze_count int8`},
	{12275, "pg_stat_user_functions", `funcid oid, schemaname name, funcname name, calls int8, total_time float8, self_time float8`},
	{12192, "pg_stat_user_indexes", `relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_scan int8,
		idx_tup_read int8, idx_tup_fetch int8`},
	{12293, "pg_stat_wal", `wal_records int8, wal_fpi int8, wal_bytes numeric, wal_buffers_full int8, wal_write int8, wal_sync
		int8, wal_write_time float8, wal_sync_time float8, stats_reset timestamptz`},
	{12236, "pg_stat_wal_receiver", `pid int4, status text, receive_start_lsn text, receive_start_tli int4, written_lsn text, flushed_lsn
		text, received_tli int4, last_msg_send_time timestamptz, last_msg_receipt_time timestamptz,
		latest_end_lsn text, latest_end_time timestamptz, slot_name text, sender_host text, sender_port
		int4, conninfo text`},
	{12147, "pg_stat_xact_all_tables", `relid oid, schemaname name, relname name, seq_scan int8, seq_tup_read int8, idx_scan int8,
		idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd int8`},
	{12157, "pg_stat_xact_sys_tables", `relid oid, schemaname name, relname name, seq_scan int8, seq_tup_read int8, idx_scan int8,
		idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd int8`},
	{12280, "pg_stat_xact_user_functions", `funcid oid, schemaname name, funcname name, calls int8, total_time float8, self_time float8`},
	{12166, "pg_stat_xact_user_tables", `relid oid, schemaname name, relname name, seq_scan int8, seq_tup_read int8, idx_scan int8,
		idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd int8`},
	{12196, "pg_statio_all_indexes", `relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_blks_read int8,
		idx_blks_hit int8`},
	{12209, "pg_statio_all_sequences", `relid oid, schemaname name, relname name, blks_read int8, blks_hit int8`},
	{12170, "pg_statio_all_tables", `relid oid, schemaname name, relname name, heap_blks_read int8, heap_blks_hit int8, idx_blks_read
		int8, idx_blks_hit int8, toast_blks_read int8, toast_blks_hit int8, tidx_blks_read int8,
		tidx_blks_hit int8`},
	{12201, "pg_statio_sys_indexes", `relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_blks_read int8,
		idx_blks_hit int8`},
	{12214, "pg_statio_sys_sequences", `relid oid, schemaname name, relname name, blks_read int8, blks_hit int8`},
	{12175, "pg_statio_sys_tables", `relid oid, schemaname name, relname name, heap_blks_read int8, heap_blks_hit int8, idx_blks_read
		int8, idx_blks_hit int8, toast_blks_read int8, toast_blks_hit int8, tidx_blks_read int8,
		tidx_blks_hit int8`},
	{12205, "pg_statio_user_indexes", `relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_blks_read int8,
		idx_blks_hit int8`},
	{12218, "pg_statio_user_sequences", `relid oid, schemaname name, relname name, blks_read int8, blks_hit int8`},
	{2619, "pg_statistic", `starelid oid, staattnum int2, stainherit bool, stanullfrac float4, stawidth int4, stadistinct
		float4, stakind1 int2, stakind2 int2, stakind3 int2, stakind4 int2, stakind5 int2, staop1 oid,
		staop2 oid, staop3 oid, staop4 oid, staop5 oid, stacoll1 oid, stacoll2 oid, stacoll3 oid, stacoll4
		oid, stacoll5 oid, stanumbers1 float4[], stanumbers2 float4[], stanumbers3 float4[], stanumbers4
		float4[], stanumbers5 float4[], stavalues1 text, stavalues2 text, stavalues3 text, stavalues4 text,
		stavalues5 text`},
	{3429, "pg_statistic_ext_data", `stxoid oid, stxdinherit bool, stxdndistinct text, stxddependencies text, stxdmcv text, stxdexpr text`},
	{12053, "pg_stats", `schemaname name, tablename name, attname name, inherited bool, null_frac float4, avg_width int4,
		n_distinct float4, most_common_vals text, most_common_freqs float4[], histogram_bounds text,
		correlation float4, most_common_elems text, most_common_elem_freqs float4[], elem_count_histogram
		float4[]`},
	{12058, "pg_stats_ext", `schemaname name, tablename name, statistics_schemaname name, statistics_name name, statistics_owner
		name, attnames name[], exprs text[], kinds char[], inherited bool, n_distinct text, dependencies
		text, most_common_vals text[], most_common_val_nulls bool[], most_common_freqs float8[],
		most_common_base_freqs float8[]`},
	{12063, "pg_stats_ext_exprs", `schemaname name, tablename name, statistics_schemaname name, statistics_name name, statistics_owner
		name, expr text, inherited bool, null_frac float4, avg_width int4, n_distinct float4,
		most_common_vals text, most_common_freqs float4[], histogram_bounds text, correlation float4,
		most_common_elems text, most_common_elem_freqs float4[], elem_count_histogram float4[]`},
}
