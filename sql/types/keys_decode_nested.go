package types

import (
	"bytes"
	"math/big"
)

func decodeKeyArray(elem Type, key []byte) (Datum, []byte, error) {
	if key[0] != keyPresent {
		return Null, nil, corruptKeyError()
	}
	key = key[1:]
	var a Array
	for {
		if len(key) == 0 {
			return Null, nil, corruptKeyError()
		}
		if key[0] == keyEnd {
			key = key[1:]
			break
		}
		d, rest, err := DecodeKey(elem, key)
		if err != nil {
			return Null, nil, err
		}
		a.Elems = append(a.Elems, d)
		key = rest
	}
	rest, err := decodeKeyDimensions(&a, key)
	if err != nil {
		return Null, nil, err
	}
	return StringDatum(EncodeArray(elem, a)), rest, nil
}

// decodeKeyDimensions reads the dimensions of an array whose elements are known.
func decodeKeyDimensions(a *Array, key []byte) (rest []byte, err error) {
	dimensions, key, err := decodeKeyInt(key)
	if err != nil || dimensions < 0 || dimensions > maxDimensions {
		return nil, corruptKeyError()
	}
	numbers := make([]int32, 2*dimensions)
	for i := range numbers {
		var v int64
		if v, key, err = decodeKeyInt(key); err != nil || v != int64(int32(v)) {
			return nil, corruptKeyError()
		}
		numbers[i] = int32(v)
	}
	count := new(big.Int).SetInt64(min(dimensions, 1))
	for _, length := range numbers[:dimensions] {
		count.Mul(count, big.NewInt(int64(length)))
	}
	if count.Cmp(big.NewInt(int64(len(a.Elems)))) != 0 {
		return nil, corruptKeyError()
	}
	a.Dims, a.LowerBounds = numbers[:dimensions], numbers[dimensions:]
	return key, nil
}

func decodeKeyStruct(t Type, key []byte) (Datum, []byte, error) {
	if key[0] != keyPresent {
		return Null, nil, corruptKeyError()
	}
	key = key[1:]
	fields := make([]Datum, len(t.Fields))
	for i := range fields {
		var err error
		if fields[i], key, err = DecodeKey(t.Fields[i].Type, key); err != nil {
			return Null, nil, err
		}
	}
	return StringDatum(EncodeStruct(t, fields)), key, nil
}

func decodeKeyMap(t Type, key []byte) (Datum, []byte, error) {
	if key[0] != keyPresent {
		return Null, nil, corruptKeyError()
	}
	key = key[1:]
	var entries []MapEntry
	for {
		if len(key) == 0 {
			return Null, nil, corruptKeyError()
		}
		if key[0] == keyEnd {
			return StringDatum(EncodeMap(t, entries)), key[1:], nil
		}
		var entry MapEntry
		var err error
		if entry.Key, key, err = DecodeKey(*t.Key, key); err != nil {
			return Null, nil, err
		}
		if !entry.Key.Valid {
			return Null, nil, corruptKeyError()
		}
		if entry.Value, key, err = DecodeKey(*t.Elem, key); err != nil {
			return Null, nil, err
		}
		entries = append(entries, entry)
	}
}

// SkipKey returns what follows the first value, of type t or NULL, in a key.
func SkipKey(t Type, key []byte) (rest []byte, err error) {
	if len(key) == 0 {
		return nil, corruptKeyError()
	}
	if key[0] == keyNull {
		return key[1:], nil
	}
	skip := 0
	switch t.Physical() {
	case PhysicalInt:
		skip = 1 + keyIntLength(key[0])
	case PhysicalFloat:
		skip = 9
	default:
		return skipKeyString(t, key)
	}
	if skip < 1 || skip > len(key) {
		return nil, corruptKeyError()
	}
	return key[skip:], nil
}

// skipKeyString steps over plain strings and decodes everything else.
func skipKeyString(t Type, key []byte) ([]byte, error) {
	switch t.Kind {
	case KindNumeric, KindInterval, KindJSONB, KindArray, KindStruct, KindMap:
		_, rest, err := DecodeKey(t, key)
		return rest, err
	}
	for i := 1; ; i += 2 {
		zero := bytes.IndexByte(key[min(i, len(key)):], 0)
		if zero < 0 || i+zero+1 >= len(key) {
			return nil, corruptKeyError()
		}
		i += zero
		if key[i+1] == keyTerminator {
			return key[i+2:], nil
		}
	}
}
