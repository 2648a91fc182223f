package ast_test

import (
	"reflect"
	"testing"

	"millrace/sql"
	"millrace/sql/ast"
)

func TestChildren(t *testing.T) {
	statements, err := sql.Parse(`WITH c AS (SELECT x FROM one)
		SELECT a + (SELECT max(b) FROM two), CASE WHEN EXISTS (SELECT FROM three) THEN 1 END
		FROM four AS f JOIN (SELECT * FROM five) AS v ON f.a IN (TABLE six) GROUP BY ROLLUP (a, (SELECT b FROM seven))
		UNION (VALUES ((SELECT c FROM eight))) ORDER BY 1 LIMIT (SELECT d FROM nine)`)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	var walk func(ast.Node)
	walk = func(n ast.Node) {
		if table, ok := n.(*ast.TableName); ok {
			names = append(names, table.Name.Last())
		}
		ast.Children(n, walk)
	}
	walk(statements[0])
	want := []string{"one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("the tables in the statement are %q, want %q", names, want)
	}
}
