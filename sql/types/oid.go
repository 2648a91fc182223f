package types

// OIDs of PostgreSQL's types, from its catalog pg_type
// (https://www.postgresql.org/docs/15/catalog-pg-type.html).
const (
	OIDBool          uint32 = 16
	OIDBytea         uint32 = 17
	OIDChar          uint32 = 18
	OIDName          uint32 = 19
	OIDInt8          uint32 = 20
	OIDInt2          uint32 = 21
	OIDInt2Vector    uint32 = 22
	OIDInt4          uint32 = 23
	OIDRegproc       uint32 = 24
	OIDText          uint32 = 25
	OIDOID           uint32 = 26
	OIDOIDVector     uint32 = 30
	OIDFloat4        uint32 = 700
	OIDFloat8        uint32 = 701
	OIDJSON          uint32 = 114
	OIDUnknown       uint32 = 705
	OIDBpchar        uint32 = 1042
	OIDVarchar       uint32 = 1043
	OIDDate          uint32 = 1082
	OIDTime          uint32 = 1083
	OIDTimestamp     uint32 = 1114
	OIDTimestampTZ   uint32 = 1184
	OIDInterval      uint32 = 1186
	OIDTimeTZ        uint32 = 1266
	OIDNumeric       uint32 = 1700
	OIDRegclass      uint32 = 2205
	OIDRegtype       uint32 = 2206
	OIDVoid          uint32 = 2278
	OIDRegprocedure  uint32 = 2202
	OIDRegoper       uint32 = 2203
	OIDRegoperator   uint32 = 2204
	OIDRegnamespace  uint32 = 4089
	OIDRegrole       uint32 = 4096
	OIDRegcollation  uint32 = 4191
	OIDRegconfig     uint32 = 3734
	OIDRegdictionary uint32 = 3769
	OIDUUID          uint32 = 2950
	OIDJSONB         uint32 = 3802
)

// kindInfo is what the system catalog says about a kind.
type kindInfo struct {
	oid      uint32
	arrayOID uint32
	size     int16 // typlen: bytes of a value, -1 for varying, -2 for a C string
	name     string
}

// kinds describes each kind; name is PostgreSQL's name in error messages and
// in format_type. Arrays, structs, maps and enums are not in it.
var kinds = [kindCount]kindInfo{
	KindUnknown:       {OIDUnknown, 0, -2, "unknown"},
	KindBool:          {OIDBool, 1000, 1, "boolean"},
	KindInt2:          {OIDInt2, 1005, 2, "smallint"},
	KindInt4:          {OIDInt4, 1007, 4, "integer"},
	KindInt8:          {OIDInt8, 1016, 8, "bigint"},
	KindFloat4:        {OIDFloat4, 1021, 4, "real"},
	KindFloat8:        {OIDFloat8, 1022, 8, "double precision"},
	KindNumeric:       {OIDNumeric, 1231, -1, "numeric"},
	KindText:          {OIDText, 1009, -1, "text"},
	KindVarchar:       {OIDVarchar, 1015, -1, "character varying"},
	KindBpchar:        {OIDBpchar, 1014, -1, "character"},
	KindName:          {OIDName, 1003, 64, "name"},
	KindChar:          {OIDChar, 1002, 1, `"char"`},
	KindBytea:         {OIDBytea, 1001, -1, "bytea"},
	KindDate:          {OIDDate, 1182, 4, "date"},
	KindTime:          {OIDTime, 1183, 8, "time without time zone"},
	KindTimeTZ:        {OIDTimeTZ, 1270, timeTZSize, "time with time zone"},
	KindTimestamp:     {OIDTimestamp, 1115, 8, "timestamp without time zone"},
	KindTimestampTZ:   {OIDTimestampTZ, 1185, 8, "timestamp with time zone"},
	KindInterval:      {OIDInterval, 1187, 16, "interval"},
	KindUUID:          {OIDUUID, 2951, 16, "uuid"},
	KindJSON:          {OIDJSON, 199, -1, "json"},
	KindJSONB:         {OIDJSONB, 3807, -1, "jsonb"},
	KindOID:           {OIDOID, 1028, 4, "oid"},
	KindRegclass:      {OIDRegclass, 2210, 4, "regclass"},
	KindRegtype:       {OIDRegtype, 2211, 4, "regtype"},
	KindRegproc:       {OIDRegproc, 1008, 4, "regproc"},
	KindRegprocedure:  {OIDRegprocedure, 2207, 4, "regprocedure"},
	KindRegoper:       {OIDRegoper, 2208, 4, "regoper"},
	KindRegoperator:   {OIDRegoperator, 2209, 4, "regoperator"},
	KindRegnamespace:  {OIDRegnamespace, 4090, 4, "regnamespace"},
	KindRegrole:       {OIDRegrole, 4097, 4, "regrole"},
	KindRegcollation:  {OIDRegcollation, 4192, 4, "regcollation"},
	KindRegconfig:     {OIDRegconfig, 3735, 4, "regconfig"},
	KindRegdictionary: {OIDRegdictionary, 3770, 4, "regdictionary"},
	KindVoid:          {OIDVoid, 0, 4, "void"},
}

// OID returns the OID that clients see the type under: PostgreSQL's own for
// its types, that of CREATE TYPE, and jsonb's for maps and structs without a name, which go
// out as jsonb.
func (t Type) OID() uint32 {
	switch t.Kind {
	case KindArray:
		switch {
		case t.Vector && t.Elem.Kind == KindInt2:
			return OIDInt2Vector
		case t.Vector:
			return OIDOIDVector
		}
		return t.Elem.ArrayOID()
	case KindStruct, KindMap, KindEnum:
		if t.Named != nil {
			return t.Named.ID
		}
		return OIDJSONB
	default:
		return kinds[t.Kind].oid
	}
}

// ArrayOID returns the OID of the array type with this element type, 0 when
// there is none. An array of arrays, structs or maps is an array of jsonb.
func (t Type) ArrayOID() uint32 {
	switch t.Kind {
	case KindArray, KindStruct, KindMap, KindEnum:
		if t.Named != nil {
			return t.Named.Array
		}
		return kinds[KindJSONB].arrayOID
	default:
		return kinds[t.Kind].arrayOID
	}
}

// Size returns PostgreSQL's typlen: the bytes of a value, -1 when they vary,
// -2 for a C string.
func (t Type) Size() int16 {
	switch t.Kind {
	case KindArray, KindStruct, KindMap:
		return -1
	case KindEnum:
		return 4
	default:
		return kinds[t.Kind].size
	}
}

// TypeByOID returns the type without modifier that has the given OID.
func TypeByOID(oid uint32) (Type, bool) {
	switch oid {
	case OIDInt2Vector:
		return VectorOf(Int2), true
	case OIDOIDVector:
		return VectorOf(OID), true
	}
	for kind := range kinds {
		info := &kinds[kind]
		switch {
		case oid == 0 || info.name == "":
		case info.oid == oid:
			return Type{Kind: Kind(kind), Mod: -1}, true
		case info.arrayOID == oid:
			return ArrayOf(Type{Kind: Kind(kind), Mod: -1}), true
		}
	}
	return Type{}, false
}
