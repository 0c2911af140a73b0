package app

import (
	"net/netip"

	"mpsim/internal/host"
	"mpsim/mptcp"
	"mpsim/net/nat"
	"mpsim/sim"
)

// MappingRequest is what a host asks a PCP server for.
type MappingRequest struct {
	Server    netip.AddrPort
	Local     netip.AddrPort // address and port that are to be reached from outside
	Proto     uint8
	Suggested uint16       // outside port; 0: any
	Lifetime  sim.Duration // whole seconds; 0 gives the mapping back
	Renew     bool
	// Peer is the remote end of the session that is asked for (opcode PEER); not valid: a
	// mapping for all remote ends (MAP).
	Peer netip.AddrPort
}

// Mapping is a PCP client (RFC 6887) that asks for one explicit mapping and, if so
// wanted, keeps it. Requests are repeated until an answer comes, after 3 s, 6 s and
// so on up to 1024 s, each changed by up to a tenth at random (section 8.1.1).
type Mapping struct {
	Result   nat.PCPResult  // of the last answer
	Answered bool           // there was one
	External netip.AddrPort // the outside end that was assigned
	Until    sim.Time       // end of the lease

	host   *host.Host
	socket host.UDPSocket
	req    MappingRequest
	nonce  nat.Nonce
	rnd    *sim.Rand
	wait   sim.Duration // until the request is repeated; 0: no answer is awaited
	round  uint32       // of alarms: older ones mean nothing
}

// The retransmission parameters of RFC 6887 section 8.1.1.
const (
	pcpFirstWait = 3 * sim.Second
	pcpMaxWait   = 1024 * sim.Second
)

// NewMapping sends a request from a free port of the address that is to be mapped.
// The stream gives nonce, repetition and renewal.
func NewMapping(now sim.Time, h *host.Host, q MappingRequest, rnd *sim.Rand) (*Mapping, error) {
	m := &Mapping{host: h, req: q, rnd: rnd}
	for i := range m.nonce {
		m.nonce[i] = byte(rnd.Uint64())
	}
	var err error
	if m.socket, err = h.OpenMessages(netip.AddrPortFrom(q.Local.Addr(), 0), m); err != nil {
		return nil, err
	}
	m.ask(now)
	return m, nil
}

// ask begins a request.
func (m *Mapping) ask(now sim.Time) {
	m.wait = 0
	m.send(now)
}

// send sends the request and sets the alarm for the next time.
func (m *Mapping) send(now sim.Time) {
	r := nat.MapMessage{
		Lifetime: uint32(m.req.Lifetime / sim.Second), Client: m.req.Local.Addr(), Nonce: m.nonce, Proto: m.req.Proto,
		Internal: m.req.Local.Port(), Peer: m.req.Peer, External: netip.AddrPortFrom(netip.IPv4Unspecified(), m.req.Suggested),
	}
	if m.External.IsValid() {
		r.External = m.External // the one we had (section 11.2.1)
	}
	m.host.SendMessage(now, m.socket, m.req.Server, r.Append(nil))
	m.wait = m.varied(min(max(2*m.wait, pcpFirstWait), pcpMaxWait))
	m.alarm(now.Add(m.wait))
}

// varied changes a time by up to a tenth.
func (m *Mapping) varied(d sim.Duration) sim.Duration {
	return d - d/10 + sim.Duration(m.rnd.IntN(uint64(d/5)+1))
}

// alarm replaces the alarm that is set.
func (m *Mapping) alarm(at sim.Time) {
	m.round++
	m.host.SetAlarm(m, at, m.round)
}

// OnMessage implements host.MessageReceiver.
func (m *Mapping) OnMessage(now sim.Time, from netip.AddrPort, message []byte) {
	var r nat.MapMessage
	if from != m.req.Server || r.Parse(message) != nil || !r.Reply || r.Nonce != m.nonce || r.Internal != m.req.Local.Port() || r.Proto != m.req.Proto || r.Peer != m.req.Peer {
		return // not an answer to what we asked (section 11.4)
	}
	m.Result, m.Answered = r.Result, true
	m.round++
	if r.Result != nat.PCPSuccess {
		return // once more would bring the same
	}
	m.External = r.External
	life := sim.Duration(r.Lifetime) * sim.Second
	m.Until = now.Add(life)
	if m.req.Renew && life > 0 {
		// Between a half and five eighths of the lifetime.
		m.wait = 0
		m.alarm(now.Add(life/2 + sim.Duration(m.rnd.IntN(uint64(life/8)+1))))
	}
}

// OnAlarm implements host.App.
func (m *Mapping) OnAlarm(now sim.Time, arg uint32) {
	if arg == m.round {
		m.send(now)
	}
}

// OnEvent implements host.App; there is no connection.
func (m *Mapping) OnEvent(sim.Time, *mptcp.Event) {}
