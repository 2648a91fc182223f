package systables

import (
	"strings"

	"millrace/sql/catalog"
)

// Names of the objects that types such as regproc and regcollation stand for.

// NamespaceName returns the name of the schema with an OID, "" where there is none.
func NamespaceName(s *catalog.Snapshot, oid uint32) string {
	for _, name := range schemaNames(s) {
		if uint32(schemaOID(s, name)) == oid {
			return name
		}
	}
	return ""
}

// FunctionNames is the functions of pg_proc by OID and by name. It is immutable.
type FunctionNames struct {
	functions []Function
	byName    map[string][]uint32
}

// NewFunctionNames returns the names of functions, which it keeps.
func NewFunctionNames(functions []Function) *FunctionNames {
	n := &FunctionNames{functions: functions, byName: make(map[string][]uint32)}
	for name, oid := range typeFunctions {
		n.byName[name] = append(n.byName[name], oid)
	}
	for i, f := range functions {
		if isName(f.Name) {
			n.byName[f.Name] = append(n.byName[f.Name], uint32(firstFunctionOID+i))
		}
	}
	return n
}

// Named returns the OIDs of the functions with a name. The slice is shared.
func (n *FunctionNames) Named(name string) []uint32 { return n.byName[name] }

// Name returns a function's name and the types of its arguments, as
// pg_get_function_identity_arguments shows them; "" where there is none.
func (n *FunctionNames) Name(oid uint32) (name, arguments string) {
	if i := int(oid) - firstFunctionOID; i >= 0 && i < len(n.functions) && isName(n.functions[i].Name) {
		return n.functions[i].Name, n.functions[i].typeList()
	}
	for name, number := range typeFunctions {
		if number == oid {
			return name, typeFunctionArguments
		}
	}
	return "", ""
}

// typeFunctionArguments stands for the arguments of the functions that types are
// read and printed with, which no statement can call.
const typeFunctionArguments = "internal"

// typeList prints the types of a function's arguments without more, as
// regprocedure does.
func (f *Function) typeList() string {
	list := make([]string, len(f.Args))
	for i, t := range f.Args {
		list[i] = signatureName(t)
	}
	return strings.Join(list, ",")
}

// collations are the collations that there are, by OID.
var collations = map[uint32]string{oidDefaultCollate: "default", oidCCollate: "C", oidPOSIXCollate: "POSIX"}

// CollationName returns the name of the collation with an OID, "" where there is none.
func CollationName(oid uint32) string { return collations[oid] }

// CollationOID returns the OID of a collation, 0 where there is none of the name.
func CollationOID(name string) uint32 {
	for oid, known := range collations {
		if known == name {
			return oid
		}
	}
	return 0
}
