package ast

import "reflect"

// Children calls visit for the nodes directly inside n, in the order of their fields,
// which is mostly that of the text. It reads the fields by reflection: it is for
// checks of rare clauses, not for what every statement goes through.
func Children(n Node, visit func(Node)) {
	v := reflect.ValueOf(n)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		childrenOf(v.Elem(), visit)
	}
}

// childrenOf looks into a value that is no node itself.
func childrenOf(v reflect.Value, visit func(Node)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				childrenOf(v.Field(i), visit)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			childrenOf(v.Index(i), visit)
		}
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return
		}
		if node, ok := v.Interface().(Node); ok {
			visit(node)
			return
		}
		childrenOf(v.Elem(), visit)
	}
}
