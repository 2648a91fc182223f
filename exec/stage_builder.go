package exec

import (
	"fmt"

	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// stageBuilder turns a stage's plan into operators.
type stageBuilder struct {
	stage    *stage
	codecs   func(catalog.ObjectID) *relationCodec
	earlier  []*stage
	inMemory bool
	// cacheGroups bounds the groups that an aggregation over a store keeps in
	// memory.
	cacheGroups int
	next        uint16 // operator numbers
}

// build makes the operators of node feeding next.
func (b *stageBuilder) build(node plan.Node, next consumer) error {
	switch node := node.(type) {
	case *plan.Scan:
		return b.scan(node, next)
	case *plan.StageInput:
		b.addInput(&input{
			kind: inputShuffle, from: stageID{b.stage.id.query, node.Stage}, columns: b.shuffledColumns(node), partitions: node.Props().Partitions, to: next,
		})
		return nil
	case *plan.Filter:
		program, err := expr.Compile(node.Predicate)
		if err != nil {
			return err
		}
		return b.build(node.Input, &filter{next: next, predicate: program})
	case *plan.Project:
		programs := make([]*expr.Program, len(node.Exprs))
		for i, e := range node.Exprs {
			var err error
			if programs[i], err = expr.Compile(e); err != nil {
				return err
			}
		}
		return b.build(node.Input, &project{next: next, programs: programs})
	case *plan.Window:
		operator, err := newWindow(node, b.stateKey(), next, b.sourcePartitions(node.Input))
		if err != nil {
			return err
		}
		b.stage.timed = b.stage.timed || node.Closing != nil
		return b.build(node.Input, operator)
	case *plan.StreamTime:
		operator, err := newTimedRows(node, b.stateKey(), next, b.sourcePartitions(node.Input))
		if err != nil {
			return err
		}
		b.stage.timed = true
		return b.build(node.Input, operator)
	case *plan.TemporalFilter:
		operator, err := newTemporalFilter(node, b.stateKey(), next, b.inMemory)
		if err != nil {
			return err
		}
		b.stage.timed = true
		return b.build(node.Input, operator)
	case *plan.Session:
		return b.build(node.Input, newSession(node, b.stateKey(), next, b.inMemory))
	case *plan.Aggregate:
		operator, err := newAggregate(node, b.stateKey(), next, b.cacheGroups)
		if err != nil {
			return err
		}
		b.stage.timed = b.stage.timed || node.Closing != nil && node.Mode != plan.AggregatePartial
		b.stage.final = b.stage.final || node.Closing != nil && node.Closing.Final
		return b.build(node.Input, operator)
	case *plan.Join:
		return b.join(node, next)
	case *plan.SetOperation:
		both := &union{next: next}
		if err := b.build(node.Left, both); err != nil {
			return err
		}
		return b.build(node.Right, both)
	case *plan.Over:
		operator, err := newOver(node, b.stateKey(), next, b.inMemory)
		if err != nil {
			return err
		}
		return b.build(node.Input, operator)
	case *plan.TopN:
		operator, err := newTopN(node, b.stateKey(), next, b.inMemory)
		if err != nil {
			return err
		}
		return b.build(node.Input, operator)
	case *plan.Repeat:
		program, err := expr.Compile(node.Times)
		if err != nil {
			return err
		}
		return b.build(node.Input, &repeat{next: next, times: program})
	case *plan.Expand:
		operator, err := newExpand(node, b.stateKey(), next)
		if err != nil {
			return err
		}
		b.add(operator.worker)
		return b.build(node.Input, operator)
	case *plan.Shuffle:
		if !b.inMemory {
			return fmt.Errorf("exec: a shuffle inside a stage")
		}
		return b.build(node.Input, next)
	}
	return fmt.Errorf("exec: no incremental operator for %T", node)
}

// join makes a join and its inputs. The right side's come first: a join that looks
// rows up has them ready for the left side's rows of the same tick, which wait
// while the right side lags.
func (b *stageBuilder) join(node *plan.Join, next consumer) error {
	j, err := b.joinOperator(node, next)
	if err != nil {
		return err
	}
	b.add(j)
	waits := node.AsOf != nil && node.AsOf.Waits
	b.stage.timed = b.stage.timed || node.Within != nil || waits
	start := len(b.stage.inputs)
	if err := b.build(node.Right, joinInput{j, rightSide}); err != nil {
		return err
	}
	right := len(b.stage.inputs)
	if err := b.build(node.Left, joinInput{j, leftSide}); err != nil {
		return err
	}
	if node.Lookup || waits {
		for _, in := range b.stage.inputs[right:] {
			in.after = append(in.after, b.stage.inputs[start:right]...)
		}
	}
	return nil
}

func (b *stageBuilder) joinOperator(node *plan.Join, next consumer) (*worker, error) {
	if node.AsOf != nil {
		j, err := newAsOfJoin(node, b.stateKey(), next, b.inMemory)
		if err != nil {
			return nil, err
		}
		return j.worker, nil
	}
	j, err := newJoin(node, b.stateKey(), next, b.inMemory)
	if err != nil {
		return nil, err
	}
	return j.worker, nil
}

func (b *stageBuilder) stateKey() stateKey {
	return stateKey{uint64(b.stage.id.query), uint16(b.stage.id.stage), b.operatorNumber()}
}

// sourcePartitions is the number of partitions whose rows a node gives, each in
// its order: on a shard there is one.
func (b *stageBuilder) sourcePartitions(node plan.Node) int {
	if !b.inMemory {
		return 1
	}
	for {
		switch n := node.(type) {
		case *plan.Filter:
			node = n.Input
		case *plan.Project:
			node = n.Input
		case *plan.Scan:
			return n.Relation.Partitions
		default:
			return 1
		}
	}
}

func (b *stageBuilder) operatorNumber() uint16 {
	b.next++
	return b.next - 1
}

func (b *stageBuilder) scan(node *plan.Scan, next consumer) error {
	codec := b.codecs(node.Relation.ID)
	if codec == nil {
		return fmt.Errorf("exec: relation %q is not in the catalog", node.Relation.Name)
	}
	kind := inputStream
	if node.Relation.Kind == catalog.KindTable {
		kind = inputTable
	}
	in := &input{kind: kind, source: node.Relation.ID, codec: codec, partitions: node.Relation.Partitions, fetch: newFetchReader(codec, node.Fetch), to: next, start: node.Start}
	if node.Changes {
		in.changelog = newChangelog(codec, in.fetch, node.Fetch)
	}
	b.addInput(in)
	return nil
}

func (b *stageBuilder) addInput(in *input) {
	in.number, in.query = len(b.stage.inputs), b.stage.query
	b.stage.inputs = append(b.stage.inputs, in)
}

// shuffledColumns are the columns of what a sending stage shuffles: a partial
// aggregation adds the number of rows that each state stands for.
func (b *stageBuilder) shuffledColumns(node *plan.StageInput) []types.Type {
	columns := columnTypes(node.Columns())
	if shuffle, ok := b.earlier[node.Stage].plan.Root.(*plan.Shuffle); ok && isPartial(shuffle.Input) {
		columns = append(columns, types.Int8)
	}
	return columns
}

func isPartial(node plan.Node) bool {
	aggregate, ok := node.(*plan.Aggregate)
	return ok && aggregate.Mode == plan.AggregatePartial
}
