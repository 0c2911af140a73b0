package scenarios

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"mpsim/sim"
	"mpsim/sim/trace"
)

// behindProxy runs boxedPaths with a proxy on a link and says what became of the
// download and the upload: "mptcp", or why MPTCP was given up, and behind that what is
// wrong, if anything is.
func behindProxy(t *testing.T, box, flow string) (ends [2]string, w *World) {
	t.Helper()
	w = runText(t, fmt.Sprintf(boxedPaths, box, flow, flow), Run{Verify: true})
	for i, name := range []string{"dl", "up"} {
		f := w.byFlow[name]
		f.observe(w)
		ends[i] = "mptcp"
		if f.fallback != "" {
			ends[i] = f.fallback
		}
		switch {
		case f.record.Corrupt != 0:
			ends[i] += fmt.Sprintf(", %d wrong bytes", f.record.Corrupt)
		case f.record.Bytes == 400_000 && f.record.Done != sim.Never:
		case f.ends.Closed != sim.Never:
			ends[i] += ", " + f.ends.Why.String()
		default:
			ends[i] += fmt.Sprintf(", hangs at %d", f.record.Bytes)
		}
	}
	return ends, w
}

// lossyBoxOn is a box on a link that may lose packets.
func lossyBoxOn(link, loss, kind, params string) string {
	return fmt.Sprintf("[[link]]\nname = %q\n%s[[link.box]]\nname = \"box\"\ntype = %q\n%s\n", link, loss, kind, params)
}

func (w *World) boxCountOf(why trace.Reason) uint64 {
	return w.boxes[0].box.(interface{ Count(trace.Reason) uint64 }).Count(why)
}

// proxyCase is a box, and what it makes of a download and an upload whose only or
// first subflow meets it.
type proxyCase struct {
	kind, params string
	dl, up       string
}

// judge runs a case with TCP and with MPTCP, checksums or not, with and without loss,
// on the path of the first subflow and on the other one, which MPTCP survives in any
// case. Every byte arrives, as it does with TCP.
func (c *proxyCase) judge(t *testing.T, acts trace.Reason) {
	t.Helper()
	for _, loss := range []string{"", "loss = 0.02\n"} {
		for _, flow := range []string{"", `protocol = "tcp"`, `checksum = "required"`} {
			for _, link := range []string{"wifi", "lte"} {
				tcp := strings.Contains(flow, "tcp")
				want := [2]string{c.dl, c.up}
				if link == "lte" || tcp {
					want = [2]string{"mptcp", "mptcp"} // no fallback
				}
				ends, w := behindProxy(t, lossyBoxOn(link, loss, c.kind, c.params), flow)
				if ends != want || link == "wifi" && w.boxCountOf(acts) == 0 {
					t.Errorf("%s %q on %s, %q %q: %q, want %q; acted %d times", c.kind, c.params, link, loss, flow, ends, want, w.boxes[0].box.Acted())
				}
			}
		}
	}
}

// A proxy that ends connections makes both hosts speak TCP: the client hears no
// MP_CAPABLE, the server is offered none (RFC 8684 section 3.1). One that takes only
// one port leaves the others alone. One that works from server to client only lets the
// handshake pass, and both ends fall back when data and acknowledgements come without
// DSS (RFC 8684 section 3.7; RFC 8041 section 3.1: the HTTP cases of TMA2015).
//
// row:M11
func TestTransparentProxies(t *testing.T) {
	const synack, data = "MPCapableFallbackSYNACK", "MPCapableDataFallback"
	for _, c := range []proxyCase{
		{"proxy", "", synack, synack},
		{"proxy", "buffer = 8192", synack, synack},
		{"proxy", `destination = ":5001"`, synack, "mptcp"},
		{"proxy", `client_side = "mptcp"` + "\n" + `server_side = "mptcp"`, "mptcp", "mptcp"},
	} {
		c.judge(t, trace.Terminated)
	}
	c := proxyCase{"pep", `direction = "down"` + "\n" + `mptcp = "strip"`, data, data}
	c.judge(t, trace.EarlyAck)
	c = proxyCase{"pep", `direction = "down"` + "\n" + `mptcp = "strip"` + "\n" + `source = ":5001"`, data, "mptcp"}
	c.judge(t, trace.EarlyAck)
}

// A converter speaks MPTCP to one side only: that host keeps it.
func TestConverter(t *testing.T) {
	for _, side := range []string{"client", "server"} {
		_, w := behindProxy(t, lossyBoxOn("wifi", "", "proxy", side+`_side = "mptcp"`), "")
		for _, f := range w.flows {
			client, server := f.ends.Client.Info().Fallback != trace.NoReason, f.ends.Server.Info().Fallback != trace.NoReason
			if client != (side == "server") || server != (side == "client") || f.record.Bytes != 400_000 {
				t.Errorf("%s side: client fell back %v, server %v; %d bytes", side, client, server, f.record.Bytes)
			}
		}
	}
}

// A proxy that acknowledges data early gives the sender ACKs without DATA_ACK: the
// first subflow falls back to TCP (RFC 8684 sections 3.7 and 6). It sends again itself
// what is lost behind it, and the sender sends nothing twice.
//
// row:M10
func TestEarlyAcknowledgement(t *testing.T) {
	const dss, data = "DssFallback", "MPCapableDataFallback"
	for _, c := range []proxyCase{
		{"pep", `direction = "down"`, dss, "mptcp"},
		{"pep", `direction = "up"`, "mptcp", data},
		{"pep", "", dss, data},
		{"pep", "buffer = 8192", dss, data},
	} {
		c.judge(t, trace.EarlyAck)
	}
	for _, flow := range []string{`protocol = "tcp"`, ""} {
		_, w := behindProxy(t, lossyBoxOn("wifi", "loss = 0.03\n", "pep", `direction = "up"`), flow+"\nnodelay = true")
		sent := int64(0)
		for _, s := range w.byFlow["up"].ends.Client.Subflows(nil)[:1] {
			sent = s.Stats.RetransmittedBytes
		}
		if n := w.boxCountOf(trace.LocalRetransmit); n == 0 || sent != 0 {
			t.Errorf("%s: the proxy has sent again %d times, the client %d bytes", flow, n, sent)
		}
	}
}

// A SYN proxy answers for the server and knows nothing of MP_CAPABLE: the connection
// is plain TCP from the beginning, whatever windows and timestamps the server has.
func TestSYNProxy(t *testing.T) {
	const synack = "MPCapableFallbackSYNACK"
	for _, params := range []string{"", "wscale = 0", "wscale = 14", "mss = 1000"} {
		c := proxyCase{"syn-proxy", params, synack, synack}
		c.judge(t, trace.CookieProved)
	}
}

// proxyChain is up to four boxes at the client's end of a link, proxies among them.
func proxyChain(rnd *rand.Rand, link string) string {
	kinds := []string{
		`type = "split"` + "\nsize = 700", `type = "clamp-mss"` + "\nmss = 1000", `type = "rewrite-isn"`,
		`type = "shrink-window"` + "\nwindow = 20000", `type = "duplicate"` + "\nprobability = 0.1", `type = "nat"`, `type = "firewall"` + "\nmidstream = \"drop\"",
		`type = "proxy"`, `type = "proxy"` + "\nclient_side = \"mptcp\"", `type = "proxy"` + "\nserver_side = \"mptcp\"",
		`type = "pep"`, `type = "pep"` + "\ndirection = \"down\"\nmptcp = \"strip\"", `type = "pep"` + "\ndirection = \"up\"",
		`type = "syn-proxy"`,
	}
	var b strings.Builder
	fmt.Fprintf(&b, "[[link]]\nname = %q\nloss = 0.005\n", link)
	for i := range 1 + rnd.IntN(4) {
		box := kinds[rnd.IntN(len(kinds))]
		if strings.Contains(box, `"nat"`) {
			box += fmt.Sprintf("\noutside = [\"203.0.%d.%d\"]", len(link), 10+i)
		}
		fmt.Fprintf(&b, "[[link.box]]\nname = \"%s-%d\"\n%s\n", link, i, box)
	}
	return b.String()
}

// Proxies work in any order with each other and with boxes that treat a connection
// alike from its first SYN on: no byte is wrong, and where TCP is complete, MPTCP is,
// too, over paths that lose packets.
func TestRandomChainsWithProxies(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	compared := 0
	for i := range 80 {
		boxes := proxyChain(rnd, "wifi") + proxyChain(rnd, "lte")
		run := func(flow string) *World {
			return runText(t, fmt.Sprintf(boxedPaths, boxes, flow, flow), Run{Verify: true, Seed: uint64(i + 1)})
		}
		plain, multi := run("protocol = \"tcp\""), run("checksum = \"required\"")
		for _, name := range []string{"dl", "up"} {
			p, m := plain.byFlow[name], multi.byFlow[name]
			if p.record.Corrupt+m.record.Corrupt != 0 {
				t.Errorf("%s: %d bytes wrong of TCP, %d of MPTCP, with\n%s", name, p.record.Corrupt, m.record.Corrupt, boxes)
			}
			if p.record.Bytes != 400_000 || p.record.Done == sim.Never {
				continue
			}
			compared++
			if m.observe(multi); m.record.Bytes != 400_000 || m.record.Done == sim.Never {
				t.Errorf("%s: TCP is complete, MPTCP has %d bytes (fallback %q, closed %v), with\n%s", name, m.record.Bytes, m.fallback, m.ends.Why, boxes)
			}
		}
	}
	if compared < 150 {
		t.Errorf("TCP was complete in %d of 160 cases", compared)
	}
}
