package results

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"mpsim/internal/version"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Events in binary: fixed-size records, which cost a fraction of JSON lines to write
// and to read. The file is
//
//	"mpsimev1", the size of a record and zero, 32 bits each
//	records
//	the names, as JSON (recordNames)
//	the length of the names in bytes, 64 bits, and "mpsimend"
//
// all little-endian. A record is, in this order and without padding: the nanoseconds
// since the record before uint32, kind uint8, more uint8, why uint16, node uint16,
// subflow int16, conn uint32, and the low halves of the five values of a trace.Record,
// uint32. Where something does not fit, more is 1 and a second record of kind 255
// follows, which has the high halves of the time, the node, the subflow and the values.
// The names say what the numbers mean. The size matters: most of the cost is the
// kernel's, for each byte.
const (
	recordsMagic = "mpsimev2"
	recordsEnd   = "mpsimend"
	recordSize   = 36
	highHalves   = 255 // kind of a record with the high halves of the one before
	recordsHead  = 16
	// recordsBuffer is small beside the caches that the run needs.
	recordsBuffer = 1 << 15
)

// recordNames is what stands behind the records.
type recordNames struct {
	Version string `json:"version"`
	Records uint64 `json:"records"`
	// Kinds and Reasons by their numbers; Fields are the names of the values of each
	// kind.
	Kinds   []string    `json:"kinds"`
	Fields  [][5]string `json:"fields"`
	Reasons []string    `json:"reasons"`
	Nodes   []string    `json:"nodes"`
	// Links and Counters by their numbers in the fields of those names.
	Links    []string       `json:"links"`
	Counters []string       `json:"counters"`
	Flows    []RecordedFlow `json:"flows"`
}

// RecordedFlow says that from record From on a connection of a node belongs to a
// flow: before, nobody knew.
type RecordedFlow struct {
	Node uint32 `json:"node"`
	Conn uint32 `json:"conn"`
	From uint64 `json:"from"`
	Name string `json:"name"`
}

// Tables are the names of things that a scenario numbers, as Records keeps them.
type Tables struct{ Nodes, Links, Counters []string }

// Records writes trace records as they are. It is a trace.Sink; what it holds does not
// grow with the run but by some octets for each connection.
type Records struct {
	w     io.Writer
	buf   []byte // full when a record has no room
	names Namer
	head  Tables
	flows []RecordedFlow
	known [][]bool // by node and connection: its flow has been noted
	at    sim.Time // of the record before
	n     uint64
	err   error

	temp  *os.File // nil: the writer belongs to somebody else
	final string
}

// CreateRecords returns a sink that writes a file of the given name. It lies beside it
// under another name until Flush, and goes with Abort.
func CreateRecords(name string, names Namer, t Tables) (*Records, error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".writing-*")
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o644); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	r := NewRecords(f, names, t)
	r.temp, r.final = f, name
	return r, nil
}

// Abort removes a file that CreateRecords has begun. After Flush it does nothing.
func (r *Records) Abort() error {
	if r.temp == nil {
		return nil
	}
	f := r.temp
	r.temp = nil
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// NewRecords returns a sink that writes to w.
func NewRecords(w io.Writer, names Namer, t Tables) *Records {
	r := &Records{w: w, buf: make([]byte, 0, recordsBuffer), names: names, head: t, known: make([][]bool, len(t.Nodes))}
	r.buf = append(append(r.buf, recordsMagic...), recordSize, 0, 0, 0, 0, 0, 0, 0)
	return r
}

// Emit writes one record.
func (r *Records) Emit(x *trace.Record) {
	if r.err != nil {
		return
	}
	if x.Conn != 0 && hasConn(x.Kind) && !r.noted(x.Node, x.Conn) {
		r.note(x.Node, x.Conn)
	}
	since := uint64(x.At - r.at)
	r.at = x.At
	what := uint64(x.Kind)<<32 | uint64(x.Why)<<48
	if (uint64(x.A|x.B|x.C|x.D|x.E)|since)>>32 == 0 && x.Node>>16 == 0 && x.Flow == int32(int16(x.Flow)) {
		r.put(since, what, x, 0, 0)
		return
	}
	r.put(since, what|1<<40, x, 0, 0)
	r.put(since>>32, highHalves<<32, x, 32, 16)
}

// put writes a record: the halves of a time and of its values that begin at one bit, and
// those of node and subflow that begin at another.
func (r *Records) put(since, what uint64, x *trace.Record, bit, half uint) {
	n := len(r.buf)
	if n+recordSize > cap(r.buf) {
		r.write()
		n = 0
	}
	r.buf = r.buf[:n+recordSize]
	b := r.buf[n : n+recordSize : n+recordSize]
	le := binary.LittleEndian
	le.PutUint64(b[0:], uint64(uint32(since))|what)
	le.PutUint64(b[8:], uint64(uint16(x.Node>>half))|uint64(uint16(x.Flow>>half))<<16|uint64(x.Conn)<<32)
	le.PutUint64(b[16:], uint64(uint32(x.A>>bit))|uint64(uint32(x.B>>bit))<<32)
	le.PutUint64(b[24:], uint64(uint32(x.C>>bit))|uint64(uint32(x.D>>bit))<<32)
	le.PutUint32(b[32:], uint32(x.E>>bit))
	r.n++
}

// write empties the buffer.
func (r *Records) write() {
	if r.err == nil {
		_, r.err = r.w.Write(r.buf)
	}
	r.buf = r.buf[:0]
}

func (r *Records) noted(node, conn uint32) bool {
	return int(node) < len(r.known) && int(conn) < len(r.known[node]) && r.known[node][conn]
}

// note keeps the name of the flow of a connection, if it has one by now.
func (r *Records) note(node, conn uint32) {
	name := r.names.FlowName(node, conn)
	if name == "" {
		return
	}
	for int(node) >= len(r.known) {
		r.known = append(r.known, nil)
	}
	for int(conn) >= len(r.known[node]) {
		r.known[node] = append(r.known[node], false)
	}
	r.known[node][conn] = true
	r.flows = append(r.flows, RecordedFlow{Node: node, Conn: conn, From: r.n, Name: name})
}

// Flush writes the names and what is buffered, and returns the first error. No record
// may follow.
func (r *Records) Flush() error {
	if r.err != nil {
		return r.err
	}
	names := recordNames{Version: version.Version, Records: r.n, Nodes: r.head.Nodes, Links: r.head.Links, Counters: r.head.Counters, Flows: r.flows}
	for k := range trace.Kinds() {
		names.Kinds = append(names.Kinds, trace.Kind(k).String())
		names.Fields = append(names.Fields, trace.Kind(k).Fields())
	}
	for y := range trace.Reasons() {
		names.Reasons = append(names.Reasons, trace.Reason(y).String())
	}
	b, err := json.Marshal(&names)
	if err != nil {
		return err
	}
	length := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(length))
	b = append(b, recordsEnd...)
	r.write()
	r.buf = b
	r.write()
	if r.err != nil || r.temp == nil {
		return r.err
	}
	f := r.temp
	r.temp = nil
	if err := f.Close(); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), r.final)
}

// RecordFile is a file that Records has written.
type RecordFile struct {
	r       io.ReaderAt
	names   recordNames
	byConn  map[[2]uint32]RecordedFlow
	current uint64 // record that is being read
}

// IsRecords reports whether a file begins as one of Records.
func IsRecords(begin []byte) bool {
	return len(begin) >= len(recordsMagic) && string(begin[:len(recordsMagic)]) == recordsMagic
}

// OpenRecords reads the names of a file of the given size. A file that another version
// has written can be read if its kinds of records and reasons are a part of today's.
func OpenRecords(r io.ReaderAt, size int64) (*RecordFile, error) {
	const tail = 8 + len(recordsEnd)
	head := make([]byte, recordsHead)
	if _, err := r.ReadAt(head, 0); err != nil || !IsRecords(head) {
		return nil, errors.New("not a file of trace records (run --trace)")
	}
	if n := binary.LittleEndian.Uint32(head[8:]); n != recordSize {
		return nil, fmt.Errorf("records of %d bytes; this version reads %d", n, recordSize)
	}
	end := make([]byte, tail)
	if size < recordsHead+int64(tail) {
		return nil, errors.New("the file is cut short")
	}
	if _, err := r.ReadAt(end, size-int64(tail)); err != nil || string(end[8:]) != recordsEnd {
		return nil, errors.New("the file is cut short: the names are missing at its end")
	}
	length := binary.LittleEndian.Uint64(end)
	if length > uint64(size-recordsHead-int64(tail)) {
		return nil, errors.New("the length of the names is more than the file")
	}
	text := make([]byte, length)
	at := size - int64(tail) - int64(length)
	if _, err := r.ReadAt(text, at); err != nil {
		return nil, err
	}
	f := &RecordFile{r: r, byConn: map[[2]uint32]RecordedFlow{}}
	if err := json.Unmarshal(text, &f.names); err != nil {
		return nil, fmt.Errorf("the names cannot be read: %w", err)
	}
	if f.names.Records != uint64(at-recordsHead)/recordSize || (at-recordsHead)%recordSize != 0 {
		return nil, fmt.Errorf("%d records are said to stand in %d bytes", f.names.Records, at-recordsHead)
	}
	for _, x := range f.names.Flows {
		f.byConn[[2]uint32{x.Node, x.Conn}] = x
	}
	return f, f.sameTables()
}

// sameTables compares kinds and reasons with today's.
func (f *RecordFile) sameTables() error {
	for i, name := range f.names.Kinds {
		if i >= trace.Kinds() || trace.Kind(i).String() != name {
			return fmt.Errorf("mpsim %s wrote this file, whose kind %d is %q; this is mpsim %s", f.names.Version, i, name, version.Version)
		}
	}
	for i, name := range f.names.Reasons {
		if i >= trace.Reasons() || trace.Reason(i).String() != name {
			return fmt.Errorf("mpsim %s wrote this file, whose reason %d is %q; this is mpsim %s", f.names.Version, i, name, version.Version)
		}
	}
	return nil
}

// Tables returns the names of nodes, links and counters.
func (f *RecordFile) Tables() Tables {
	return Tables{Nodes: f.names.Nodes, Links: f.names.Links, Counters: f.names.Counters}
}

// Len returns the number of records of the file, those of high halves with them.
func (f *RecordFile) Len() uint64 { return f.names.Records }

// FlowName returns the flow of a connection as it was known at the record that Each
// is giving.
func (f *RecordFile) FlowName(node, conn uint32) string {
	if x, ok := f.byConn[[2]uint32{node, conn}]; ok && x.From <= f.current {
		return x.Name
	}
	return ""
}

// Each gives every record to a sink, in order.
func (f *RecordFile) Each(s trace.Sink) error {
	in := bufio.NewReaderSize(io.NewSectionReader(f.r, recordsHead, int64(f.names.Records)*recordSize), 1<<18)
	var b [recordSize]byte
	since, last := uint64(0), sim.Time(0)
	le := binary.LittleEndian
	for at := uint64(0); at < f.names.Records; at++ {
		f.current = at
		if _, err := io.ReadFull(in, b[:]); err != nil {
			return fmt.Errorf("record %d: %w", at, err)
		}
		x := trace.Record{
			Kind: trace.Kind(b[4]), Why: trace.Reason(le.Uint16(b[6:])), Conn: le.Uint32(b[12:]),
			Node: uint32(le.Uint16(b[8:])), Flow: int32(int16(le.Uint16(b[10:]))),
		}
		more := b[5]
		since = uint64(le.Uint32(b[0:]))
		addHalves(&x, b[16:], 0)
		if more == 1 {
			at++
			if _, err := io.ReadFull(in, b[:]); err != nil || b[4] != highHalves {
				return fmt.Errorf("record %d: the high halves are missing", at)
			}
			since |= uint64(le.Uint32(b[0:])) << 32
			x.Node |= uint32(le.Uint16(b[8:])) << 16
			x.Flow = x.Flow&0xffff | int32(int16(le.Uint16(b[10:])))<<16
			addHalves(&x, b[16:], 32)
		}
		x.At = last + sim.Time(since)
		last = x.At
		if int(x.Kind) >= len(f.names.Kinds) || int(x.Node) >= len(f.names.Nodes) || int(x.Why) >= len(f.names.Reasons) || more > 1 {
			return fmt.Errorf("record %d: kind %d, reason %d, node %d", at, x.Kind, x.Why, x.Node)
		}
		s.Emit(&x)
	}
	return nil
}

// addHalves adds halves of the values, which begin at a bit.
func addHalves(x *trace.Record, b []byte, bit uint) {
	for i, v := range []*int64{&x.A, &x.B, &x.C, &x.D, &x.E} {
		*v |= int64(uint64(binary.LittleEndian.Uint32(b[4*i:])) << bit)
	}
}
