package log_test

import (
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/log"
)

// A leader builds a batch, gives it its place, and appends it; a reader walks
// the records.
func Example() {
	var builder log.BatchBuilder
	builder.Append(1_700_000_000_000, []byte("sensor 1"), []byte("20.5"))
	builder.Append(1_700_000_000_400, []byte("sensor 2"), []byte("21.0"))
	batch := builder.Finish(-1, -1, -1, log.CompressionNone)

	fs := vfs.NewMem()
	partition, err := log.OpenPartition(log.PartitionOptions{
		FS: fs, Dir: "/shard-0000/readings", Files: log.NewFileCache(fs, 16), Logger: slog.Default(),
	}, log.SyncedEnd{})
	if err != nil {
		fmt.Println(err)
		return
	}
	log.SetBaseOffset(batch, partition.NextOffset())
	log.SetLeaderEpoch(batch, 1)
	if err := partition.Append(batch); err != nil {
		fmt.Println(err)
		return
	}

	stored, err := partition.Read(0, 1<<20, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for len(stored) > 0 {
		var batch log.Batch
		if batch, stored, err = log.ParseBatch(stored); err != nil {
			fmt.Println(err)
			return
		}
		records := batch.Records()
		for records.Next() {
			record := records.Record()
			fmt.Printf("%d %s %s\n", record.Offset, record.Key, record.Value)
		}
		if err := records.Err(); err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output:
	// 0 sensor 1 20.5
	// 1 sensor 2 21.0
}
