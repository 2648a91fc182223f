package sql

import (
	"fmt"
	"reflect"
	"strings"

	"millrace/sql/ast"
)

// dump writes a tree as an S-expression without positions and zero fields, so
// that two trees are equal if their dumps are.
func dump(n any) string {
	var b strings.Builder
	dumpValue(&b, reflect.ValueOf(n))
	return b.String()
}

func dumpValue(b *strings.Builder, v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			b.WriteString("nil")
			return
		}
		dumpValue(b, v.Elem())
	case reflect.Slice:
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(' ')
			}
			dumpValue(b, v.Index(i))
		}
		b.WriteByte(']')
	case reflect.Struct:
		dumpStruct(b, v)
	case reflect.String:
		fmt.Fprintf(b, "%q", v.String())
	default:
		fmt.Fprintf(b, "%v", v.Interface())
	}
}

func dumpStruct(b *strings.Builder, v reflect.Value) {
	b.WriteByte('(')
	b.WriteString(v.Type().Name())
	for i := range v.NumField() {
		field := v.Field(i)
		switch field.Interface().(type) {
		case ast.Span, ast.Position:
			continue
		}
		// An empty list is one that is not there: ARRAY[] and ROW() have
		// nothing else that could differ.
		if field.IsZero() || field.Kind() == reflect.Slice && field.Len() == 0 {
			continue
		}
		fmt.Fprintf(b, " %s:", v.Type().Field(i).Name)
		dumpValue(b, field)
	}
	b.WriteByte(')')
}
