package systables

import (
	"context"

	"millrace/sql/catalog"
	"millrace/sql/types"
)

// sequenceColumns are the columns that a sequence has as a relation.
var sequenceColumns = []Column{{"last_value", types.Int8}, {"log_cnt", types.Int8}, {"is_called", types.Bool}}

// sequenceState tells how far a sequence is: the node knows which of the values
// that it has reserved were given.
func sequenceState(env *Environment, q *catalog.Sequence) (last int64, called bool, ahead int64) {
	if env.Runtime == nil {
		return q.Last, q.Called, 0
	}
	return env.Runtime.SequenceState(q.ID)
}

// sequenceClassRows are the sequences in pg_class.
func sequenceClassRows(env *Environment) []row {
	var rows []row
	for _, q := range env.Catalog.Sequences() {
		class := classRow(int(q.ID), q.Name, schemaOID(env.Catalog, q.Schema), "S", len(sequenceColumns))
		showAccess(env, class, q.ID)
		class["relreplident"], class["reltuples"] = "n", 1
		rows = append(rows, class)
	}
	return rows
}

// sequenceAttributeRows are the columns of sequences in pg_attribute.
func sequenceAttributeRows(env *Environment) []row {
	var rows []row
	for _, q := range env.Catalog.Sequences() {
		for i, c := range sequenceColumns {
			attribute := attributeRow(int(q.ID), i+1, c.Name, c.Type)
			attribute["attnotnull"] = true
			rows = append(rows, attribute)
		}
	}
	return rows
}

func pgSequence(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, q := range env.Catalog.Sequences() {
		rows = append(rows, row{
			"seqrelid": q.ID, "seqtypid": q.Type.OID(), "seqstart": q.Start, "seqincrement": q.Increment,
			"seqmax": q.Max, "seqmin": q.Min, "seqcache": q.Cache, "seqcycle": q.Cycle,
		})
	}
	return rows, nil
}

func pgSequences(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, q := range env.Catalog.Sequences() {
		sequence := row{
			"schemaname": q.Schema, "sequencename": q.Name, "sequenceowner": ownerName(env, q.ID), "data_type": q.Type.OID(),
			"start_value": q.Start, "min_value": q.Min, "max_value": q.Max, "increment_by": q.Increment,
			"cycle": q.Cycle, "cache_size": q.Cache, "last_value": nil,
		}
		if last, called, _ := sequenceState(env, q); called {
			sequence["last_value"] = last
		}
		rows = append(rows, sequence)
	}
	return rows, nil
}

func informationSequences(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, q := range env.Catalog.Sequences() {
		if q.Identity {
			continue
		}
		rows = append(rows, row{
			"sequence_catalog": env.Database, "sequence_schema": q.Schema, "sequence_name": q.Name,
			"data_type": q.Type.BaseName(), "numeric_precision": 8 * q.Type.Size(), "numeric_precision_radix": 2, "numeric_scale": 0,
			"start_value": decimal(q.Start), "minimum_value": decimal(q.Min), "maximum_value": decimal(q.Max),
			"increment": decimal(q.Increment), "cycle_option": yesNo(q.Cycle),
		})
	}
	return rows, nil
}

func millraceSequences(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, q := range env.Catalog.Sequences() {
		last, called, ahead := sequenceState(env, q)
		sequence := row{
			"id": q.ID, "schema": q.Schema, "name": q.Name, "type": q.Type.String(), "last_value": last, "log_cnt": ahead,
			"is_called": called, "identity": q.Identity, "comment": orNull(q.Comment), "owner": 0, "owner_column": nil,
		}
		if owner := env.Catalog.Relation(q.Owner); owner != nil {
			sequence["owner"], sequence["owner_column"] = owner.ID, owner.Columns[q.OwnerColumn].Name
		}
		rows = append(rows, sequence)
	}
	return rows, nil
}

// identityFacts are what information_schema.columns shows of a column whose values
// are its own.
func identityFacts(env *Environment, r *catalog.Relation, number int) row {
	c := &r.Columns[number]
	facts := row{"identity_cycle": "NO"}
	if c.Generated != "" {
		facts["is_generated"], facts["generation_expression"] = "ALWAYS", shownExpression(c.Generated)
	}
	q := env.Catalog.OwnedSequence(r.ID, number)
	if c.Identity == catalog.NotIdentity || q == nil {
		return facts
	}
	facts["is_identity"], facts["identity_generation"] = "YES", "ALWAYS"
	if c.Identity == catalog.IdentityByDefault {
		facts["identity_generation"] = "BY DEFAULT"
	}
	facts["identity_start"], facts["identity_increment"] = decimal(q.Start), decimal(q.Increment)
	facts["identity_maximum"], facts["identity_minimum"] = decimal(q.Max), decimal(q.Min)
	facts["identity_cycle"] = yesNo(q.Cycle)
	return facts
}

// identityLetter is pg_attribute.attidentity.
func identityLetter(c *catalog.Column) string {
	switch c.Identity {
	case catalog.IdentityAlways:
		return "a"
	case catalog.IdentityByDefault:
		return "d"
	default:
		return ""
	}
}
