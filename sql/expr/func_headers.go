package expr

import "millrace/sql/types"

// defineHeaders defines the look-up that a HEADER('key') column stands for.
func (b *builder) defineHeaders() {
	header := b.function("header", "anyarray,text", "bytea", liftRows(func(_ *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		headers, err := types.DecodeHeaders(row[0].Str)
		for i := len(headers) - 1; i >= 0; i-- {
			if headers[i].Key == row[1].Str {
				return headers[i].Value, nil
			}
		}
		return types.Null, err
	}), "last value of a key among the headers of a stream's record")
	header.Args[0] = types.Headers
}
