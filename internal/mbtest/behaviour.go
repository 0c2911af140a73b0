package mbtest

import "slices"

// Behaviour is a kind of interference: a row of the grid.
type Behaviour struct {
	Name, Doc string
	// Set: the behaviour belongs to the set of MBtest (RFC 8041 section 3.1): NAT,
	// ports, seq, split, coalesce, strip, payload.
	Set bool
	Box Box
	// Flow are the lines of the flow in place of a bulk transfer; Transfer is then the
	// direction of its data, and the client has one access network.
	Flow, Transfer string
	// Queue is the buffer of each path in packets; 0: so large that nothing is lost.
	Queue int
	// Whole: the box follows sessions, so that it has no direction.
	Whole bool
	// Directions in which there are packets that it acts on; empty: up, down, both.
	Directions []string

	rules []rule
}

// rule is what the documents state of some cells of a behaviour. The first rule
// that fits a cell holds; a cell without one keeps MPTCP.
type rule struct {
	profile string // empty: any
	path    string // first, second, both; any of several, separated by spaces; empty: any
	meets   string // data: the box acts on the data, acks: not on the data; empty: either
	want    []Verdict
	section string // that states it
}

// Behaviours returns the rows of the grid. To add one: give it a box and its
// outcomes, with the section that states them.
func Behaviours() []Behaviour {
	return slices.Concat(transparent(), looking(), stripping(), refusing(), changing(), ending())
}

// transparent are behaviours that MPTCP is made for.
func transparent() []Behaviour {
	return []Behaviour{
		{Name: "nat", Set: true, Doc: "another source address", Box: box("nat", `profile = "full-cone"`), Whole: true,
			rules: kept("RFC 8684 section 6 (NATs); RFC 8041 section 3.1")},
		{Name: "ports", Set: true, Doc: "another source address and port for each destination", Box: box("nat", `profile = "symmetric"`), Whole: true,
			rules: kept("RFC 8684 section 6 (NATs); RFC 8041 section 3.1")},
		{Name: "nat-cgn", Doc: "carrier-grade NAT", Box: box("nat", `profile = "cgn"`), Whole: true, rules: kept("RFC 8684 section 6 (NATs)")},
		{Name: "nat-linux", Doc: "masquerading of Linux", Box: box("nat", `profile = "linux-conntrack"`), Whole: true, rules: kept("RFC 8684 section 6 (NATs)")},
		{Name: "firewall", Doc: "stateful firewall in front of the client", Box: box("firewall"), Whole: true, rules: kept("RFC 8684 section 6 (firewalls)")},
		{Name: "seq", Set: true, Doc: "initial sequence numbers replaced", Box: box("rewrite-isn"),
			rules: kept("RFC 8684 section 6 (firewalls); RFC 8041 section 3.1")},
		{Name: "seq-sack", Doc: "the same, forgotten in SACK blocks", Box: box("rewrite-isn", `sack = "forget"`), rules: kept("RFC 8684 section 6 (firewalls)")},
		{Name: "split", Set: true, Doc: "segments split, options copied", Box: box("split", "size = 500"),
			rules: kept("RFC 8684 section 6 (segmentation); RFC 8041 section 3.1")},
		{Name: "split-first", Doc: "segments split, options on the first part", Box: box("split", "size = 500", `options = "first"`),
			rules: kept("RFC 8684 section 6 (segmentation)")},
		{Name: "coalesce", Set: true, Doc: "segments coalesced, all options kept", Box: box("coalesce", `options = "both"`, `hold = "3ms"`),
			rules: kept("RFC 8684 section 6 (coalescing); RFC 8041 section 3.1")},
		{Name: "dup-packet", Doc: "every packet twice", Box: box("duplicate"), rules: kept("RFC 8684 section 3.3.1")},
		{Name: "dup-option", Doc: "MPTCP options twice", Box: box("duplicate", `what = "options"`), rules: kept("RFC 8684 section 6 (copied options)")},
		{Name: "window", Doc: "receive window shrunk", Box: box("shrink-window"), rules: kept("RFC 8684 section 6 (receive window)")},
		{Name: "mss", Doc: "MSS clamped", Box: box("clamp-mss", "mss = 1000"), rules: kept("RFC 8041 section 3.8")},
		{Name: "jitter", Doc: "packets held back without reordering", Box: box("jitter", `bound = "3ms"`), rules: kept("RFC 8684 section 3.3")},
	}
}

// stripping are behaviours that take options away, or packets because of them.
func stripping() []Behaviour {
	const (
		handshake = "RFC 8684 sections 3.1, 3.7, 6 (figure 17); RFC 8041 section 3.1"
		join      = "RFC 8684 sections 3.2, 3.7, 6"
		data      = "RFC 8684 section 3.7; RFC 8041 section 3.1"
		joined    = "RFC 8684 section 3.7 (additional subflow)"
	)
	syn := []rule{{path: "second", want: []Verdict{Closed}, section: join}, {want: []Verdict{Fallback}, section: handshake}}
	nonsyn := []rule{{path: "second", want: []Verdict{Closed}, section: joined}, {want: []Verdict{Fallback}, section: data}}
	return []Behaviour{
		{Name: "strip-syn", Set: true, Doc: "MPTCP options removed from SYNs", Box: box("strip", `packets = "syn"`), Directions: []string{Up}, rules: syn},
		{Name: "strip-synack", Set: true, Doc: "MPTCP options removed from SYN/ACKs", Box: box("strip", `packets = "synack"`), Directions: []string{Down}, rules: syn},
		{Name: "strip-all", Set: true, Doc: "MPTCP options removed from all packets", Box: box("strip"), rules: syn},
		{Name: "strip-nonsyn", Set: true, Doc: "MPTCP options removed but for SYNs", Box: box("strip", `packets = "nonsyn"`), rules: nonsyn},
		{Name: "strip-eol", Doc: "MPTCP options overwritten by EOL but for SYNs", Box: box("strip", `packets = "nonsyn"`, `mode = "eol"`), rules: nonsyn},
		{Name: "strip-data", Set: true, Doc: "DSS removed from data segments", Box: box("strip", `packets = "data"`, `options = ["dss"]`), rules: []rule{
			{meets: "acks", want: []Verdict{Kept}, section: "RFC 8684 section 3.7"},
			// Data is held until a receive window of it has come.
			{profile: "rfc", path: "second", want: []Verdict{Kept, Closed}, section: joined},
			{path: "second", want: []Verdict{Closed}, section: joined},
			{want: []Verdict{Fallback}, section: data},
		}},
		{Name: "split-last", Doc: "segments split, options on the last part", Box: box("split", "size = 500", `options = "last"`), rules: []rule{
			{meets: "acks", want: []Verdict{Kept}, section: "RFC 8684 section 6"},
			{path: "second", want: []Verdict{Kept, Closed}, section: "RFC 8684 section 6 (some mappings lost)"},
			{want: []Verdict{Fallback}, section: "RFC 8684 section 3.7 (first data without DSS)"},
		}},
		{Name: "coalesce-first", Doc: "segments coalesced, options of the first kept", Box: box("coalesce", `options = "first"`, `hold = "3ms"`), rules: []rule{
			{meets: "acks", want: []Verdict{Kept}, section: "RFC 8684 section 6"},
			{path: "first second", want: []Verdict{Kept, Closed}, section: "RFC 8684 section 6 (some mappings lost)"},
			// Upstream Linux resets a subflow at once, and opens none in its place.
			{profile: "linux", want: []Verdict{Kept, Closed, Failed}, section: "RFC 8684 section 6 (unmapped space: the subflow is closed)"},
			{want: []Verdict{Kept}, section: "RFC 8684 section 6 (mappings that reinforce each other)"},
		}},
		{Name: "coalesce-last", Doc: "segments coalesced, options of the last kept", Box: box("coalesce", `options = "last"`, `hold = "3ms"`), rules: []rule{
			{want: []Verdict{Kept, Closed}, section: "RFC 8684 section 6 (some mappings lost)"},
		}},
		{Name: "no-data-ack", Doc: "DATA_ACK taken out of DSS", Box: box("strip-data-ack"), rules: []rule{
			{path: "second", want: []Verdict{Kept, Closed}, section: "RFC 8684 sections 3.7, 6 (some DATA_ACKs lost)"},
			{want: []Verdict{Kept, Closed, Fallback}, section: "RFC 8684 sections 3.7, 6 (some DATA_ACKs lost)"},
		}},
		{Name: "drop-syn", Doc: "SYNs with MPTCP options dropped", Box: box("drop", `packets = "syn"`, `carrying = ["mptcp"]`), Directions: []string{Up}, rules: []rule{
			{path: "second", want: []Verdict{Closed}, section: "RFC 8684 section 6 (the path is not used)"},
			{want: []Verdict{Fallback}, section: "RFC 8684 sections 3.1, 6"},
		}},
		{Name: "drop-nonsyn", Doc: "packets with MPTCP options dropped but for SYNs", Box: box("drop", `packets = "nonsyn"`, `carrying = ["mptcp"]`), rules: []rule{
			{path: "second", want: []Verdict{Kept, Closed}, section: "RFC 8684 section 3.7 (a standard path failure)"},
			{want: []Verdict{Failed, Broken}, section: "RFC 8684 section 6 (the SYNs are meant to tell): not provided for"},
		}},
	}
}

// changing are behaviours that change payload or acknowledgements.
func changing() []Behaviour {
	payload := []rule{
		{meets: "acks", want: []Verdict{Kept}, section: "RFC 8684 section 3.7"},
		{path: "second", want: []Verdict{Closed}, section: "RFC 8684 section 3.7 (RST with MP_FAIL)"},
		{path: "first", want: []Verdict{Closed, Fallback}, section: "RFC 8684 section 3.7 (RST with MP_FAIL; with a single subflow infinite mapping)"},
		// Upstream Linux opens no subflow in place of those that were reset.
		{profile: "linux", want: []Verdict{Fallback, Failed}, section: "RFC 8684 sections 3.7, 6 (all subflows affected: fallback)"},
		{want: []Verdict{Fallback}, section: "RFC 8684 sections 3.7, 6 (all subflows affected: fallback)"},
	}
	return []Behaviour{
		{Name: "payload", Set: true, Doc: "payload changed, same length", Box: box("rewrite", "offset = 20000"), rules: payload},
		{Name: "payload-longer", Set: true, Doc: "payload inserted, numbers corrected", Box: box("rewrite", "offset = 20000", `mode = "insert"`), rules: payload},
		{Name: "payload-shorter", Set: true, Doc: "payload deleted, numbers corrected", Box: box("rewrite", "offset = 20000", `mode = "delete"`), rules: payload},
		{Name: "ack-early", Doc: "data acknowledged before the receiver has it", Box: box("ack-early"), rules: []rule{
			{meets: "acks", want: []Verdict{Kept}, section: "RFC 8684 section 6 (PEPs)"},
			{path: "second", want: []Verdict{Closed}, section: "RFC 8684 section 6 (PEPs)"},
			// A mapping of Linux may be longer than what a sender has out before its first
			// acknowledgement: then it cannot be told what goes on without mappings.
			{profile: "linux", want: []Verdict{Fallback, Failed}, section: "RFC 8684 section 6 (PEPs: fallback, or the subflow is closed)"},
			{want: []Verdict{Fallback}, section: "RFC 8684 section 6 (PEPs)"},
		}},
	}
}

func kept(section string) []rule { return []rule{{want: []Verdict{Kept}, section: section}} }

func box(kind string, params ...string) Box { return Box{kind, params} }
