package planner

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/catalog"
	"millrace/sql/catalog/systables"
)

func TestTry(t *testing.T) {
	text, err := os.ReadFile("/tmp/planner-pg/" + os.Getenv("TRY"))
	if err != nil {
		t.Skip()
	}
	s, _, err := catalog.Apply(&catalog.Snapshot{}, &catalog.Bootstrap{ClusterID: "x", Shards: 8})
	if err != nil {
		t.Fatal(err)
	}
	for _, stmt := range strings.Split(string(text), ";\n") {
		if strings.TrimSpace(stmt) == "" {
			continue
		}
		fmt.Println("> " + strings.TrimSpace(stmt))
		env := &Environment{Catalog: s, System: systables.New(), Database: "millrace"}
		parsed, err := sql.ParseOne(stmt)
		if err != nil {
			fmt.Println("PARSE", err)
			continue
		}
		p, err := Plan(env, parsed)
		if err != nil {
			fmt.Printf("ERR %v %#v\n", err, err)
			continue
		}
		switch p := p.(type) {
		case *plan.Query:
			fmt.Println(strings.Join(formatQuery(p), "\n"))
		case *plan.DDL:
			next, res, err := catalog.Apply(s, p.Command)
			fmt.Println(p.Tag, res, err, p.Notices)
			s = next
			for _, id := range res.Created {
				if q := s.Query(id); q != nil {
					c, err := PlanContinuous(s, q)
					if err != nil {
						fmt.Println("CONT", err)
						continue
					}
					fmt.Println(strings.Join(formatContinuous(q.Name, c.Sink, c.Stages, c.Kind, c.Key), "\n"))
				}
			}
		case *plan.Insert:
			fmt.Println("INSERT", p.Rowtime, strings.Join(formatTree(p.Source), "\n"))
		case *plan.Explain:
			for _, r := range p.Query.Root.(*plan.Values).Rows {
				fmt.Println(plan.ExprString(r[0], nil))
			}
		default:
			fmt.Printf("%T\n", p)
		}
	}
}
