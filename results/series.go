package results

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"mpsim/sim"
)

// SeriesHeader is the first line of series.csv.
const SeriesHeader = "time_ns,entity,metric,value"

// Series writes points of time series as tidy CSV: one row a point, so that
// every plotting tool reads it without a manual.
type Series struct {
	w   *bufio.Writer
	buf []byte
	err error
}

// NewSeries writes the header to w.
func NewSeries(w io.Writer) *Series {
	s := &Series{w: bufio.NewWriterSize(w, 1<<16)}
	_, s.err = s.w.WriteString(SeriesHeader + "\n")
	return s
}

// Point writes one value. Names that hold a comma, a quote or a line break are
// quoted as RFC 4180 wants. The first write error is kept for Flush.
func (s *Series) Point(at sim.Time, entity, metric string, value float64) {
	b := strconv.AppendInt(s.buf[:0], int64(at), 10)
	b = append(b, ',')
	b = appendField(b, entity)
	b = append(b, ',')
	b = appendField(b, metric)
	b = append(b, ',')
	b = AppendNumber(b, value)
	b = append(b, '\n')
	s.buf = b
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
}

// Flush writes what is buffered and returns the first error.
func (s *Series) Flush() error {
	if s.err == nil {
		s.err = s.w.Flush()
	}
	return s.err
}

func appendField(b []byte, f string) []byte {
	if !strings.ContainsAny(f, ",\"\r\n") {
		return append(b, f...)
	}
	b = append(b, '"')
	for i := range len(f) {
		if f[i] == '"' {
			b = append(b, '"')
		}
		b = append(b, f[i])
	}
	return append(b, '"')
}

// Point is one value of a time series.
type Point struct {
	At             sim.Time
	Entity, Metric string
	Value          float64
}

// ReadSeries reads what Series has written, in order.
func ReadSeries(r io.Reader, each func(Point) error) error {
	c := csv.NewReader(bufio.NewReaderSize(r, 1<<16))
	c.FieldsPerRecord = 4
	c.ReuseRecord = true
	head, err := c.Read()
	if err == io.EOF {
		return errors.New("line 1: the header " + SeriesHeader + " is missing")
	}
	if err != nil {
		return err
	}
	if strings.Join(head, ",") != SeriesHeader {
		return fmt.Errorf("line 1: the header is not %s", SeriesHeader)
	}
	for {
		f, err := c.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		line, _ := c.FieldPos(0)
		at, err := strconv.ParseInt(f[0], 10, 64)
		if err != nil {
			return fmt.Errorf("line %d: time_ns %q is not an integer", line, f[0])
		}
		v, err := strconv.ParseFloat(f[3], 64)
		if err != nil {
			return fmt.Errorf("line %d: value %q is not a number", line, f[3])
		}
		p := Point{sim.Time(at), strings.Clone(f[1]), strings.Clone(f[2]), v}
		if err := each(p); err != nil {
			return err
		}
	}
}
