package tcp

import "mpsim/sim"

// How long the sender was busy, and how much of that the peer's window held it up
// (Linux tcp_chrono_start, tcp_chrono_stop; tcpi_busy_time and tcpi_rwnd_limited of
// TCP_INFO). Busy is who has something queued or unacknowledged. Linux counts in
// jiffies, this in the unit of the clock. The time for which the send buffer was
// too small (tcpi_sndbuf_limited) is part of the busy time and not told apart.

// Chrono is how long a sender was busy, and limited by the peer's window.
type Chrono struct {
	running, held   bool
	since, heldFrom sim.Time     // starts of the spans that run
	busy, limited   sim.Duration // without the span that runs
}

// Busy returns for how long something was queued or unacknowledged until now.
func (k *Chrono) Busy(now sim.Time) sim.Duration {
	if k.running {
		return k.busy + now.Sub(k.since)
	}
	return k.busy
}

// RwndLimited returns for how much of Busy the peer's window, and not the
// congestion window, kept what was queued from leaving.
func (k *Chrono) RwndLimited(now sim.Time) sim.Duration {
	if k.held {
		return k.limited + now.Sub(k.heldFrom)
	}
	return k.limited
}

// start notes that there is something to send.
func (k *Chrono) start(now sim.Time) {
	if !k.running {
		k.running, k.since = true, now
	}
}

// hold notes that the peer's window keeps data from leaving.
func (k *Chrono) hold(now sim.Time) {
	if k.running && !k.held {
		k.held, k.heldFrom = true, now
	}
}

// release notes that it no longer does.
func (k *Chrono) release(now sim.Time) {
	if k.held {
		k.held = false
		k.limited += now.Sub(k.heldFrom)
	}
}

// stop notes that everything was acknowledged, or given up.
func (k *Chrono) stop(now sim.Time) {
	k.release(now)
	if k.running {
		k.running = false
		k.busy += now.Sub(k.since)
	}
}

// Chrono returns how long the sender was busy and limited.
func (c *Conn) Chrono() Chrono { return c.chrono }

// allAcked stops the clock if nothing waits to be sent.
func (c *Conn) allAcked(now sim.Time) {
	if c.snd.nxt >= c.snd.end && !(c.closing.queued && c.snd.nxt == c.snd.end) {
		c.chrono.stop(now)
	}
}

// Lost returns how many segments in flight are presumed lost (Linux lost_out).
func (c *Conn) Lost() int { return int(c.flight.nLost) }

// Sacked returns how many segments in flight have arrived as far as we know: by
// selective acknowledgements or, without them, by duplicate ones (Linux
// sacked_out).
func (c *Conn) Sacked() int { return int(c.flight.nSacked) }

// Resent returns how many retransmissions are in flight (Linux retrans_out).
func (c *Conn) Resent() int { return int(c.flight.nResent) }

// Reordering returns the duplicate acknowledgement threshold in segments (Linux
// tp->reordering).
func (c *Conn) Reordering() int { return int(c.recovery.reordering) }

// LastData returns when payload last arrived in order, or the connection was
// established if none has (Linux icsk_ack.lrcvtime).
func (c *Conn) LastData() sim.Time { return c.ack.last }
