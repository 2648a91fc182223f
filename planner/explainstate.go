package planner

import (
	"fmt"

	"millrace/planner/plan"
)

// stateLines say how much of streams the joins of plans keep.
func stateLines(roots ...plan.Node) []string {
	var lines []string
	for _, root := range roots {
		lines = append(lines, stateLines(root.Inputs()...)...)
		j, ok := root.(*plan.Join)
		if ok && j.AsOf != nil {
			lines = append(lines, asOfState(j.AsOf))
			continue
		}
		if !ok || j.Lookup || j.Left.Props().Kind != plan.AppendOnly || j.Right.Props().Kind != plan.AppendOnly {
			continue
		}
		if w := j.Within; w != nil {
			lines = append(lines, fmt.Sprintf("State: a join keeps left rows for %s of event time, right rows for %s",
				plan.DurationString(w.After+w.Grace), plan.DurationString(w.Before+w.Grace)))
			continue
		}
		lines = append(lines, "State: a join keeps all rows of both streams (WITHIN … GRACE PERIOD would bound that)")
	}
	return lines
}

// asOfState says how much an as-of join keeps.
func asOfState(a *plan.AsOf) string {
	switch {
	case a.Waits:
		return fmt.Sprintf("State: an as-of join keeps rows for %s of event time, and versions for as long as rows need them", plan.DurationString(a.Grace))
	case a.Gone != nil:
		return "State: an as-of join keeps all rows and versions (GRACE PERIOD would bound that)"
	default:
		return "State: an as-of join keeps all rows of both sides"
	}
}
