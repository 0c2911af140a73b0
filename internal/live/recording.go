package live

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"

	"mpsim/sim"
)

// Input is one thing that happened to a machine.
type Input struct {
	At   sim.Time // on the clock of the bridge; never decreases
	Kind InputKind
	// Interface and Packet are those of an Arrival.
	Interface int
	Packet    []byte
	// Command is the name of a Command.
	Command string
}

// InputKind says what happened.
type InputKind uint8

// The kinds of inputs.
const (
	// Started is the first input of a machine.
	Started InputKind = iota
	// Arrival of a packet at the endpoint.
	Arrival
	// Timeout: the deadline of the endpoint was reached.
	Timeout
	// Command of the outside to the application.
	Command
	numInputKinds
)

// Recording is what happened to a machine and a digest of all that it did: the
// inputs, and for each packet that it emitted the FNV-1a hash of the time, the
// number of the interface and the bytes.
type Recording struct {
	Inputs  []Input
	Outputs []uint64
}

// digest is the hash of an output.
func digest(now sim.Time, iface int, packet []byte) uint64 {
	h := fnv.New64a()
	var b [12]byte
	binary.BigEndian.PutUint64(b[:], uint64(now))
	binary.BigEndian.PutUint32(b[8:], uint32(iface))
	h.Write(b[:])
	h.Write(packet)
	return h.Sum64()
}

// Replay gives the inputs to the machine that build makes, which must be made
// like the recorded one. The error names the first output that differs.
func (r *Recording) Replay(build func(emit func(now sim.Time, iface int, packet []byte)) *Machine) error {
	n := 0
	var first error
	m := build(func(now sim.Time, iface int, packet []byte) {
		if first == nil && (n >= len(r.Outputs) || r.Outputs[n] != digest(now, iface, packet)) {
			first = fmt.Errorf("output %d of %d differs: at %v on interface %d: %x", n, len(r.Outputs), now, iface, packet)
		}
		n++
	})
	for i := range r.Inputs {
		m.Handle(&r.Inputs[i])
	}
	if first == nil && n < len(r.Outputs) {
		first = fmt.Errorf("%d outputs, %d were recorded", n, len(r.Outputs))
	}
	return first
}

// The file format of a recording: the magic, the number of inputs and of
// outputs, then each input as time, kind, interface, length of packet or name,
// and its octets, then the outputs. All numbers are varints but the outputs,
// which are 8 octets each, big-endian.
const recordingMagic = "mpsim live 1\n"

// maxRecorded bounds the octets of one input in a file.
const maxRecorded = 1 << 16

// ErrRecording says that a file is no recording.
var ErrRecording = errors.New("not a recording of live mode")

// WriteTo writes the recording to a file.
func (r *Recording) WriteTo(w io.Writer) (int64, error) {
	b := []byte(recordingMagic)
	b = binary.AppendUvarint(b, uint64(len(r.Inputs)))
	b = binary.AppendUvarint(b, uint64(len(r.Outputs)))
	for i := range r.Inputs {
		in := &r.Inputs[i]
		b = binary.AppendUvarint(b, uint64(in.At))
		b = append(b, byte(in.Kind))
		b = binary.AppendUvarint(b, uint64(in.Interface))
		content := in.Packet
		if in.Kind == Command {
			content = []byte(in.Command)
		}
		b = binary.AppendUvarint(b, uint64(len(content)))
		b = append(b, content...)
	}
	for _, o := range r.Outputs {
		b = binary.BigEndian.AppendUint64(b, o)
	}
	n, err := w.Write(b)
	return int64(n), err
}

// ReadRecording reads what WriteTo wrote.
func ReadRecording(b []byte) (*Recording, error) {
	if len(b) < len(recordingMagic) || string(b[:len(recordingMagic)]) != recordingMagic {
		return nil, ErrRecording
	}
	d := decoder{b: b[len(recordingMagic):]}
	inputs, outputs := d.number(), d.number()
	r := new(Recording)
	for range inputs {
		in := Input{At: sim.Time(d.number()), Kind: InputKind(d.octets(1)[0]), Interface: int(d.number())}
		n := d.number()
		if d.failed || n > maxRecorded || in.Kind >= numInputKinds {
			return nil, ErrRecording
		}
		content := d.octets(int(n))
		if in.Kind == Command {
			in.Command = string(content)
		} else if n > 0 {
			in.Packet = content
		}
		r.Inputs = append(r.Inputs, in)
	}
	for range outputs {
		o := d.octets(8)
		if d.failed {
			break
		}
		r.Outputs = append(r.Outputs, binary.BigEndian.Uint64(o))
	}
	if d.failed || len(d.b) > 0 {
		return nil, ErrRecording
	}
	return r, nil
}

// decoder takes a file apart; failed says that it was too short.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) number() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.b, d.failed = nil, true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) octets(n int) []byte {
	if n > len(d.b) {
		d.b, d.failed = nil, true
		return make([]byte, min(n, 8))
	}
	o := d.b[:n:n]
	d.b = d.b[n:]
	return o
}
