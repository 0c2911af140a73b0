package radio

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
)

// Write writes the trace in a format that has a writer, Mahimahi or CSVBytes.
// A trace of the other kind is converted first, by ToOpportunities or
// PerSecond. Reading the result gives the converted trace again.
func (t *Trace) Write(w io.Writer, f Format) error {
	switch f {
	case Mahimahi:
		return t.writeMahimahi(w)
	case CSVBytes:
		return t.writeCSV(w)
	}
	return fmt.Errorf("format %q cannot be written; %s and %s can", string(f), Mahimahi, CSVBytes)
}

// writeMahimahi writes one millisecond a line. If the trace ends in a gap, its
// last opportunity is written at the end, where it gives the period.
func (t *Trace) writeMahimahi(w io.Writer) error {
	o, err := t.ToOpportunities()
	if err != nil {
		return err
	}
	buf := bufio.NewWriter(w)
	var line []byte
	for _, ms := range o.period() {
		line = append(strconv.AppendUint(line[:0], uint64(ms), 10), '\n')
		buf.Write(line)
	}
	return buf.Flush()
}

// writeCSV writes one row `second,bytes` a second, without a header and counting
// from 1, as the recorded walks do.
func (t *Trace) writeCSV(w io.Writer) error {
	p, err := t.PerSecond()
	if err != nil {
		return err
	}
	buf := bufio.NewWriter(w)
	for i, s := range p.Steps {
		fmt.Fprintf(buf, "%d,%d\n", i+1, int64(s.Rate)/8)
	}
	return buf.Flush()
}
