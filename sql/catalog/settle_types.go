package catalog

import (
	"slices"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// settleTypes gives every column, and every field of a type, what the catalog knows of
// the types that CREATE TYPE made. A relation that the command before was not about, and
// whose types change by it, counts as changed. The lists are not shared yet; before is
// the catalog that they were copied from, nil for one that is being read.
func (s *Snapshot) settleTypes(before *Snapshot) error {
	if before != nil && len(before.types) == 0 && len(s.types) == 0 {
		return nil
	}
	for i, t := range s.types {
		settled, changed, err := s.settled(t.Type.Fields)
		if err != nil {
			return err
		}
		if changed {
			next := *t
			next.Type.Fields = settled
			if before != nil {
				next.Changed = s.version
			}
			s.types[i] = &next
		}
	}
	for n, list := range [][]*Relation{s.relations, s.shadows, s.keptRelations} {
		for i, r := range list {
			columns, changed, err := s.settledColumns(r.Columns)
			if err != nil {
				return err
			}
			if !changed {
				continue
			}
			next := *r
			next.Columns = columns
			if before != nil && n == 0 && before.Relation(r.ID) == r {
				next.Changed = s.version
			}
			list[i] = &next
		}
	}
	return s.settleViews(before)
}

func (s *Snapshot) settleViews(before *Snapshot) error {
	for i, v := range s.views {
		fields := make([]types.Field, len(v.Columns))
		for n, c := range v.Columns {
			fields[n] = types.Field{Type: c.Type}
		}
		settled, changed, err := s.settled(fields)
		if err != nil {
			return err
		}
		if !changed {
			continue
		}
		next := *v
		next.Columns = slices.Clone(v.Columns)
		for n := range next.Columns {
			next.Columns[n].Type = settled[n].Type
		}
		if before != nil && before.View(v.ID) == v {
			next.Changed = s.version
		}
		s.views[i] = &next
	}
	return nil
}

// settledColumns returns a relation's columns with their types settled. The type of a
// dropped column stays as it is: it may be gone.
func (s *Snapshot) settledColumns(columns []Column) ([]Column, bool, error) {
	fields := make([]types.Field, len(columns))
	for i := range columns {
		if !columns[i].Dropped {
			fields[i].Type = columns[i].Type
		}
	}
	settled, changed, err := s.settled(fields)
	if err != nil || !changed {
		return columns, false, err
	}
	columns = slices.Clone(columns)
	for i := range columns {
		if !columns[i].Dropped {
			columns[i].Type = settled[i].Type
		}
	}
	return columns, true, nil
}

// settled returns fields with their types settled, and whether they had to be.
func (s *Snapshot) settled(fields []types.Field) ([]types.Field, bool, error) {
	var out []types.Field
	for i := range fields {
		t := fields[i].Type
		if !t.HasNamed() {
			continue
		}
		settled, err := s.SettledType(t)
		if err != nil {
			return nil, false, err
		}
		if t.Identical(settled) {
			continue
		}
		if out == nil {
			out = slices.Clone(fields)
		}
		out[i].Type = settled
	}
	return out, out != nil, nil
}

// SettledType returns a type with what the catalog knows of those of its parts that
// CREATE TYPE made, 42704 where one is gone.
func (s *Snapshot) SettledType(t types.Type) (types.Type, error) {
	return t.ReplaceNamed(func(n *types.Named) (types.Type, error) {
		known := s.DataType(ObjectID(n.ID))
		if known == nil {
			return types.Type{}, sqlerr.New(sqlerr.UndefinedObject, -1, "type with OID %d does not exist", n.ID)
		}
		return known.Type, nil
	})
}
