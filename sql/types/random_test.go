package types

import (
	"math"
	"math/big"
	"math/rand/v2"
)

// randomDatum returns a random value of a type, often one at an edge, never
// NULL.
func randomDatum(r *rand.Rand, t Type) Datum {
	switch t.Kind {
	case KindBool:
		return BoolDatum(r.IntN(2) == 1)
	case KindInt2:
		return IntDatum(int64(int16(randomInt(r))))
	case KindInt4:
		return IntDatum(int64(int32(randomInt(r))))
	case KindInt8:
		return IntDatum(randomInt(r))
	case KindOID, KindRegclass, KindRegproc, KindRegtype:
		return IntDatum(int64(uint32(randomInt(r))))
	case KindFloat4:
		return FloatDatum(float64(float32(randomFloat(r))))
	case KindFloat8:
		return FloatDatum(randomFloat(r))
	case KindNumeric:
		return StringDatum(randomNumeric(r))
	case KindDate:
		return IntDatum(randomDate(r))
	case KindTime:
		return IntDatum(r.Int64N(microsPerDay + 1))
	case KindTimeTZ:
		offset := (r.IntN(32) - 15) * 3600 / []int{1, 2, 4, 7}[r.IntN(4)]
		return IntDatum(EncodeTimeTZ(TimeTZValue{Micros: r.Int64N(microsPerDay + 1), Offset: min(offset, 57599)}))
	case KindTimestamp, KindTimestampTZ:
		return IntDatum(randomTimestamp(r))
	case KindInterval:
		return StringDatum(EncodeInterval(randomInterval(r)))
	case KindUUID:
		return StringDatum(randomBytes(r, 16, 256))
	case KindBytea:
		return StringDatum(randomBytes(r, r.IntN(12), 256))
	case KindChar:
		return StringDatum(charString(byte(r.IntN(128))))
	case KindJSON:
		v := randomJSON(r, 3)
		return StringDatum([]string{"", " ", "\n\t"}[r.IntN(3)] + string(AppendJSON(nil, &v)) + []string{"", " "}[r.IntN(2)])
	case KindJSONB:
		v := randomJSON(r, 3)
		return StringDatum(string(AppendJSON(nil, &v)))
	case KindEnum:
		return IntDatum(t.Named.Labels[r.IntN(len(t.Named.Labels))].Position)
	case KindArray:
		return StringDatum(EncodeArray(*t.Elem, randomArray(r, *t.Elem)))
	case KindStruct:
		fields := make([]Datum, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = randomNullable(r, f.Type)
		}
		return StringDatum(EncodeStruct(t, fields))
	case KindMap:
		entries := make([]MapEntry, r.IntN(4))
		for i := range entries {
			entries[i] = MapEntry{Key: randomDatum(r, *t.Key), Value: randomNullable(r, *t.Elem)}
		}
		return StringDatum(EncodeMap(t, entries))
	case KindBpchar:
		s, _ := fitString(t, randomString(r), true)
		return StringDatum(s)
	default:
		return StringDatum(randomString(r))
	}
}

func randomNullable(r *rand.Rand, t Type) Datum {
	if r.IntN(5) == 0 {
		return Null
	}
	return randomDatum(r, t)
}

func randomInt(r *rand.Rand) int64 {
	edges := []int64{0, 1, -1, 110, 111, 112, 113, 255, 256, -128, -129, -256, -257, math.MaxInt16, math.MinInt16,
		math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64}
	if r.IntN(4) == 0 {
		return edges[r.IntN(len(edges))]
	}
	return int64(r.Uint64()) >> r.IntN(64)
}

func randomFloat(r *rand.Rand) float64 {
	edges := []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 1e-4, 1e-5, 1e6, 1e15, 1e16, math.MaxFloat32, math.SmallestNonzeroFloat32,
		math.Inf(1), math.Inf(-1), math.NaN()}
	switch r.IntN(4) {
	case 0:
		return edges[r.IntN(len(edges))]
	case 1:
		return math.Round(r.NormFloat64()*1e6) / 1e3
	case 2:
		return r.NormFloat64() * math.Pow(10, float64(r.IntN(60)-30))
	default:
		return float64(math.Float32frombits(r.Uint32()))
	}
}

func randomNumeric(r *rand.Rand) string {
	switch r.IntN(8) {
	case 0:
		return []string{NumericNaN, NumericInfinity, NumericNegativeInfinity}[r.IntN(3)]
	case 1:
		return NumericFromSmall(randomInt(r), int32(r.IntN(70)))
	case 2, 3:
		var d decimal
		d.coefficient.SetBytes([]byte(randomBytes(r, 1+r.IntN(40), 256)))
		if r.IntN(2) == 0 {
			d.coefficient.Neg(&d.coefficient)
		}
		d.scale = int32(r.IntN(50))
		return d.mustNumeric()
	case 4:
		var d decimal
		d.coefficient.Mul(big.NewInt(randomInt(r)), bigPowerOfTen(r.IntN(30)))
		d.scale = int32(r.IntN(20))
		return d.mustNumeric()
	default:
		return NumericFromSmall(randomInt(r)>>20, int32(r.IntN(8)))
	}
}

func randomDate(r *rand.Rand) int64 {
	switch r.IntN(8) {
	case 0:
		return DateInfinity
	case 1:
		return DateNegativeInfinity
	case 2:
		return minDate + r.Int64N(endDate-minDate)
	case 3:
		return minDate + r.Int64N(800000)
	default:
		return r.Int64N(40000) - 20000
	}
}

func randomTimestamp(r *rand.Rand) int64 {
	switch r.IntN(8) {
	case 0:
		return TimestampInfinity
	case 1:
		return TimestampNegativeInfinity
	case 2:
		days := minTimestamp/microsPerDay + 1 + r.Int64N((endTimestamp-minTimestamp)/microsPerDay-2)
		return days*microsPerDay + r.Int64N(microsPerDay)
	case 3:
		return (r.Int64N(200*366) - 100*366) * microsPerDay
	default:
		return (r.Int64N(200*366*secondsPerDay)-100*366*secondsPerDay)*microsPerSecond + r.Int64N(1000)*1000
	}
}

func randomInterval(r *rand.Rand) IntervalValue {
	var v IntervalValue
	if r.IntN(2) == 0 {
		v.Months = int32(randomInt(r)) >> r.IntN(31)
	}
	if r.IntN(2) == 0 {
		v.Days = int32(randomInt(r)) >> r.IntN(31)
	}
	if r.IntN(2) == 0 {
		v.Micros = randomInt(r) >> r.IntN(40)
	}
	return v
}

func randomBytes(r *rand.Rand, n, limit int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.IntN(limit))
		if r.IntN(4) == 0 {
			b[i] = 0
		}
	}
	return string(b)
}

func randomString(r *rand.Rand) string {
	const letters = "aAbB z0'\"\\{},\t\n\u00e9\u6f22\U0001f600NULL "
	runes := []rune(letters)
	out := make([]rune, r.IntN(10))
	for i := range out {
		out[i] = runes[r.IntN(len(runes))]
	}
	return string(out)
}

func randomArray(r *rand.Rand, elem Type) Array {
	var a Array
	count := 1
	for range r.IntN(4) {
		length := 1 + r.IntN(3)
		count *= length
		a.Dims = append(a.Dims, int32(length))
	}
	if len(a.Dims) == 0 {
		return a
	}
	if r.IntN(3) == 0 {
		for range a.Dims {
			a.LowerBounds = append(a.LowerBounds, int32(r.IntN(5)-2))
		}
	}
	for range count {
		a.Elems = append(a.Elems, randomNullable(r, elem))
	}
	return a
}

func randomJSON(r *rand.Rand, depth int) JSONValue {
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	v := JSONValue{Kind: JSONKind(r.IntN(kinds))}
	switch v.Kind {
	case JSONBool:
		v.Bool = r.IntN(2) == 0
	case JSONString:
		v.Str = randomString(r)
	case JSONNumber:
		for v.Str = randomNumeric(r); numericIsSpecial(v.Str); {
			v.Str = randomNumeric(r)
		}
	case JSONArray, JSONObject:
		for range r.IntN(4) {
			v.Items = append(v.Items, randomJSON(r, depth-1))
			if v.Kind == JSONObject {
				v.Keys = append(v.Keys, randomString(r))
			}
		}
		if v.Kind == JSONObject {
			v.normalizeObject()
		}
	}
	return v
}
