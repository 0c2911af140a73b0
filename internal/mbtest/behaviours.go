package mbtest

// Outside are the boxes of mpsim list mbox that are not in the grid, and why.
func Outside() map[string]string {
	return map[string]string{
		"balance":        "stands before several servers and has an address of its own; the grid has one server (scenario m18-balancer)",
		"http-header":    "looks for HTTP messages, which the transfers of the grid are not; what it does to a stream is what payload-longer does (TestHTTPHeader)",
		"drop-protocols": "lets all TCP pass (scenario m21-ports)",
	}
}

// looking are boxes that hold, order, mark or read packets and leave streams and options
// as they are.
func looking() []Behaviour {
	const normaliser = "RFC 8684 section 6 (traffic normalizers)"
	return []Behaviour{
		{Name: "normalise", Doc: "streams pass in order, retransmissions as they passed first", Box: box("normalise"), Queue: 20, rules: kept(normaliser)},
		{Name: "normalise-reject", Doc: "the same, segments behind a hole dropped", Box: box("normalise", `holes = "reject"`), Queue: 20, rules: kept(normaliser)},
		{Name: "ids", Doc: "an intrusion detector reads the stream", Box: box("ids", "content_at = 1000"), rules: kept("RFC 8684 section 6 (intrusion detection systems)")},
		{Name: "copy-options", Doc: "options copied to the next segment", Box: box("copy-options"), rules: kept("RFC 8684 sections 3.3.1, 6 (copied options)")},
		{Name: "delay", Doc: "packets held back without reordering", Box: box("delay", `delay = "5ms"`), rules: kept("RFC 8684 section 3.3")},
		{Name: "reorder", Doc: "packets overtake others", Box: box("reorder", "probability = 0.1", `delay = "3ms"`), rules: kept("RFC 8684 section 3.3")},
		{Name: "corrupt", Doc: "a bit of a packet changed, wrong checksum of TCP", Box: box("corrupt", "probability = 0.02"), rules: kept("RFC 9293 section 3.1 (checksum)")},
		{Name: "bleach", Doc: "DSCP changed, ECN cleared", Box: box("bleach", "dscp = 8"), rules: kept("RFC 2474, RFC 3168")},
		{Name: "shape", Doc: "a rate for each port", Box: box("shape", `rate = "5Mbps"`), rules: kept("RFC 8041 section 3.5")},
		{Name: "icmp-too-big", Doc: "packets above 1280 bytes answered by ICMP", Box: box("icmp", `error = "too-big"`), rules: kept("RFC 1191; RFC 8684 section 3.3.6")},
	}
}

// refusing are boxes that take options out of SYNs, or refuse SYNs, by their policy.
func refusing() []Behaviour {
	const handshake, join = "RFC 8684 sections 3.1, 3.7, 6 (figure 17)", "RFC 8684 sections 3.2, 3.7, 6"
	return []Behaviour{
		{Name: "firewall-strip", Doc: "stateful firewall, unknown options of SYNs removed", Box: box("firewall", `options = "strip"`), Whole: true, rules: []rule{
			{path: "second", want: []Verdict{Closed}, section: join}, {want: []Verdict{Fallback}, section: handshake}}},
		{Name: "firewall-drop", Doc: "stateful firewall, SYNs with unknown options dropped", Box: box("firewall", `options = "drop"`), Whole: true, rules: []rule{
			{path: "second", want: []Verdict{Closed}, section: "RFC 8684 section 6 (the path is not used)"},
			{want: []Verdict{Fallback}, section: "RFC 8684 sections 3.1, 6"}}},
		{Name: "reject-syn", Doc: "SYNs with MPTCP options answered by a RST", Box: box("reject", `packets = "syn"`, `carrying = ["mptcp"]`), Directions: []string{Up}, rules: []rule{
			{path: "second", want: []Verdict{Closed}, section: join},
			{want: []Verdict{Failed}, section: "RFC 9293 section 3.10.7.3 (connection refused); not provided for in RFC 8684"}}},
		{Name: "icmp-pass", Doc: "packets pass, ICMP says that the host is unreachable", Box: box("icmp", "pass = true", "probability = 0.02"), rules: []rule{
			{profile: "linux", want: []Verdict{Kept}, section: "RFC 1122 section 4.2.3.9 (soft errors)"},
			{want: []Verdict{Kept, Closed}, section: "RFC 8684 section 3.3.6 (a failure of the subflow)"}}},
	}
}

// ending are boxes that contain endpoints, or know a protocol above TCP.
func ending() []Behaviour {
	const pep = "RFC 8684 section 6 (PEPs)"
	proxied := []rule{
		{path: "second", want: []Verdict{Closed}, section: "RFC 8684 section 3.2 (no MP_JOIN in the SYN/ACK)"},
		{want: []Verdict{Fallback}, section: "RFC 8684 section 3.1 (no MP_CAPABLE in the SYN/ACK); RFC 8041 section 3.1"},
	}
	return []Behaviour{
		{Name: "proxy", Doc: "connections end at a transparent proxy", Box: box("proxy"), Directions: []string{Up}, rules: proxied},
		{Name: "syn-proxy", Doc: "SYNs answered by cookies, then spliced", Box: box("syn-proxy"), Directions: []string{Up}, rules: proxied},
		{Name: "pep", Doc: "data acknowledged early, kept and sent again", Box: box("pep"), rules: []rule{
			{meets: "acks", want: []Verdict{Kept}, section: pep},
			{path: "second", want: []Verdict{Kept, Closed}, section: pep},
			{want: []Verdict{Fallback}, section: pep}}},
		{Name: "pep-strip", Doc: "the same, without MPTCP options behind it", Box: box("pep", `mptcp = "strip"`), rules: []rule{
			{path: "second", want: []Verdict{Closed}, section: pep},
			{want: []Verdict{Fallback}, section: pep}}},
		{Name: "captive", Doc: "a captive portal answers in the server's name", Box: box("captive"), Directions: []string{Up}, rules: []rule{
			{path: "second", want: []Verdict{Closed}, section: "RFC 8684 section 3.2; RFC 8041 section 3.10"},
			{want: []Verdict{Blocked}, section: "RFC 8041 section 3.10"}}},
		{Name: "ftp", Doc: "NAT with a gateway for FTP", Box: box("nat", "ftp_port = 21"), Whole: true, Transfer: Down,
			Flow:  "app = \"ftp\"\nport = 21\n[flow.ftp]\nfiles = 2\nsize = \"200kB\"\n",
			rules: []rule{{want: []Verdict{Fallback}, section: "RFC 8684 section 3.7; RFC 8041 section 3.1 (34 of 125 fallbacks)"}}},
	}
}
