package equivalence

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// answer is what a server says to a query: rows, or an error.
type answer struct {
	// code is the SQLSTATE of an error, message its text and detail its DETAIL.
	code, message, detail string
	// columns are the names and the types' OIDs.
	columns []string
	floats  []bool
	rows    [][]string
}

// ask runs a statement in the simple protocol. An error without SQLSTATE is one
// of the connection.
func ask(ctx context.Context, connection *pgx.Conn, sql string) (*answer, error) {
	results, err := connection.PgConn().Exec(ctx, sql).ReadAll()
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return &answer{code: failure.Code, message: failure.Message, detail: failure.Detail}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s\n%w", sql, err)
	}
	a := &answer{}
	for _, result := range results {
		for _, field := range result.FieldDescriptions {
			a.columns = append(a.columns, fmt.Sprintf("%s %d", field.Name, field.DataTypeOID))
			a.floats = append(a.floats, field.DataTypeOID == 700 || field.DataTypeOID == 701)
		}
		for _, row := range result.Rows {
			a.rows = append(a.rows, texts(row))
		}
	}
	return a, nil
}

func texts(row [][]byte) []string {
	out := make([]string, len(row))
	for i, value := range row {
		out[i] = `\N`
		if value != nil {
			out[i] = string(value)
		}
	}
	return out
}

// compare returns how two answers differ, or nil. The order of rows counts only
// where ordered is set.
func compare(want, got *answer, ordered bool) error {
	switch {
	case want.code != got.code:
		return fmt.Errorf("code: %q (%s %s) instead of %q (%s)", got.code, got.message, got.detail, want.code, want.message)
	case want.code != "" || got.code != "":
		return nil
	case !slices.Equal(want.columns, got.columns):
		return fmt.Errorf("columns: %q instead of %q", got.columns, want.columns)
	}
	if equalRows(want, got.rows, want.rows) {
		return nil
	}
	if !ordered && equalRows(want, sortedRows(want, got.rows), sortedRows(want, want.rows)) {
		return nil
	}
	missing, extra := differences(want.rows, got.rows)
	return fmt.Errorf("rows: %d instead of %d\nmissing: %q\nextra: %q", len(got.rows), len(want.rows), missing, extra)
}

// differences lists some rows that only one side has.
func differences(want, got [][]string) (missing, extra []string) {
	counts := map[string]int{}
	for _, row := range want {
		counts[strings.Join(row, "\t")]++
	}
	for _, row := range got {
		counts[strings.Join(row, "\t")]--
	}
	for row, n := range counts {
		switch {
		case n > 0 && len(missing) < 5:
			missing = append(missing, row)
		case n < 0 && len(extra) < 5:
			extra = append(extra, row)
		}
	}
	slices.Sort(missing)
	slices.Sort(extra)
	return missing, extra
}

// sortedRows sorts by the exact columns first, then by those of floating point,
// as numbers.
func sortedRows(a *answer, rows [][]string) [][]string {
	sorted := slices.Clone(rows)
	slices.SortFunc(sorted, func(x, y []string) int {
		for i, float := range a.floats {
			if c := strings.Compare(x[i], y[i]); !float && c != 0 {
				return c
			}
		}
		for i, float := range a.floats {
			if c := compareNumbers(x[i], y[i]); float && c != 0 {
				return c
			}
		}
		return 0
	})
	return sorted
}

func compareNumbers(x, y string) int {
	a, errA := strconv.ParseFloat(x, 64)
	b, errB := strconv.ParseFloat(y, 64)
	switch {
	case errA != nil || errB != nil:
		return strings.Compare(x, y)
	case a < b || math.IsNaN(a) && !math.IsNaN(b):
		return -1
	case a > b || math.IsNaN(b) && !math.IsNaN(a):
		return 1
	}
	return 0
}

func equalRows(a *answer, x, y [][]string) bool {
	return slices.EqualFunc(x, y, func(x, y []string) bool {
		for i := range x {
			if x[i] != y[i] && !(a.floats[i] && near(x[i], y[i])) {
				return false
			}
		}
		return len(x) == len(y)
	})
}

// near reports whether two floating point numbers differ by less than 1e-9 of
// their size.
func near(x, y string) bool {
	a, errA := strconv.ParseFloat(x, 64)
	b, errB := strconv.ParseFloat(y, 64)
	if errA != nil || errB != nil {
		return false
	}
	return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b))
}
