// Package operator holds the parts that one-shot and incremental operators
// share: the numbering of groups by key, and filtering and projecting batches.
package operator
