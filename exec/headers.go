package exec

import (
	"strings"

	"millrace/log"
	"millrace/sql/types"
)

// The headers of a stream's rows are those of their records. What a record's headers
// begin with is the row's own; the database's are behind, and no row shows them.

// appendRecordHeaders appends the headers of a row, as types.HeadersAt gives them.
func appendRecordHeaders(dst []log.RecordHeader, row string) []log.RecordHeader {
	headers, _ := types.DecodeHeaders(row) // whoever wrote the row has checked them
	for _, h := range headers {
		header := log.RecordHeader{Key: h.Key}
		if h.Value.Valid {
			header.Value = append([]byte{}, h.Value.Str...)
		}
		dst = append(dst, header)
	}
	return dst
}

// recordHeaders returns a record's headers as the value of its row. They alias the
// record.
func recordHeaders(record *log.Record) (string, error) {
	stored, err := record.AppendHeaders(nil)
	if err != nil || len(stored) == 0 {
		return types.NoHeaders, err
	}
	headers := make([]types.Header, 0, len(stored))
	for _, h := range stored {
		if strings.HasPrefix(h.Key, types.ReservedHeaders) {
			continue
		}
		header := types.Header{Key: h.Key}
		if h.Value != nil {
			header.Value = types.StringDatum(string(h.Value))
		}
		headers = append(headers, header)
	}
	return types.EncodeHeaders(headers), nil
}
