package types

import (
	"strings"

	"millrace/sql/sqlerr"
)

// Headers is the type of a record's headers in SQL: ARRAY<STRUCT<key text, value
// bytea>>, in their order. A key may come more than once and is never NULL; a value may
// be.
var Headers = ArrayOf(StructOf([]Field{{Name: "key", Type: Text}, {Name: "value", Type: Bytea}}))

// NoHeaders is the value, in the form that vectors hold, of a record without headers.
var NoHeaders = EncodeArray(*Headers.Elem, Array{})

// ReservedHeaders is what the keys of headers begin with that are not the user's.
const ReservedHeaders = "millrace."

// Header is one header of a record. Its value is NULL where it is not valid.
type Header struct {
	Key   string
	Value Datum
}

// EncodeHeaders returns headers in the form that vectors of Headers hold.
func EncodeHeaders(headers []Header) string {
	if len(headers) == 0 {
		return NoHeaders
	}
	elems := make([]Datum, len(headers))
	for i, h := range headers {
		elems[i] = StringDatum(EncodeStruct(*Headers.Elem, []Datum{StringDatum(h.Key), h.Value}))
	}
	return EncodeArray(*Headers.Elem, NewArray(elems))
}

// DecodeHeaders is the inverse of EncodeHeaders. It refuses what a record cannot have:
// a NULL among the headers or as a key (22004), a key that is reserved (22023), and more
// than one dimension (2202E). Strings in the result alias s.
func DecodeHeaders(s string) ([]Header, error) {
	array, err := DecodeArray(*Headers.Elem, s)
	if err != nil || len(array.Elems) == 0 {
		return nil, err
	}
	if len(array.Dims) > 1 {
		return nil, sqlerr.New(sqlerr.ArraySubscriptError, -1, "headers must be an array of one dimension")
	}
	headers := make([]Header, len(array.Elems))
	for i, elem := range array.Elems {
		if !elem.Valid {
			return nil, sqlerr.New(sqlerr.NullValueNotAllowed, -1, "a header cannot be null").
				WithDetail("Element %d of headers is NULL.", i+1)
		}
		fields, err := DecodeStruct(*Headers.Elem, elem.Str)
		if err != nil {
			return nil, err
		}
		switch key := fields[0]; {
		case !key.Valid:
			return nil, sqlerr.New(sqlerr.NullValueNotAllowed, -1, "the key of a header cannot be null").
				WithDetail("The key of element %d of headers is NULL.", i+1)
		case strings.HasPrefix(key.Str, ReservedHeaders):
			return nil, sqlerr.New(sqlerr.InvalidParameterValue, -1, "header key %q is reserved", key.Str).
				WithHint("Keys that begin with %q are the database's own.", ReservedHeaders)
		}
		headers[i] = Header{Key: fields[0].Str, Value: fields[1]}
	}
	return headers, nil
}

// HeadersAt returns the headers in row i of a vector of Headers as a record has them:
// NoHeaders for NULL, and an array that counts from 1. Errors are those of
// DecodeHeaders.
func HeadersAt(v *Vector, i int) (string, error) {
	if v.IsNull(i) || v.Strs[i] == NoHeaders {
		return NoHeaders, nil
	}
	headers, err := DecodeHeaders(v.Strs[i])
	if err != nil {
		return "", err
	}
	return EncodeHeaders(headers), nil
}
