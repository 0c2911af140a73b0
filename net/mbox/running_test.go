package mbox_test

import (
	"testing"

	"mpsim/mptcp"
	"mpsim/net/mbox"
	"mpsim/scenarios/lab"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// request sends an HTTP request through a proxy for a port at the client, over MPTCP or TCP, and
// returns what the server reads within ten seconds, and why MPTCP was given up.
func request(t *testing.T, protocol mptcp.Protocol, checksum mptcp.ChecksumPolicy, port int) (text string, fallback trace.Reason) {
	t.Helper()
	l := lab.New(lab.Config{Seed: 1, Verify: true, Socket: func(o *mptcp.SocketOptions) {
		o.Protocol, o.Checksum = protocol, checksum
	}}, lab.Path{Name: "wifi", Rate: 10 * sim.MegabitPerSecond, Delay: 10 * sim.Millisecond})
	b, err := mbox.New("http-header", mbox.Everything(), []mbox.Setting{{Name: "port", Number: float64(port)}}, &mbox.Env{Net: l.Network(), Node: l.Client.Node(), Rand: l.Sim().Stream("box")})
	if err != nil {
		t.Fatal(err)
	}
	l.Path("wifi").Client.AddBox(b)
	client, server := l.Connect()
	server.KeepBytes()
	for _, line := range []string{"GET /index HTTP/1.1\r\n", "Host: x\r\n\r\n"} {
		client.SendBytes([]byte(line))
		l.Run(sim.Second)
	}
	client.Shutdown()
	l.Run(8 * sim.Second)
	return string(server.Bytes()), client.Info().Fallback
}

// A proxy on port 80 adds a line to HTTP headers (Honda et al., IMC 2011, section 4.5).
// Over TCP the server reads it. Over MPTCP with DSS checksums the change is noticed with
// the first data, which MP_CAPABLE maps: MPTCP ends, and the server reads what TCP would
// have brought (RFC 8684 section 3.7). On a port that the proxy does not look at, nothing
// happens.
//
// row:M8
func TestHTTPHeader(t *testing.T) {
	const plain = "GET /index HTTP/1.1\r\nHost: x\r\n\r\n"
	const changed = "GET /index HTTP/1.1\r\nVia: 1.1 proxy\r\nHost: x\r\n\r\n"
	for _, c := range []struct {
		name     string
		protocol mptcp.Protocol
		port     int
		text     string
		fallback trace.Reason
	}{
		{"TCP", mptcp.TCP, lab.Port, changed, trace.NoReason},
		{"MPTCP", mptcp.MPTCP, lab.Port, changed, trace.MPCapableDataFallback},
		{"MPTCP on another port", mptcp.MPTCP, 80, plain, trace.NoReason},
	} {
		text, fallback := request(t, c.protocol, mptcp.ChecksumRequired, c.port)
		if text != c.text || fallback != c.fallback {
			t.Errorf("%s: the server reads %q, want %q; fallback %q, want %q", c.name, text, c.text, fallback, c.fallback)
		}
	}
}
