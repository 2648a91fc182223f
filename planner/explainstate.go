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
