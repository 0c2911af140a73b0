package mptcp

import (
	"fmt"
	"net/netip"
	"strings"

	"mpsim/net/wire"
)

// line prints a segment like packetdrill does.
func (w *world) line(r *record) string {
	var b strings.Builder
	dir := "<"
	if r.up {
		dir = ">"
	}
	fmt.Fprintf(&b, "%v %d%s ", r.at, r.path, dir)
	t := wire.Tuple{Src: netip.MustParseAddrPort("10.0.0.1:1"), Dst: netip.MustParseAddrPort("10.0.0.2:2"), Proto: wire.ProtoTCP}
	s := wire.Format(&t, &r.seg, r.options())
	if i := strings.Index(s, "Flags"); i >= 0 {
		s = s[i:]
	}
	b.WriteString(s)
	if r.lost {
		b.WriteString(" LOST")
	}
	return b.String()
}

// dump prints the last n segments.
func (w *world) dump(n int) string {
	var b strings.Builder
	for i := max(0, len(w.log)-n); i < len(w.log); i++ {
		b.WriteString(w.line(&w.log[i]))
		b.WriteByte('\n')
	}
	return b.String()
}

// counter returns a counter of an endpoint by Linux's name.
func counterOf(e *Endpoint, name string) uint64 {
	for _, c := range e.Counters() {
		if c.Name == name {
			return c.Value
		}
	}
	return ^uint64(0)
}

// check fails unless a counter has a value.
func (w *world) counter(h *host, name string, want uint64) {
	w.t.Helper()
	if got := counterOf(h.ep, name); got != want {
		w.t.Errorf("%s: %s is %d, want %d", h.name, name, got, want)
	}
}
