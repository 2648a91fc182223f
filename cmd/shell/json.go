package shell

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/jackc/pgx/v5/pgtype"
)

// jsonPrinter prints one object per row and line. Numbers and booleans are JSON's, json
// and jsonb stand as they are, and values of all other types are strings.
type jsonPrinter struct {
	out    io.Writer
	fields []field
	names  [][]byte
	line   bytes.Buffer
}

func (p *jsonPrinter) begin(fields []field) {
	p.fields, p.names = fields, nil
	for _, f := range fields {
		p.names = append(p.names, jsonString([]byte(f.name)))
	}
}

func (p *jsonPrinter) row(values [][]byte) {
	p.line.Reset()
	p.line.WriteByte('{')
	for i, value := range values {
		if i > 0 {
			p.line.WriteByte(',')
		}
		p.line.Write(p.names[i])
		p.line.WriteByte(':')
		p.line.Write(jsonValue(value, p.fields[i].typeOID))
	}
	p.line.WriteString("}\n")
	_, _ = p.out.Write(p.line.Bytes())
}

func (p *jsonPrinter) pause() {}

func (p *jsonPrinter) end() {}

func (p *jsonPrinter) abandon() {}

// jsonValue is a value in JSON. What JSON's numbers cannot say, such as NaN, is a string.
func jsonValue(value []byte, oid uint32) []byte {
	switch {
	case value == nil:
		return []byte("null")
	case oid == pgtype.BoolOID:
		if string(value) == "t" {
			return []byte("true")
		}
		return []byte("false")
	case isNumeric(oid) || oid == pgtype.JSONOID || oid == pgtype.JSONBOID:
		var compact bytes.Buffer
		if json.Compact(&compact, value) == nil { // a value must not break the line
			return compact.Bytes()
		}
	}
	return jsonString(value)
}

// jsonString is a text in JSON, with <, > and & as they are.
func jsonString(text []byte) []byte {
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(string(text)); err != nil {
		return []byte(`""`)
	}
	return bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))
}
