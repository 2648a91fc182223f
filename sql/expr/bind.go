package expr

import (
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// binding is what the polymorphic types of one call stand for; the kind unknown
// is not decided.
type binding struct {
	element    types.Type // anyelement, anynonarray, and the element of anyarray
	compatible types.Type // anycompatible, and the element of anycompatiblearray
	mapType    types.Type
	structType types.Type
}

var errUnknownPolymorphic = sqlerr.New(sqlerr.DatatypeMismatch, -1,
	"could not determine polymorphic type because input has type unknown")

// bind finds what a signature's polymorphic types stand for, given the types of
// the arguments
// (https://www.postgresql.org/docs/15/extend-type-system.html#EXTEND-TYPES-POLYMORPHIC).
func bind(s signatureOf, args []types.Type) (binding, error) {
	var b binding
	var compatible []types.Type
	needsElement, needsCompatible := false, false
	for i, t := range args {
		var err error
		switch declared := s.at(i).Kind; declared {
		case kindAnyElement, kindAnyNonArray, kindAnyArray, kindAnyEnum:
			needsElement = true
			err = b.bindElement(declared, t)
		case kindAnyCompatible:
			needsCompatible = true
			t.Mod = -1
			compatible = append(compatible, t)
		case kindAnyCompatibleArray:
			needsCompatible = true
			if t.Kind == types.KindUnknown {
				continue
			}
			if t.Kind != types.KindArray {
				return b, errNotA("anycompatiblearray", "an array", t)
			}
			elem := *t.Elem
			elem.Mod = -1
			compatible = append(compatible, elem)
		case kindAnyMap:
			err = bindSame(&b.mapType, declared, types.KindMap, "a map", t)
		case kindAnyStruct:
			err = bindSame(&b.structType, declared, types.KindStruct, "a struct", t)
		}
		if err != nil {
			return b, err
		}
	}
	if needsElement && b.element.Kind == types.KindUnknown {
		return b, errUnknownPolymorphic
	}
	if needsCompatible {
		return b, b.bindCompatible(compatible)
	}
	return b, nil
}

func errNotA(declared, what string, t types.Type) error {
	return sqlerr.New(sqlerr.DatatypeMismatch, -1, "argument declared %s is not %s but type %s", declared, what, t)
}

// bindSame binds a map or struct type, which all arguments share.
func bindSame(bound *types.Type, declared, kind types.Kind, what string, t types.Type) error {
	switch {
	case t.Kind == types.KindUnknown:
		return nil
	case t.Kind != kind:
		return errNotA(pseudoNames[declared], what, t)
	case bound.Kind == kind && !bound.SameKind(t):
		return sqlerr.New(sqlerr.DatatypeMismatch, -1, "types %s and %s are not alike", *bound, t)
	}
	*bound = t
	return nil
}

// bindElement binds the element type by one argument.
func (b *binding) bindElement(declared types.Kind, t types.Type) error {
	elem := t
	switch {
	case t.Kind == types.KindUnknown:
		return nil
	case declared == kindAnyArray && t.Kind != types.KindArray:
		return errNotA("anyarray", "an array", t)
	case declared == kindAnyArray:
		elem = *t.Elem
	case declared == kindAnyEnum && t.Kind != types.KindEnum:
		return sqlerr.New(sqlerr.DatatypeMismatch, -1, "type matched to anyenum is not an enum type: %s", t)
	case declared == kindAnyNonArray && t.Kind == types.KindArray:
		return sqlerr.New(sqlerr.DatatypeMismatch, -1, "type matched to anynonarray is an array type: %s", t)
	}
	elem.Mod = -1
	if b.element.Kind == types.KindUnknown {
		b.element = elem
		return nil
	}
	if !b.element.SameKind(elem) {
		return sqlerr.New(sqlerr.DatatypeMismatch, -1, "arguments declared \"anyelement\" are not all alike").
			WithDetail("%s versus %s", TypeName(b.element), TypeName(elem))
	}
	return nil
}

// bindCompatible binds the common type of the anycompatible arguments; text when
// none of them has a type.
func (b *binding) bindCompatible(ts []types.Type) error {
	t, err := CommonType(ts, "arguments of anycompatible family", -1)
	b.compatible = t
	return err
}

// actual returns the type that an argument of type given has in a call, when
// declared is the parameter's type.
func (b *binding) actual(declared, given types.Type) types.Type {
	switch declared.Kind {
	case kindAny:
		if given.Kind == types.KindUnknown {
			return types.Text
		}
		return given
	case kindAnyElement, kindAnyNonArray, kindAnyEnum:
		return b.element
	case kindAnyArray:
		return types.ArrayOf(b.element)
	case kindAnyCompatible:
		return b.compatible
	case kindAnyCompatibleArray:
		return types.ArrayOf(b.compatible)
	case kindAnyMap:
		return b.mapType
	case kindAnyStruct:
		return b.structType
	case kindMapKey:
		return *b.mapType.Key
	case kindMapValue:
		return *b.mapType.Elem
	case types.KindArray:
		if isPolymorphic(*declared.Elem) {
			return types.ArrayOf(b.actual(*declared.Elem, types.Unknown))
		}
	}
	return declared
}

// bindPolymorphic returns what the polymorphic type t stands for in a call with
// arguments of the given types.
func bindPolymorphic(declared []types.Type, variadic bool, t types.Type, args []types.Type) (types.Type, error) {
	b, err := bind(signatureOf{declared, variadic}, args)
	if err != nil {
		return types.Type{}, err
	}
	return b.actual(t, types.Unknown), nil
}
