package catalog

import "millrace/sql/types"

type dataTypeRecord struct {
	ID      ObjectID      `json:"id"`
	Schema  string        `json:"schema"`
	Name    string        `json:"name"`
	Kind    string        `json:"kind"`
	Labels  []labelRecord `json:"labels,omitempty"`
	Fields  []fieldRecord `json:"fields,omitempty"`
	Changed uint64        `json:"changed"`
	Comment string        `json:"comment,omitempty"`
}

type labelRecord struct {
	ID       uint32 `json:"id"`
	Label    string `json:"label"`
	Position int64  `json:"position"`
}

type createTypeRecord struct {
	Type        dataTypeRecord `json:"type"`
	IfNotExists bool           `json:"if_not_exists,omitempty"`
}

type alterTypeRecord struct {
	Type dataTypeRecord `json:"type"`
	Base uint64         `json:"base"`
}

type dropTypesRecord struct {
	Names    []Name `json:"names"`
	IfExists bool   `json:"if_exists,omitempty"`
	Cascade  bool   `json:"cascade,omitempty"`
}

func newDataTypeRecord(t *DataType) (dataTypeRecord, error) {
	record := dataTypeRecord{ID: t.ID, Schema: t.Schema, Name: t.Name, Kind: typeKinds[t.Type.Kind], Changed: t.Changed, Comment: t.Comment}
	if t.Type.Named != nil {
		for _, l := range t.Type.Named.Labels {
			record.Labels = append(record.Labels, labelRecord(l))
		}
	}
	for _, f := range t.Type.Fields {
		nested, err := newTypeRecord(f.Type)
		if err != nil {
			return record, err
		}
		record.Fields = append(record.Fields, fieldRecord{Name: f.Name, Type: nested})
	}
	return record, nil
}

func (r *dataTypeRecord) dataType() (*DataType, error) {
	t := &DataType{ID: r.ID, Schema: r.Schema, Name: r.Name, Changed: r.Changed, Comment: r.Comment}
	kind := kindsByName[r.Kind]
	if kind != types.KindEnum && kind != types.KindStruct {
		return nil, corrupt("damaged catalog record: type %d has no kind", r.ID)
	}
	named := &types.Named{ID: uint32(t.ID), Array: uint32(t.ArrayID()), Schema: t.Schema, Name: t.Name}
	for i, l := range r.Labels {
		if i > 0 && l.Position <= r.Labels[i-1].Position {
			return nil, corrupt("damaged catalog record: the labels of type %d are not in order", r.ID)
		}
		named.Labels = append(named.Labels, types.EnumLabel(l))
	}
	t.Type = types.Type{Kind: kind, Mod: -1, Named: named}
	for i := range r.Fields {
		nested, err := r.Fields[i].Type.dataType(1)
		if err != nil {
			return nil, err
		}
		t.Type.Fields = append(t.Type.Fields, types.Field{Name: r.Fields[i].Name, Type: nested})
	}
	return t, nil
}

// typeCommandBody is commandBody for the commands about types, "" for others.
func typeCommandBody(command Command) (kind string, body any, err error) {
	switch c := command.(type) {
	case *CreateType:
		record, err := newDataTypeRecord(&c.Type)
		return "create_type", createTypeRecord{Type: record, IfNotExists: c.IfNotExists}, err
	case *AlterType:
		record, err := newDataTypeRecord(&c.Type)
		return "alter_type", alterTypeRecord{Type: record, Base: c.Base}, err
	case *DropTypes:
		return "drop_types", dropTypesRecord(*c), nil
	}
	return "", nil, nil
}

// decodeTypeCommand returns nil for a command that is not about types.
func decodeTypeCommand(envelope *commandEnvelope) (Command, error) {
	switch envelope.Kind {
	case "create_type":
		var r createTypeRecord
		if err := unmarshal(envelope.Body, &r); err != nil {
			return nil, err
		}
		t, err := r.Type.dataType()
		if err != nil {
			return nil, err
		}
		return &CreateType{Type: *t, IfNotExists: r.IfNotExists}, nil
	case "alter_type":
		var r alterTypeRecord
		if err := unmarshal(envelope.Body, &r); err != nil {
			return nil, err
		}
		t, err := r.Type.dataType()
		if err != nil {
			return nil, err
		}
		return &AlterType{Type: *t, Base: r.Base}, nil
	case "drop_types":
		var r dropTypesRecord
		return (*DropTypes)(&r), unmarshal(envelope.Body, &r)
	}
	return nil, nil
}
