package planner

import (
	"reflect"
	"testing"

	"millrace/planner/plan"
	"millrace/sql/expr"
)

// TestSamePlanKnowsTheFields holds the operators that samePlan compares to the fields
// that it knows: whoever adds one decides there what it means for equality.
func TestSamePlanKnowsTheFields(t *testing.T) {
	for _, known := range []struct {
		of     any
		fields int
	}{
		{plan.Scan{}, 7}, {plan.Filter{}, 3}, {plan.Project{}, 3}, {plan.Aggregate{}, 7}, {plan.AggregateCall{}, 8}, {plan.SortKey{}, 3},
		{plan.Join{}, 11}, {plan.SetOperation{}, 5}, {plan.TopN{}, 8}, {plan.Repeat{}, 3}, {plan.Shuffle{}, 4}, {plan.Window{}, 7}, {plan.Over{}, 5}, {plan.OverCall{}, 7}, {plan.Expand{}, 7}, {plan.Session{}, 3}, {expr.Cast{}, 3},
	} {
		if of := reflect.TypeOf(known.of); of.NumField() != known.fields {
			t.Errorf("%v has %d fields, and samePlan knows %d", of, of.NumField(), known.fields)
		}
	}
}
