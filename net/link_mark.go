package simnet

import "mpsim/net/wire"

// Marking by the instantaneous length of a drop-tail queue, as DCTCP's switches do
// (Alizadeh et al., SIGCOMM 2010, section 3.1; RFC 8257 section 3.1; RED with equal
// thresholds and weight 1): a packet that is ECN-capable and finds more than the
// threshold in the queue is accepted with CE. What is full still drops. The packet in
// service counts as it does for the limit of the queue.

// Mark is a threshold for marking. The zero value marks nothing. With both set, either
// is enough.
type Mark struct {
	Packets int
	Bytes   int
}

func (lk *Link) setMark(l *hotLink, m Mark) {
	lk.cfg.Mark = m
	l.flags &^= flagMark
	if m != (Mark{}) {
		l.flags |= flagMark
	}
}

// mark gives CE to a packet that has been accepted but does not count yet.
func (n *Network) mark(li uint32, l *hotLink, s *segment) {
	lk := n.cold[li]
	m := lk.cfg.Mark
	packets, bytes := l.counted(n)
	if s.TOS&wire.ECNMask == wire.NotECT ||
		!(m.Packets > 0 && packets > uint32(m.Packets)) && !(m.Bytes > 0 && bytes > uint32(m.Bytes)) {
		return
	}
	if s.TOS&wire.ECNMask != wire.CE {
		lk.marked++
		s.TOS |= wire.CE
	}
}
