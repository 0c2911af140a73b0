package sweep

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"mpsim/internal/version"
)

// parquet writes the table as a Parquet file with the columns of the CSV in their
// order, compressed by zstd. Integers are INT64, numbers DOUBLE, texts UTF-8; what is
// empty in the CSV is null. Key-value metadata holds the name of the sweep and the
// units of columns ("unit:NAME").
func (t *table) parquet(sweep string) ([]byte, error) {
	row := t.rowType()
	options := []parquet.WriterOption{
		parquet.SchemaOf(reflect.Zero(row).Interface()), parquet.CreatedBy("mpsim", version.Version, ""),
		parquet.KeyValueMetadata("sweep", sweep),
	}
	for _, c := range t.columns {
		if c.Unit != "" {
			options = append(options, parquet.KeyValueMetadata("unit:"+c.Name, c.Unit))
		}
	}
	var b bytes.Buffer
	w := parquet.NewWriter(&b, options...)
	for _, cells := range t.cells {
		v := reflect.New(row).Elem()
		for i, text := range cells {
			if err := setCell(v.Field(i), t.columns[i].Type, text); err != nil {
				return nil, fmt.Errorf("column %s: %w", t.columns[i].Name, err)
			}
		}
		if err := w.Write(v.Interface()); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// rowType is a struct with a field for each column: a struct keeps their order.
func (t *table) rowType() reflect.Type {
	fields := make([]reflect.StructField, len(t.columns))
	for i, c := range t.columns {
		f := reflect.StructField{Name: "C" + strconv.Itoa(i), Tag: reflect.StructTag(`parquet:` + strconv.Quote(c.Name+",optional,zstd"))}
		switch c.Type {
		case "integer":
			f.Type = reflect.TypeFor[*int64]()
		case "number":
			f.Type = reflect.TypeFor[*float64]()
		default:
			f.Type = reflect.TypeFor[*string]()
		}
		fields[i] = f
	}
	return reflect.StructOf(fields)
}

func setCell(v reflect.Value, kind, text string) error {
	if text == "" {
		return nil
	}
	switch kind {
	case "integer":
		n, err := strconv.ParseInt(text, 10, 64)
		v.Set(reflect.ValueOf(&n))
		return err
	case "number":
		x := math.Inf(1)
		if text == "-inf" {
			x = math.Inf(-1)
		} else if text != "inf" {
			var err error
			if x, err = strconv.ParseFloat(text, 64); err != nil {
				return err
			}
		}
		v.Set(reflect.ValueOf(&x))
		return nil
	}
	v.Set(reflect.ValueOf(&text))
	return nil
}
