package live

import (
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"mpsim/internal/packetdrill"
	"mpsim/sim"
)

// optionForm is how the value of a socket option is laid out.
type optionForm uint8

const (
	formInt    optionForm = iota
	formLinger            // struct linger
	formTime              // struct timeval
	formText
)

// socketOptions are the options that scripts can set and get by name.
var socketOptions = map[string]struct {
	level, option int
	form          optionForm
}{
	"SO_REUSEADDR":           {unix.SOL_SOCKET, unix.SO_REUSEADDR, formInt},
	"SO_REUSEPORT":           {unix.SOL_SOCKET, unix.SO_REUSEPORT, formInt},
	"SO_ERROR":               {unix.SOL_SOCKET, unix.SO_ERROR, formInt},
	"SO_SNDBUF":              {unix.SOL_SOCKET, unix.SO_SNDBUF, formInt},
	"SO_RCVBUF":              {unix.SOL_SOCKET, unix.SO_RCVBUF, formInt},
	"SO_KEEPALIVE":           {unix.SOL_SOCKET, unix.SO_KEEPALIVE, formInt},
	"SO_PROTOCOL":            {unix.SOL_SOCKET, unix.SO_PROTOCOL, formInt},
	"SO_LINGER":              {unix.SOL_SOCKET, unix.SO_LINGER, formLinger},
	"SO_SNDTIMEO":            {unix.SOL_SOCKET, unix.SO_SNDTIMEO, formTime},
	"SO_RCVTIMEO":            {unix.SOL_SOCKET, unix.SO_RCVTIMEO, formTime},
	"IP_TOS":                 {unix.IPPROTO_IP, unix.IP_TOS, formInt},
	"TCP_NODELAY":            {unix.IPPROTO_TCP, unix.TCP_NODELAY, formInt},
	"TCP_CORK":               {unix.IPPROTO_TCP, unix.TCP_CORK, formInt},
	"TCP_MAXSEG":             {unix.IPPROTO_TCP, unix.TCP_MAXSEG, formInt},
	"TCP_KEEPIDLE":           {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, formInt},
	"TCP_KEEPINTVL":          {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, formInt},
	"TCP_KEEPCNT":            {unix.IPPROTO_TCP, unix.TCP_KEEPCNT, formInt},
	"TCP_USER_TIMEOUT":       {unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, formInt},
	"TCP_QUICKACK":           {unix.IPPROTO_TCP, unix.TCP_QUICKACK, formInt},
	"TCP_DEFER_ACCEPT":       {unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, formInt},
	"TCP_FASTOPEN":           {unix.IPPROTO_TCP, unix.TCP_FASTOPEN, formInt},
	"TCP_FASTOPEN_CONNECT":   {unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, formInt},
	"TCP_FASTOPEN_NO_COOKIE": {unix.IPPROTO_TCP, unix.TCP_FASTOPEN_NO_COOKIE, formInt},
	"TCP_IS_MPTCP":           {unix.IPPROTO_TCP, 43, formInt},
	"TCP_CONGESTION":         {unix.IPPROTO_TCP, unix.TCP_CONGESTION, formText},
}

func simTime(d time.Duration) sim.Time { return sim.Time(d) }

func setOptionCall(c *packetdrill.Call) (func() result, error) {
	o, ok := socketOptions[c.Option]
	if !ok {
		return nil, fmt.Errorf("live mode has no socket option %s", c.Option)
	}
	value := c.Bytes
	if o.form == formText != (value != nil) {
		return nil, fmt.Errorf("%s does not have a value like that", c.Option)
	}
	for _, v := range c.Value {
		if o.form == formTime {
			value = binary.NativeEndian.AppendUint64(value, uint64(v))
		} else {
			value = binary.NativeEndian.AppendUint32(value, uint32(v))
		}
	}
	return func() result {
		return result{err: unix.SetsockoptString(c.FD, o.level, o.option, string(value))}
	}, nil
}

func getOptionCall(c *packetdrill.Call) (func() result, error) {
	o, ok := socketOptions[c.Option]
	if !ok {
		return nil, fmt.Errorf("live mode has no socket option %s", c.Option)
	}
	return func() (r result) {
		switch o.form {
		case formText:
			s, err := unix.GetsockoptString(c.FD, o.level, o.option)
			return result{err: err, text: []byte(s)}
		case formLinger:
			l, err := unix.GetsockoptLinger(c.FD, o.level, o.option)
			if err == nil {
				r.ints = []int64{int64(l.Onoff), int64(l.Linger)}
			}
			r.err = err
			return r
		case formTime:
			t, err := unix.GetsockoptTimeval(c.FD, o.level, o.option)
			if err == nil {
				r.ints = []int64{t.Sec, t.Usec}
			}
			r.err = err
			return r
		}
		v, err := unix.GetsockoptInt(c.FD, o.level, o.option)
		return result{err: err, ints: []int64{int64(v)}}
	}, nil
}

// Info implements [packetdrill.System].
func (k *Kernel) Info(fd int) map[string]int64 {
	i, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return nil
	}
	return map[string]int64{
		"tcpi_state": int64(i.State), "tcpi_ca_state": int64(i.Ca_state), "tcpi_retransmits": int64(i.Retransmits),
		"tcpi_probes": int64(i.Probes), "tcpi_backoff": int64(i.Backoff), "tcpi_rto": int64(i.Rto), "tcpi_ato": int64(i.Ato),
		"tcpi_snd_mss": int64(i.Snd_mss), "tcpi_rcv_mss": int64(i.Rcv_mss), "tcpi_unacked": int64(i.Unacked),
		"tcpi_sacked": int64(i.Sacked), "tcpi_lost": int64(i.Lost), "tcpi_retrans": int64(i.Retrans),
		"tcpi_last_data_sent": int64(i.Last_data_sent), "tcpi_last_data_recv": int64(i.Last_data_recv),
		"tcpi_last_ack_recv": int64(i.Last_ack_recv), "tcpi_pmtu": int64(i.Pmtu), "tcpi_rcv_ssthresh": int64(i.Rcv_ssthresh),
		"tcpi_rtt": int64(i.Rtt), "tcpi_rttvar": int64(i.Rttvar), "tcpi_snd_ssthresh": int64(i.Snd_ssthresh),
		"tcpi_snd_cwnd": int64(i.Snd_cwnd), "tcpi_advmss": int64(i.Advmss), "tcpi_reordering": int64(i.Reordering),
		"tcpi_rcv_rtt": int64(i.Rcv_rtt), "tcpi_rcv_space": int64(i.Rcv_space), "tcpi_total_retrans": int64(i.Total_retrans),
		"tcpi_pacing_rate": int64(i.Pacing_rate), "tcpi_bytes_acked": int64(i.Bytes_acked), "tcpi_bytes_received": int64(i.Bytes_received),
		"tcpi_segs_out": int64(i.Segs_out), "tcpi_segs_in": int64(i.Segs_in), "tcpi_notsent_bytes": int64(i.Notsent_bytes),
		"tcpi_min_rtt": int64(i.Min_rtt), "tcpi_data_segs_in": int64(i.Data_segs_in), "tcpi_data_segs_out": int64(i.Data_segs_out),
		"tcpi_delivery_rate": int64(i.Delivery_rate), "tcpi_busy_time": int64(i.Busy_time), "tcpi_rwnd_limited": int64(i.Rwnd_limited),
		"tcpi_sndbuf_limited": int64(i.Sndbuf_limited), "tcpi_delivered": int64(i.Delivered), "tcpi_delivered_ce": int64(i.Delivered_ce),
		"tcpi_bytes_sent": int64(i.Bytes_sent), "tcpi_bytes_retrans": int64(i.Bytes_retrans), "tcpi_dsack_dups": int64(i.Dsack_dups),
		"tcpi_reord_seen": int64(i.Reord_seen), "tcpi_snd_wnd": int64(i.Snd_wnd),
	}
}
