package catalog

import "millrace/sql/types"

// typeRecord is a type with its kind by name, which outlives the numbers that
// a build gives to kinds.
type typeRecord struct {
	Kind     string        `json:"kind"`
	Modifier int32         `json:"modifier"`
	Element  *typeRecord   `json:"element,omitempty"`
	Key      *typeRecord   `json:"key,omitempty"`
	Fields   []fieldRecord `json:"fields,omitempty"`
	// Named is the ID of the type that CREATE TYPE made, 0 for any other; what else is
	// said of it is in its own record.
	Named ObjectID `json:"named,omitempty"`
}

type fieldRecord struct {
	Name string     `json:"name"`
	Type typeRecord `json:"type"`
}

// typeKinds names the kinds of type that a column may have.
var typeKinds = map[types.Kind]string{
	types.KindBool: "bool", types.KindInt2: "int2", types.KindInt4: "int4", types.KindInt8: "int8",
	types.KindFloat4: "float4", types.KindFloat8: "float8", types.KindNumeric: "numeric",
	types.KindText: "text", types.KindVarchar: "varchar", types.KindBpchar: "bpchar", types.KindName: "name",
	types.KindChar: "char", types.KindBytea: "bytea", types.KindDate: "date", types.KindTime: "time", types.KindTimeTZ: "timetz",
	types.KindTimestamp: "timestamp", types.KindTimestampTZ: "timestamptz", types.KindInterval: "interval",
	types.KindUUID: "uuid", types.KindJSON: "json", types.KindJSONB: "jsonb", types.KindOID: "oid", types.KindRegclass: "regclass",
	types.KindRegtype: "regtype", types.KindRegproc: "regproc",
	types.KindRegprocedure: "regprocedure", types.KindRegoper: "regoper", types.KindRegoperator: "regoperator",
	types.KindRegnamespace: "regnamespace", types.KindRegrole: "regrole", types.KindRegcollation: "regcollation",
	types.KindRegconfig: "regconfig", types.KindRegdictionary: "regdictionary",
	types.KindEnum: "enum", types.KindArray: "array", types.KindStruct: "struct", types.KindMap: "map",
}

var kindsByName = func() map[string]types.Kind {
	kinds := make(map[string]types.Kind, len(typeKinds))
	for kind, name := range typeKinds {
		kinds[name] = kind
	}
	return kinds
}()

// maxTypeDepth bounds how deep types nest, so that damaged bytes cannot exhaust
// the stack.
const maxTypeDepth = 64

func newTypeRecord(t types.Type) (typeRecord, error) {
	name, ok := typeKinds[t.Kind]
	if !ok {
		return typeRecord{}, corrupt("type kind %d cannot be stored in the catalog", t.Kind)
	}
	record := typeRecord{Kind: name, Modifier: t.Mod}
	if t.Named != nil {
		record.Named = ObjectID(t.Named.ID)
		return record, nil
	}
	for _, part := range []struct {
		from *types.Type
		to   **typeRecord
	}{{t.Elem, &record.Element}, {t.Key, &record.Key}} {
		if part.from == nil {
			continue
		}
		nested, err := newTypeRecord(*part.from)
		if err != nil {
			return typeRecord{}, err
		}
		*part.to = &nested
	}
	for _, field := range t.Fields {
		nested, err := newTypeRecord(field.Type)
		if err != nil {
			return typeRecord{}, err
		}
		record.Fields = append(record.Fields, fieldRecord{Name: field.Name, Type: nested})
	}
	return record, nil
}

func (r *typeRecord) dataType(depth int) (types.Type, error) {
	kind, ok := kindsByName[r.Kind]
	if !ok || depth > maxTypeDepth {
		return types.Type{}, corrupt("unknown type %q in a catalog record", r.Kind)
	}
	if (kind == types.KindArray || kind == types.KindMap) != (r.Element != nil) || (kind == types.KindMap) != (r.Key != nil) {
		return types.Type{}, corrupt("damaged type %q in a catalog record", r.Kind)
	}
	t := types.Type{Kind: kind, Mod: r.Modifier}
	if r.Named != 0 && (kind == types.KindEnum || kind == types.KindStruct) {
		t.Named = &types.Named{ID: uint32(r.Named)}
		return t, nil
	}
	if kind == types.KindEnum {
		return types.Type{}, corrupt("an enum without a name in a catalog record")
	}
	for _, part := range []struct {
		from *typeRecord
		to   **types.Type
	}{{r.Element, &t.Elem}, {r.Key, &t.Key}} {
		if part.from == nil {
			continue
		}
		nested, err := part.from.dataType(depth + 1)
		if err != nil {
			return types.Type{}, err
		}
		*part.to = &nested
	}
	for i := range r.Fields {
		nested, err := r.Fields[i].Type.dataType(depth + 1)
		if err != nil {
			return types.Type{}, err
		}
		t.Fields = append(t.Fields, types.Field{Name: r.Fields[i].Name, Type: nested})
	}
	return t, nil
}
