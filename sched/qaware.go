package sched

import (
	"mpsim/cc"
	"mpsim/sim"
)

// qaware (Shreedhar, Mohan, Kaul, Kangasharju, "QAware: A Cross-Layer Approach to
// MPTCP Scheduling", IFIP Networking 2018): the scheduler sees the queue of the
// local network device, and sends where the next packet is expected to arrive
// first. Of the subflows that can take data now, the one with the least
//
//	(packets in the device's queue + 1) * service time of a packet + SRTT/2
//
// The service time is that of a full segment at the device's rate.
//
// The formula is approximate: it follows the description of the paper, which
// estimates service times from departures and could not be compared with the
// authors' code. What the scheduler cannot see (a queue that is not at this host)
// it takes for empty. SRTT holds the device's queue of the last round trip as well,
// so that a standing queue counts one and a half times. Departure: backups serve
// only when all others have failed. Data sent again is placed by minRTT.

var qawareSpec = Spec{
	Name: "qaware",
	Doc:  "least expected time through the local device's queue and to the peer (approximates QAware, Networking 2018)",
	New:  func(cc.Params, *sim.Rand) Scheduler { return &qaware{} },
}

type qaware struct{ base }

// Asks implements [Asker].
func (*qaware) Asks() Facts { return FactDevice }

// Pick appends at most one grant: one segment, because the next one finds another
// queue.
func (s *qaware) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	out, data := s.prepare(q, paths, out)
	if data == 0 {
		return out
	}
	backups := onBackups(paths)
	p := first(paths, backups, data, arrivesSooner)
	if p == nil {
		s.idle(paths, backups)
		return out
	}
	return s.give(q, p, p.MSS, whyBackup(backups, ArrivesFirst), out)
}

func arrivesSooner(a, b *Path) bool { return a.arrival() < b.arrival() }

// arrival is the expected time until a full segment arrives at the peer: through
// what is queued at the device or granted and not sent yet, and half a round trip.
func (p *Path) arrival() sim.Duration {
	d := p.SRTT / 2
	if p.DeviceRate > 0 {
		bits := 8 * min(p.DeviceQueue+p.Unsent+p.MSS, 1<<30)
		d += sim.Duration(bits * int64(sim.Second) / int64(p.DeviceRate))
	}
	return d
}
