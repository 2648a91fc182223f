package systables

import (
	"context"
	"fmt"

	"millrace/sql/catalog"
)

func pgAm(_ context.Context, _ *Environment, _ *Table) ([]row, error) {
	return []row{
		{"oid": oidHeap, "amname": "heap", "amtype": "t"},
		{"oid": oidBtree, "amname": "btree", "amtype": "i"},
		{"oid": oidHash, "amname": "hash", "amtype": "i"},
	}, nil
}

func pgDatabase(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	const utf8 = 6
	return []row{{
		"oid": oidDatabase, "datname": env.Database, "datdba": oidRole, "datacl": aclOrNull(env, catalog.DatabaseID), "encoding": utf8, "datlocprovider": "c",
		"datallowconn": true, "datconnlimit": -1, "dattablespace": oidDefaultSpace, "datcollate": "C", "datctype": "C",
	}}, nil
}

func pgTablespace(_ context.Context, _ *Environment, _ *Table) ([]row, error) {
	return []row{
		{"oid": oidDefaultSpace, "spcname": "pg_default", "spcowner": oidRole},
		{"oid": oidGlobalSpace, "spcname": "pg_global", "spcowner": oidRole},
	}, nil
}

func pgCollation(_ context.Context, _ *Environment, _ *Table) ([]row, error) {
	base := func(oid int, name, provider string, locale any) row {
		return row{
			"oid": oid, "collname": name, "collnamespace": oidSchemaPgCatalog, "collowner": oidRole, "collprovider": provider,
			"collisdeterministic": true, "collencoding": -1, "collcollate": locale, "collctype": locale,
		}
	}
	return []row{base(oidDefaultCollate, "default", "d", nil), base(oidCCollate, "C", "c", "C"), base(oidPOSIXCollate, "POSIX", "c", "POSIX")}, nil
}

func pgLanguage(_ context.Context, _ *Environment, _ *Table) ([]row, error) {
	return []row{
		{"oid": 12, "lanname": "internal", "lanowner": oidRole},
		{"oid": 14, "lanname": "sql", "lanowner": oidRole, "lanpltrusted": true},
	}, nil
}

// settings asks the host for the run-time parameters.
func settings(ctx context.Context, env *Environment) ([]Setting, error) {
	if env.Runtime == nil {
		return nil, nil
	}
	return env.Runtime.Settings(ctx)
}

func pgSettings(ctx context.Context, env *Environment, _ *Table) ([]row, error) {
	list, err := settings(ctx, env)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, s := range list {
		source := "default"
		if s.Value != s.Default {
			source = "session"
		}
		r := row{
			"name": s.Name, "setting": s.Value, "short_desc": s.Description, "context": s.Context, "vartype": s.Type,
			"source": source, "boot_val": s.Default, "reset_val": s.Reset,
		}
		for name, value := range map[string]string{"unit": s.Unit, "min_val": s.Lowest, "max_val": s.Highest} {
			if value != "" {
				r[name] = value
			}
		}
		if s.Choices != nil {
			r["enumvals"] = s.Choices
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func pgStatActivity(ctx context.Context, env *Environment, _ *Table) ([]row, error) {
	if env.Runtime == nil {
		return nil, nil
	}
	list, err := env.Runtime.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, s := range list {
		var waitType, wait any
		switch {
		case s.WaitsForLock != "":
			waitType, wait = "Lock", s.WaitsForLock
		case s.WaitsForChanges:
			waitType, wait = "Extension", "Changes"
		}
		user := env.Catalog.RoleByName(s.User)
		id := catalog.SuperuserID
		if user != nil {
			id = user.ID
		}
		if !env.Catalog.Acts(env.Role, id) && !env.Catalog.ReadsStatistics(env.Role) {
			rows = append(rows, row{
				"datid": oidDatabase, "datname": s.Database, "pid": s.PID, "usesysid": id, "usename": s.User,
				"application_name": s.ApplicationName, "query": "<insufficient privilege>",
			})
			continue
		}
		rows = append(rows, row{
			"wait_event_type": waitType, "wait_event": wait,
			"datid": oidDatabase, "datname": s.Database, "pid": s.PID, "usesysid": id, "usename": s.User,
			"application_name": s.ApplicationName, "client_addr": orNull(s.ClientAddress), "backend_start": s.Started,
			"query_start": s.QueryStarted, "state": s.State, "query": s.Query, "backend_type": "client backend",
		})
	}
	return rows, nil
}

func pgLocks(ctx context.Context, env *Environment, _ *Table) ([]row, error) {
	if env.Runtime == nil {
		return nil, nil
	}
	list, err := env.Runtime.Locks(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, l := range list {
		r := row{
			"database": nil, "relation": nil, "page": nil, "tuple": nil, "virtualxid": nil, "transactionid": nil,
			"classid": nil, "objid": nil, "objsubid": nil,
			"locktype": "transactionid", "virtualtransaction": fmt.Sprintf("%d/%d", l.PID, l.Transaction), "pid": l.PID,
			"mode": l.Mode, "granted": l.Granted, "fastpath": false, "waitstart": l.WaitStart,
		}
		switch {
		case l.Advisory != nil:
			r["locktype"], r["database"] = "advisory", oidDatabase
			r["classid"], r["objid"], r["objsubid"] = l.Advisory.ClassID, l.Advisory.ObjectID, int16(l.Advisory.SubID)
		case l.Relation != 0:
			r["locktype"], r["database"], r["relation"] = "relation", oidDatabase, uint32(l.Relation)
		default:
			r["transactionid"] = uint32(l.Target)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func pgCursors(ctx context.Context, env *Environment, _ *Table) ([]row, error) {
	if env.Runtime == nil {
		return nil, nil
	}
	list, err := env.Runtime.Cursors(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, c := range list {
		rows = append(rows, row{
			"name": c.Name, "statement": c.Statement, "is_holdable": c.Hold, "is_binary": c.Binary,
			"is_scrollable": !c.NotScrollable, "creation_time": c.Created,
		})
	}
	return rows, nil
}

func pgPreparedStatements(ctx context.Context, env *Environment, _ *Table) ([]row, error) {
	if env.Runtime == nil {
		return nil, nil
	}
	list, err := env.Runtime.PreparedStatements(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, s := range list {
		parameters := make([]int, len(s.Parameters))
		for i, t := range s.Parameters {
			parameters[i] = int(t.OID())
		}
		rows = append(rows, row{
			"name": s.Name, "statement": s.Statement, "prepare_time": s.Prepared, "parameter_types": parameters, "from_sql": s.FromSQL,
		})
	}
	return rows, nil
}
