// Package types holds SQL's types and values: columnar vectors and batches of
// changes for the many, datums for the single one, their text and binary forms
// as PostgreSQL prints and reads them, and the two encodings on disk: keys,
// whose bytes order as the values do, and rows, which are compact.
//
// Errors are *sqlerr.Error, made anew each time, so that callers may add a
// place or a hint to them.
package types
