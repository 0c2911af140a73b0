package mbox

import (
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// strip removes TCP options: the firewalls and normalisers of Honda et al. (IMC
// 2011, section 4.3), and those that tracebox found to overwrite options (RFC
// 8041 section 3.1).
var stripSpec = Spec{
	Name: "strip",
	Doc:  "takes TCP options out of packets",
	Params: []Param{
		{Name: "options", Kind: Options, Default: "mptcp", Doc: "names of the options: " + namesText()},
		{Name: "mode", Kind: Choice, Default: "nop", Choices: []string{"nop", "remove", "eol"},
			Doc: "nop: overwrite with NOPs; remove: close the gap; eol: overwrite with end-of-list octets, which hide what follows"},
	},
	new: func(s *Spec, b base, v Values) Box {
		return &strip{base: b, set: s.at(v, "options").set, mode: s.at(v, "mode").text}
	},
}

func namesText() string {
	text := ""
	for _, n := range OptionNames() {
		text += n + ", "
	}
	return text + "or the number of a kind"
}

type strip struct {
	base
	set  OptionSet
	mode string
	buf  [wire.MaxOptionsLen + 3]byte
}

// Process implements simnet.Box.
func (b *strip) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if isTCP(p) && p.Segment().OptionsLen(p.Options()) > 0 {
		raw := optionBytes(b.buf[:], p)
		if b.set.in(raw) && b.picks(now, p, d) {
			setOptions(p, b.cut(raw))
			b.note(now, p, trace.OptionsStripped)
		}
	}
	out.Emit(p, d)
}

// cut takes the options of the set out of raw.
func (b *strip) cut(raw []byte) []byte {
	for i, end, ok := wire.NextOption(raw, 0); ok; i, end, ok = wire.NextOption(raw, end) {
		if !b.set.has(raw[i:end]) {
			continue
		}
		switch b.mode {
		case "remove":
			// With the padding behind it, which would be left alone.
			for end < len(raw) && raw[end] == wire.KindNOP {
				end++
			}
			raw = raw[:i+copy(raw[i:], raw[end:])]
			end = i
		case "eol":
			clear(raw[i:end])
			end = i + (end - i)
		default:
			for k := i; k < end; k++ {
				raw[k] = wire.KindNOP
			}
		}
	}
	if b.mode == "remove" {
		return trimNOPs(raw)
	}
	return raw
}
