package expr

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// anyFloat draws finite doubles of all magnitudes, subnormal ones included.
func anyFloat(t *rapid.T, label string) float64 {
	for {
		if v := math.Float64frombits(rapid.Uint64().Draw(t, label)); v-v == 0 {
			return v
		}
	}
}

// bigSum is the exact sum of weight × value.
func bigSum(values []float64, weights []int64) *big.Float {
	sum := new(big.Float).SetPrec(4000)
	for i, v := range values {
		term := new(big.Float).SetPrec(4000).SetFloat64(v)
		sum.Add(sum, term.Mul(term, new(big.Float).SetPrec(64).SetInt64(weights[i])))
	}
	return sum
}

func TestExactSumMatchesBigFloat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		var s exactSum
		values, weights := make([]float64, n), make([]int64, n)
		for i := range n {
			values[i] = anyFloat(t, "value")
			if rapid.Bool().Draw(t, "near") {
				values[i] = float64(rapid.Int32().Draw(t, "small")) / 16
			}
			weights[i] = rapid.SampledFrom([]int64{1, 1, 1, -1, 3, 1 << 20, -1 << 40, math.MaxInt64, math.MinInt64}).Draw(t, "weight")
			s.add(values[i], weights[i])
		}
		m := s.magnitude(nil)
		want := bigSum(values, weights)
		if wide, _ := want.Float64(); m.round(float8Precision, float8Least) != wide {
			t.Fatalf("double: got %g, want %g", m.round(float8Precision, float8Least), wide)
		}
		if narrow, _ := want.Float32(); float32(m.round(float4Precision, float4Least)) != narrow && math.Abs(float64(narrow)) < math.MaxFloat32 {
			t.Fatalf("real: got %g, want %g", m.round(float4Precision, float4Least), narrow)
		}
		again := decodeExactSum(string(s.encode(nil)))
		m = again.magnitude(nil)
		if wide, _ := want.Float64(); m.round(float8Precision, float8Least) != wide {
			t.Fatal("encoding changed the sum")
		}
	})
}

func TestExactMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "n")
		s := floatSum{}
		exact := new(big.Rat)
		for range n {
			v := anyFloat(t, "value")
			s.add(v, 1)
			exact.Add(exact, new(big.Rat).SetFloat64(v))
		}
		want, _ := exact.Quo(exact, new(big.Rat).SetInt64(int64(n))).Float64()
		got, err := averageFloat(&s)
		if err != nil || got.Float != want {
			t.Fatalf("got %g (%v), want %g", got.Float, err, want)
		}
	})
}

// TestExactSumCarries adds so often that carries must be settled on the way.
func TestExactSumCarries(t *testing.T) {
	var s exactSum
	for range 1000 {
		s.add(math.MaxFloat64, math.MaxInt16)
		s.add(-1.5, math.MaxInt16)
	}
	for range 1000 {
		s.add(-math.MaxFloat64, math.MaxInt16)
	}
	m := s.magnitude(nil)
	if got, want := m.round(float8Precision, float8Least), -1.5*1000*math.MaxInt16; got != want {
		t.Fatalf("got %g, want %g", got, want)
	}
}

func BenchmarkExactSum(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 1024)
	for i := range values {
		values[i] = r.NormFloat64() * 1000
	}
	var s exactSum
	b.ReportAllocs()
	for i := range b.N {
		s.add(values[i&1023], 1)
	}
}
