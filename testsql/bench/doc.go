// Package bench measures Millrace beside PostgreSQL 15 on the same machine in
// the same run: medians of several repeats with their spread, and ratios. Its
// tests are built with the tag bench.
package bench
