package packetdrill

import (
	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/mptcp/tcp"
	"mpsim/sim"
)

// Info implements [System]. The variables are those of Linux's struct tcp_info
// that the endpoint knows; windows and counts are in segments, times in
// microseconds. They are those of the first subflow that lives.
func (s *Simulated) Info(fd int) map[string]int64 {
	if fd >= len(s.sockets) || s.sockets[fd] == nil || !s.sockets[fd].has || !s.sockets[fd].dialled {
		return nil
	}
	subs := s.ep.Subflows(s.sockets[fd].conn, nil)
	for i := range subs {
		if !subs[i].Ended {
			return s.variables(&subs[i])
		}
	}
	return nil
}

func (s *Simulated) variables(f *mptcp.SubflowInfo) map[string]int64 {
	segments := func(bytes int64) int64 {
		return (bytes + int64(f.MSS) - 1) / int64(max(f.MSS, 1))
	}
	us := func(d sim.Duration) int64 { return int64(d / sim.Microsecond) }
	v := map[string]int64{
		"tcpi_state":          linuxStates[f.State],
		"tcpi_ca_state":       caStates[f.CA],
		"tcpi_snd_mss":        int64(f.MSS),
		"tcpi_rto":            us(f.RTO),
		"tcpi_rtt":            us(f.SRTT),
		"tcpi_rttvar":         us(f.RTTVar),
		"tcpi_min_rtt":        us(f.MinRTT),
		"tcpi_backoff":        int64(f.Backoff),
		"tcpi_snd_cwnd":       f.Window / int64(max(f.MSS, 1)),
		"tcpi_snd_ssthresh":   0x7fffffff,
		"tcpi_total_retrans":  f.Stats.RetransmittedSegments,
		"tcpi_bytes_retrans":  f.Stats.RetransmittedBytes,
		"tcpi_bytes_sent":     f.Stats.BytesSent,
		"tcpi_bytes_acked":    int64(f.Delivered),
		"tcpi_bytes_received": int64(f.Received),
		"tcpi_segs_out":       f.Stats.SegmentsSent,
		"tcpi_segs_in":        f.Stats.SegmentsReceived,
		"tcpi_notsent_bytes":  f.Unsent,
		"tcpi_lost":           int64(f.Lost),
		"tcpi_sacked":         int64(f.Sacked),
		"tcpi_retrans":        int64(f.Resent),
		"tcpi_reordering":     int64(f.Reordering),
		"tcpi_advmss":         int64(f.AdvertisedMSS),
		"tcpi_busy_time":      us(f.Chrono.Busy(s.now)),
		"tcpi_rwnd_limited":   us(f.Chrono.RwndLimited(s.now)),
		"tcpi_last_data_recv": int64(s.now.Sub(f.LastData) / sim.Millisecond),
		"tcpi_unacked":        segments(int64(f.Granted-f.Delivered) - f.Unsent),
	}
	if f.Ssthresh < cc.MaxWindow {
		v["tcpi_snd_ssthresh"] = f.Ssthresh / int64(max(f.MSS, 1))
	}
	return v
}

// linuxStates are the numbers of include/net/tcp_states.h.
var linuxStates = map[tcp.State]int64{
	tcp.StateEstablished: 1, tcp.StateSynSent: 2, tcp.StateSynReceived: 3, tcp.StateFinWait1: 4,
	tcp.StateFinWait2: 5, tcp.StateTimeWait: 6, tcp.StateClosed: 7, tcp.StateCloseWait: 8,
	tcp.StateLastAck: 9, tcp.StateClosing: 11,
}

// caStates are the numbers of enum tcp_ca_state.
var caStates = map[cc.State]int64{cc.Open: 0, cc.Disorder: 1, cc.CWR: 2, cc.Recovery: 3, cc.LossState: 4}
