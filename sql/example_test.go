package sql_test

import (
	"fmt"

	"millrace/sql"
	"millrace/sql/ast"
)

func Example_string() {
	statement, err := sql.ParseOne(`select "Origin", Count(*) as "count" from flights f
		where ((delay > 60)) and not cancelled group by 1 emit changes`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ast.String(statement))
	// Output:
	// SELECT "Origin", count(*) AS count FROM flights AS f WHERE delay > 60 AND NOT cancelled GROUP BY 1 EMIT CHANGES
}

func Example_tightenArrows() {
	e, err := sql.ParseExpr("price + address->zip * 2")
	if err != nil {
		fmt.Println(err)
		return
	}
	arrow := e.(*ast.Binary)
	fmt.Println(ast.String(arrow.Left), "|", ast.String(arrow.Right))
	sum := ast.TightenArrows(arrow).(*ast.Binary)
	fmt.Println(ast.String(sum.Left), "|", ast.String(sum.Right))
	// Output:
	// price + address | zip * 2
	// price | (address -> zip) * 2
}
