package mptcp

import (
	"mpsim/sim"
	"mpsim/sim/trace"
)

// A path that becomes lossy (Lim et al., "Cross-Layer Path Management in
// Multi-path Transport Protocol for Mobile Devices", INFOCOM'14; RFC 8041 section
// 2.2): its subflow times out, what it carried is sent again on another one and
// acknowledged at the data level, but the subflow has to go on retransmitting these
// N segments for the sake of its own sequence numbers, and must do so before it can
// carry anything new when the path is better again. Where the send buffer waits
// for the subflows, too (Profile.ReleaseNeedsSubflow), it also holds the buffer.
// RFC 8041 proposes, instead of a new option, to terminate the subflow by a RST
// and to establish it again at once.
//
// SocketOptions.ResetDelivered does the first half at the sender of data: a subflow
// is reset with code 0x04 of MP_TCPRST ("more efficient to reset and start again",
// RFC 8684 section 3.6) if
//
//   - it has timed out and was not heard of since,
//   - all that it carries has been DATA_ACKed, by way of other subflows,
//   - that is two segments or more: one is sent as soon as a SYN,
//   - and another subflow is usable and has not timed out.
//
// The second half is the path manager's at whichever end opens subflows, such as
// fullmesh with create_on_err, retry_delay being what "immediately" means. The RFC
// draws the rule for the client; it holds for either end here.
//
// Not modelled: the MP option of INFOCOM'14, and its coupling to the WiFi layer.

// restartSegments is the least number of segments for which a subflow is reset.
const restartSegments = 2

// resetDelivered resets the subflows that would only repeat what the peer has.
func (c *connection) resetDelivered(now sim.Time) {
	for _, f := range c.alive {
		if f.dead || !f.failed || !f.established() {
			continue
		}
		t := &f.flow.tcp
		if t.SndEnd()-t.SndUna() < restartSegments*uint64(t.MSS()) || f.tx.highest() > c.send.una {
			continue
		}
		for _, g := range c.alive {
			if g != f && g.usable() && !g.failed {
				f.reset(now, rstOutstanding, trace.TooMuchOutstanding)
				break
			}
		}
	}
}

// highest returns the data sequence number behind the last that the mappings cover.
func (t *txMaps) highest() (dsn uint64) {
	for i := range t.len() {
		m := t.at(i)
		dsn = max(dsn, m.dsn+uint64(m.len))
	}
	return dsn
}
