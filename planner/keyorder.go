package planner

import (
	"slices"

	"millrace/planner/plan"
)

// What holds a key's rows in order. Operators and tables rely on it that a keyed
// result's old row of a key leaves before its new one comes. Rows whose place follows
// from their key keep that order wherever they move. Those placed by something else
// are scattered: where an update moves a row to another shard, each shard still sees
// its rows of the key one after the other, but between shards there is no order. Once
// they move again, or a push query reads all shards, the new row may come before the
// old one leaves. There they are a bag, and the one row of each key that is left when
// all have come is found by a TopN.

// scattered reports whether the rows of one key may be on several shards for a moment.
func scattered(p *plan.Properties) bool {
	return p.Kind == plan.Keyed && p.Partitions > 1 && (p.Partitioning == nil || !containsAll(p.Key, p.Partitioning))
}

// moveKeyed moves rows like newShuffle, and puts those of each key in order again.
func moveKeyed(input plan.Node, keys []int, partitions int) plan.Node {
	moved := newShuffle(input, keys, partitions)
	if from := input.Props(); scattered(from) && len(from.Key) > 0 {
		return oneOfKey(moved, from.Key)
	}
	return moved
}

// oneOfKey passes one row of each key of a bag.
func oneOfKey(input plan.Node, key []int) plan.Node {
	return newTopN(input, &plan.TopN{PartitionBy: slices.Clone(key), Count: 1})
}

// orderKeys puts the rows of scattered tables in order where a push query reads them.
func orderKeys(r *ruleContext, root plan.Node) (plan.Node, error) {
	if r.mode != modePush {
		return root, nil
	}
	return rewriteNodes(root, func(node plan.Node) (plan.Node, error) {
		scan, ok := node.(*plan.Scan)
		if !ok || !scattered(&scan.Properties) || len(scan.Properties.Key) == 0 {
			return node, nil
		}
		bag, key := *scan, scan.Properties.Key
		bag.Properties.Kind, bag.Properties.Key = plan.Bag, nil
		return oneOfKey(&bag, key), nil
	})
}
