//go:build long

package live

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mpsim/sim"
)

// kernelRun is a transfer between two kernels as one line of a list of cases says it:
// words key=value, see set.
type kernelRun struct {
	line    string
	links   [2]emulatedLink
	tcp     bool // over the first link
	cc      string
	up      bool // the client sends
	sndbuf  int
	rcvbuf  int
	sysctls [][2]string
	seconds int
	write   int // bytes that the sender hands over at a time
	read    int // and that the receiver takes at most
	n       int // times
}

func parseKernelRun(line string) (*kernelRun, error) {
	r := &kernelRun{line: line, cc: "cubic", seconds: 20, write: 64 << 10, read: 64 << 10, n: 1}
	for i := range r.links {
		r.links[i] = emulatedLink{rate: 10_000_000, delay: 10 * sim.Millisecond, queue: 50}
	}
	for _, w := range strings.Fields(line) {
		k, v, _ := strings.Cut(w, "=")
		if err := r.set(k, v); err != nil {
			return nil, fmt.Errorf("%s: %w", w, err)
		}
	}
	return r, nil
}

// set takes one word. Those of links are pairs A,B, or one value for both.
func (r *kernelRun) set(key, value string) error {
	number := func(s string) (n int, err error) { return strconv.Atoi(s) }
	pair := strings.Split(value, ",")
	var err error
	each := func(f func(l *emulatedLink, s string) error) error {
		for i := range r.links {
			if err := f(&r.links[i], pair[min(i, len(pair)-1)]); err != nil {
				return err
			}
		}
		return nil
	}
	switch key {
	case "kbps":
		return each(func(l *emulatedLink, s string) error { n, err := number(s); l.rate = int64(n) * 1000; return err })
	case "us":
		return each(func(l *emulatedLink, s string) error {
			n, err := number(s)
			l.delay = sim.Duration(n) * sim.Microsecond
			return err
		})
	case "jitter_us":
		return each(func(l *emulatedLink, s string) error {
			n, err := number(s)
			l.jitter = sim.Duration(n) * sim.Microsecond
			return err
		})
	case "queue":
		return each(func(l *emulatedLink, s string) error { n, err := number(s); l.queue = n; return err })
	case "loss":
		return each(func(l *emulatedLink, s string) error { f, err := strconv.ParseFloat(s, 64); l.loss = f; return err })
	case "proto":
		r.tcp = value == "tcp"
	case "cc":
		r.cc = value
	case "direction":
		r.up = value == "up"
	case "sndbuf":
		r.sndbuf, err = number(value)
	case "rcvbuf":
		r.rcvbuf, err = number(value)
	case "rmem":
		r.sysctls = append(r.sysctls, [2]string{"net.ipv4.tcp_rmem", "4096 131072 " + value})
	case "wmem":
		r.sysctls = append(r.sysctls, [2]string{"net.ipv4.tcp_wmem", "4096 16384 " + value})
	case "seconds":
		r.seconds, err = number(value)
	case "write":
		r.write, err = number(value)
	case "read":
		r.read, err = number(value)
	case "n":
		r.n, err = number(value)
	case "name":
	default:
		err = errors.New("unknown word")
	}
	return err
}

// kernelResult is what a run gave.
type kernelResult struct {
	bytes    []int64 // of the application by tenths of a second
	links    [2]*way
	counters map[string]uint64
	emu      *emulator
}

// mbps is the goodput between two tenths.
func (k *kernelResult) mbps(from, to int) float64 {
	sum := int64(0)
	for i := from; i < min(to, len(k.bytes)); i++ {
		sum += k.bytes[i]
	}
	return float64(sum) * 8 / (float64(to-from) * 1e5)
}

// twoKernels carries a run out.
func twoKernels(r *kernelRun, seed uint64) (*kernelResult, error) {
	client, err := NewNamespace()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	server, err := NewNamespace()
	if err != nil {
		return nil, err
	}
	defer server.Close()
	e := &emulator{done: make(chan error, 1)}
	if err := e.build(r, client, server, seed); err != nil {
		return nil, err
	}
	if dir := os.Getenv("MPSIM_KERNEL_PCAP"); dir != "" {
		f, err := os.Create(fmt.Sprintf("%s/%s-%d.pcap", dir, strings.ReplaceAll(r.line, " ", "_"), seed))
		if err != nil {
			return nil, err
		}
		defer f.Close()
		w := bufio.NewWriterSize(f, 1<<20)
		defer w.Flush()
		e.tap = pcapWriter(w)
	}
	go e.run()
	k := &kernelResult{emu: e, bytes: make([]int64, r.seconds*10)}
	err = k.transfer(r, client, server)
	e.stop.Store(true)
	err = errors.Join(err, <-e.done)
	from := server
	k.links = [2]*way{e.down[0], e.down[1]}
	if r.up {
		from = client
		k.links = [2]*way{e.up[0], e.up[1]}
	}
	var cerr error
	k.counters, cerr = from.senderCounters()
	for _, t := range append(e.client, e.server) {
		t.close()
	}
	return k, errors.Join(err, cerr)
}

// pcapWriter returns a tap that writes the first 120 octets of each packet as a pcap
// file of raw IP packets.
func pcapWriter(w io.Writer) func(now sim.Time, p []byte) {
	le := binary.LittleEndian
	h := le.AppendUint32(nil, 0xa1b23c4d) // times in ns
	h = le.AppendUint16(h, 2)
	h = le.AppendUint16(h, 4)
	h = append(h, make([]byte, 8)...)
	h = le.AppendUint32(h, 120)
	h = le.AppendUint32(h, 101)
	w.Write(h)
	return func(now sim.Time, p []byte) {
		b := p[:min(len(p), 120)]
		h := le.AppendUint32(nil, uint32(now/sim.Time(sim.Second)))
		h = le.AppendUint32(h, uint32(now%sim.Time(sim.Second)))
		h = le.AppendUint32(h, uint32(len(b)))
		h = le.AppendUint32(h, uint32(len(p)))
		w.Write(h)
		w.Write(b)
	}
}

// senderCounters are those of TCP and MPTCP.
func (n *Namespace) senderCounters() (map[string]uint64, error) {
	all := map[string]uint64{}
	for _, group := range []string{"/proc/thread-self/net/netstat MPTcpExt:", "/proc/thread-self/net/netstat TcpExt:", "/proc/thread-self/net/snmp Tcp:"} {
		file, name, _ := strings.Cut(group, " ")
		if err := n.Do(func() error {
			b, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			b = []byte(strings.ReplaceAll(string(b), " -1", " 0"))
			c, err := parseCounters(b, name)
			for k, v := range c {
				all[k] = v
			}
			return err
		}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// build makes the devices, addresses and routes.
func (e *emulator) build(r *kernelRun, client, server *Namespace, seed uint64) error {
	for _, n := range []*Namespace{client, server} {
		for _, s := range r.sysctls {
			if err := n.SetSysctl(s[0], s[1]); err != nil {
				return err
			}
		}
		if err := n.SetPathLimits(4, 4); err != nil {
			return err
		}
	}
	if err := client.Do(func() error {
		for i := range r.links {
			t, err := openTUN(&Interface{Name: fmt.Sprintf("link%d", i), Kernel: []netip.Prefix{netip.PrefixFrom(kernelAddr(i, false), 24)}}, 1500)
			if err != nil {
				return err
			}
			e.client = append(e.client, t)
			if err := routeFrom(i, t.name); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if err := server.Do(func() (err error) {
		e.server, err = openTUN(&Interface{Name: "net", Kernel: []netip.Prefix{netip.PrefixFrom(serverAddr.Addr(), 24)}}, 1500)
		if err != nil {
			return err
		}
		return routeAll("net", 0)
	}); err != nil {
		return err
	}
	for i := range r.links {
		up := &way{link: &r.links[i], out: e.server, rnd: sim.NewRand(seed, 0, fmt.Sprintf("up%d", i)), lossy: r.up}
		down := &way{link: &r.links[i], out: e.client[i], rnd: sim.NewRand(seed, 0, fmt.Sprintf("down%d", i)), lossy: !r.up}
		e.up, e.down, e.ways = append(e.up, up), append(e.down, down), append(e.ways, up, down)
	}
	return client.AddPathEndpoint(PathEndpoint{Addr: kernelAddr(1, false), Flags: PathSubflow})
}

var serverAddr = netip.MustParseAddrPort("10.9.0.1:4321")

// routeFrom sends what has the address of a link over it.
func routeFrom(i int, device string) error {
	if i == 0 {
		if err := routeAll(device, 0); err != nil {
			return err
		}
	}
	if err := routeAll(device, 100+i); err != nil {
		return err
	}
	rule := netlink.NewRule()
	rule.Src = ipNet(netip.PrefixFrom(kernelAddr(i, false), 32))
	rule.Table = 100 + i
	rule.Priority = 1000 + i
	return netlink.RuleAdd(rule)
}

func routeAll(device string, table int) error {
	l, err := netlink.LinkByName(device)
	if err != nil {
		return err
	}
	_, all, _ := net.ParseCIDR("0.0.0.0/0")
	return netlink.RouteAdd(&netlink.Route{LinkIndex: l.Attrs().Index, Dst: all, Table: table, Scope: netlink.SCOPE_LINK})
}

// transfer connects, sends as fast as it can for the time of the run, and counts what
// is read.
func (k *kernelResult) transfer(r *kernelRun, client, server *Namespace) error {
	proto := unix.IPPROTO_MPTCP
	if r.tcp {
		proto = unix.IPPROTO_TCP
	}
	options := func(fd int) error {
		if err := unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, r.cc); err != nil {
			return err
		}
		if r.sndbuf > 0 { // the kernel doubles what it is given
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, r.sndbuf/2); err != nil {
				return err
			}
		}
		if r.rcvbuf > 0 {
			return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, r.rcvbuf/2)
		}
		return nil
	}
	l, err := newSocket(server, proto, serverAddr)
	if err != nil {
		return err
	}
	defer l.close()
	c, err := newSocket(client, proto, netip.AddrPortFrom(kernelAddr(0, false), 0))
	if err != nil {
		return err
	}
	defer c.close()
	if err := errors.Join(l.control(options), c.control(options), l.listen()); err != nil {
		return err
	}
	start := time.Now()
	if err := c.connect(serverAddr); err != nil {
		return err
	}
	if _, err := c.f.Write([]byte("please")); err != nil {
		return err
	}
	s, err := l.accept()
	if err != nil {
		return err
	}
	defer s.close()
	if _, err := s.f.Read(make([]byte, 64)); err != nil {
		return err
	}
	from, to := s, c
	if r.up {
		from, to = c, s
	}
	end := start.Add(time.Duration(r.seconds) * time.Second)
	from.f.SetDeadline(end)
	to.f.SetDeadline(end)
	var wg sync.WaitGroup
	wg.Go(func() {
		b := make([]byte, r.write)
		for {
			if _, err := from.f.Write(b); err != nil {
				return
			}
		}
	})
	b := make([]byte, r.read)
	for {
		n, err := to.f.Read(b)
		i := int(time.Since(start) / (100 * time.Millisecond))
		if n > 0 && i < len(k.bytes) {
			k.bytes[i] += int64(n)
		}
		if err != nil {
			break
		}
	}
	wg.Wait()
	return nil
}

// TestTwoKernels carries out the cases of the file MPSIM_KERNEL_CASES, some at a time
// (MPSIM_KERNEL_JOBS), and writes one line for each run to MPSIM_KERNEL_OUT.
// MPSIM_KERNEL_PCAP is a directory for captures. Without a file it is one short run
// over 10 and 5 Mb/s, which has to fill both links by four fifths.
func TestTwoKernels(t *testing.T) {
	namespace(t) // or skip
	name := os.Getenv("MPSIM_KERNEL_CASES")
	if name == "" {
		r, err := parseKernelRun("kbps=10000,5000 seconds=6")
		must(t, err)
		k, err := twoKernels(r, 1)
		must(t, err)
		for i, rate := range []float64{10e6, 5e6} {
			if got := float64(k.links[i].bytes.Load()) * 8 / 6; got < 0.8*rate || got > 1.1*rate { // what the link has accepted
				t.Errorf("link %d carried %.0f bit/s of %.0f", i, got, rate)
			}
		}
		return
	}
	f, err := os.Open(name)
	must(t, err)
	defer f.Close()
	out := os.Stdout
	if name := os.Getenv("MPSIM_KERNEL_OUT"); name != "" {
		out, err = os.Create(name)
		must(t, err)
		defer out.Close()
	}
	fmt.Fprintln(out, "case,run,goodput_mbps,steady_mbps,least_second_mbps,link0_bytes,link1_bytes,drops0,drops1,lost0,lost1,retrans_segs,timeouts,mptcp_retrans,stale,snd_wnd_shared,late_p50_us,late_p99_us,late_max_us")
	at, _ := strconv.Atoi(cmp.Or(os.Getenv("MPSIM_KERNEL_JOBS"), "3"))
	slots := make(chan bool, at)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for s := bufio.NewScanner(f); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		r, err := parseKernelRun(line)
		must(t, err)
		for i := range r.n {
			slots <- true
			wg.Go(func() {
				defer func() { <-slots }()
				k, err := twoKernels(r, uint64(i+1))
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Errorf("%s: %v", line, err)
					return
				}
				fmt.Fprintln(out, k.row(r, i))
			})
		}
	}
	wg.Wait()
}

func (k *kernelResult) row(r *kernelRun, i int) string {
	least := k.mbps(20, 30)
	for s := 3; s < r.seconds; s++ {
		least = min(least, k.mbps(s*10, s*10+10))
	}
	c := k.counters
	return fmt.Sprintf("%s,%d,%.3f,%.3f,%.3f,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d", strings.ReplaceAll(r.line, ",", "+"), i,
		k.mbps(0, r.seconds*10), k.mbps(20, r.seconds*10-10), least, k.links[0].bytes.Load(), k.links[1].bytes.Load(),
		k.links[0].drops.Load(), k.links[1].drops.Load(), k.links[0].lost.Load(), k.links[1].lost.Load(),
		c["RetransSegs"], c["TCPTimeouts"], c["MPTCPRetrans"], c["SubflowStale"], c["SndWndShared"],
		k.emu.lateness(0.5).Microseconds(), k.emu.lateness(0.99).Microseconds(), k.emu.lateness(1).Microseconds())
}
