package pull

import (
	"context"
	"io"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// over computes window functions. It sorts its input by partition and order, and
// then takes a partition at a time.
type over struct {
	scope  *scope
	plan   *plan.Over
	input  node
	progs  []*expr.Program // the partition's columns, then the order
	keys   []*types.Vector
	sorter *sorter
	sorted bool
	// chunk are sorted rows, and at the first of them that no partition has taken;
	// done says that there are no others.
	chunk types.Batch
	at    int
	done  bool
	key   []byte
	// taken are the rows of the partition whose results are being computed.
	taken *types.Batch
	// result is the partition at work with its results, and given how many of its
	// rows were given.
	compute *operator.Over
	result  *types.Batch
	given   int
	account account
	out     types.Batch
}

func newOver(s *scope, n *plan.Over, input node) (node, error) {
	o := &over{scope: s, plan: n, input: input, account: s.execution.account()}
	var orders []sortOrder
	columns := n.Input.Columns()
	for _, column := range n.PartitionBy {
		program, err := expr.Compile(&expr.Column{Node: expr.Node{ResultType: columns[column].Type, Position: -1}, Index: column})
		if err != nil {
			return nil, err
		}
		o.progs, orders = append(o.progs, program), append(orders, sortOrder{})
	}
	progs, err := programs(sortExpressions(n.Order))
	if err != nil {
		return nil, err
	}
	o.progs, orders = append(o.progs, progs...), append(orders, sortOrders(n.Order)...)
	o.sorter = newSorter(columnTypes(columns), orders, noBound, s.execution.account())
	o.compute, err = operator.NewOver(n)
	return o, err
}

func (o *over) next(ctx context.Context) (*types.Batch, error) {
	if err := o.sort(ctx); err != nil {
		return nil, err
	}
	for o.result == nil || o.given == o.result.Len {
		if err := o.partition(ctx); err != nil {
			return nil, err
		}
	}
	n := min(batchRows, o.result.Len-o.given)
	selection := sequence(nil, o.given, o.given+n)
	o.given += n
	operator.SelectInto(&o.out, o.result, selection)
	return &o.out, nil
}

// sort takes the whole input, and sorts it.
func (o *over) sort(ctx context.Context) error {
	for !o.sorted {
		in, err := o.input.next(ctx)
		if err == io.EOF {
			if err := o.sorter.sort(ctx); err != nil {
				return err
			}
			o.sorted = true
			return nil
		}
		if err != nil {
			return err
		}
		o.scope.env.ResetErrors()
		o.keys = o.scope.evaluate(o.progs, in, nil, o.keys)
		if _, err := firstFailure(&o.scope.env); err != nil {
			return err
		}
		if err := o.sorter.add(in, nil, o.keys); err != nil {
			return err
		}
	}
	return nil
}

// partition computes the results of the next partition. It may be called again after
// ctx's error.
func (o *over) partition(ctx context.Context) error {
	if o.taken == nil {
		if err := o.take(); err != nil {
			return err
		}
	}
	rows := o.taken
	env := &o.scope.env
	env.ResetErrors()
	results := make([]types.Vector, len(o.plan.Calls))
	for i := range results {
		results[i].Type = o.plan.Calls[i].Type
	}
	if !o.compute.Partition(env, rows, results, func() bool { return ctx.Err() != nil }) {
		return ended(ctx)
	}
	if _, err := firstFailure(env); err != nil {
		return err
	}
	rows.Columns = append(rows.Columns, results...)
	o.taken, o.result, o.given = nil, rows, 0
	return nil
}

// take takes the rows of the next partition.
func (o *over) take() error {
	columns := columnTypes(o.plan.Input.Columns())
	rows := types.NewBatch(columns)
	o.account.release()
	for o.more() {
		key := o.partitionKey(len(o.key))
		if rows.Len > 0 && string(key) != string(o.key) {
			break
		}
		o.key = append(o.key[:0], key...)
		rows.AppendRowFrom(&o.chunk, o.at, 1)
		o.at++
	}
	if rows.Len == 0 {
		return io.EOF
	}
	o.taken = rows
	return o.account.grow(2 * batchSize(rows, nil))
}

// more reports whether there is a sorted row that no partition has taken.
func (o *over) more() bool {
	if !o.done && o.at == o.chunk.Len {
		o.at = 0
		o.done = !o.sorter.next(&o.chunk)
	}
	return !o.done
}

// partitionKey returns the encoded columns of the partition of the row at hand.
func (o *over) partitionKey(size int) []byte {
	key := make([]byte, 0, size)
	for _, column := range o.plan.PartitionBy {
		key = types.AppendKeyFrom(key, &o.chunk.Columns[column], o.at)
	}
	return key
}

func (o *over) rewind() {
	o.reset()
	o.sorted = false
	o.input.rewind()
}

func (o *over) reset() {
	o.sorter.reset()
	o.chunk.Len, o.at, o.done = 0, 0, false
	o.taken, o.result, o.given = nil, nil, 0
	o.account.release()
}

func (o *over) close() {
	o.reset()
	o.sorted, o.done = true, true
	o.input.close()
}
