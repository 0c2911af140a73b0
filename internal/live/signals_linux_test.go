package live

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"mpsim/mptcp"
	"mpsim/sim"
)

// some is what both sides send before a case does what it is about.
const some = 50_000

// settled waits until both sides have what the other one sent first.
func settled(r *conversation, s *kernelSocket) error {
	if err := s.writeContent(0, some); err != nil {
		return err
	}
	if _, err := s.readContent(0, some); err != nil {
		return err
	}
	r.await("the endpoint has read", func() bool { return r.app.look().received == some })
	return nil
}

// closedFor checks why the endpoint's connection ended, and that no byte was
// wrong until then.
func closedFor(why string) func(r *conversation) {
	return func(r *conversation) {
		if st := r.app.look(); st.why.String() != why || st.wrong > 0 || st.received != some {
			r.t.Errorf("closed for %v, want %s; %d bytes, %d wrong", st.why, why, st.received, st.wrong)
		}
	}
}

// kernelAborts closes the kernel's socket with SO_LINGER 0.
func kernelAborts(r *conversation, s *kernelSocket) error {
	if err := settled(r, s); err != nil {
		return err
	}
	if err := s.linger(); err != nil {
		return err
	}
	s.close()
	return nil
}

// endpointAborts has the endpoint abort and expects the error of a reset.
func endpointAborts(r *conversation, s *kernelSocket) error {
	if err := settled(r, s); err != nil {
		return err
	}
	r.b.Command("abort")
	if _, err := s.readContent(some, -1); !errors.Is(err, unix.ECONNRESET) {
		return fmt.Errorf("read after the abort: %v, want a reset", err)
	}
	return nil
}

var abort = map[string]func(now sim.Time, e *mptcp.Endpoint, a *transfer){
	"abort": func(now sim.Time, e *mptcp.Endpoint, a *transfer) { e.Abort(now, a.st.conn) },
}

func TestFastClose(t *testing.T) {
	two := func(c liveCase, kernel, own counts) liveCase {
		c.counters, c.own = kernel, own
		c.interfaces, c.mesh, c.kernel = 2, true, twoSubflows
		talk := c.talk
		c.talk = func(r *conversation, s *kernelSocket) error {
			secondSubflow(r)
			return talk(r, s)
		}
		return c
	}
	byKernel := liveCase{hold: true, up: some, talk: kernelAborts, check: closedFor("reset_received"),
		counters: counts{"MPFastcloseTx": 1, "MPRstTx": 1}, own: counts{"MPFastcloseRx": 1, "MPRstRx": 1}}
	byUs := liveCase{hold: true, up: some, talk: endpointAborts, commands: abort, check: closedFor("reset_sent"),
		counters: counts{"MPFastcloseRx": 1, "MPRstRx": 1}, own: counts{"MPFastcloseTx": 1, "MPRstTx": 1}}
	server := func(c liveCase) liveCase { c.server = true; return c }
	runAll(t, []namedCase{
		{"by the kernel", byKernel},
		{"by the kernel, endpoint is server", server(byKernel)},
		{"by the endpoint", byUs},
		{"by the endpoint, endpoint is server", server(byUs)},
		{"by the kernel, two subflows", two(byKernel,
			counts{"MPFastcloseTx": atLeast(1), "MPRstTx": atLeast(1), "MPRstRx": atLeast(0)},
			counts{"MPFastcloseRx": atLeast(1), "MPRstRx": atLeast(1), "MPRstTx": 1})},
		{"by the endpoint, two subflows", two(byUs,
			counts{"MPFastcloseRx": atLeast(1), "MPRstRx": atLeast(1), "MPRstTx": atLeast(0)},
			counts{"MPFastcloseTx": 2, "MPRstTx": 2, "MPRstRx": atLeast(0)})},
	})
}

// backup returns the backup flag of the second subflow as the endpoint sees it.
func backup(r *conversation) (yes bool) {
	for _, f := range r.app.look().flows {
		if f.ID == 1 {
			yes = f.Backup
		}
	}
	return yes
}

func TestPriority(t *testing.T) {
	joined := func(flags PathFlags) func(n *Namespace) error {
		return func(n *Namespace) error {
			return errors.Join(n.SetPathLimits(2, 2), n.AddPathEndpoint(PathEndpoint{ID: 1, Addr: kernelAddr(1, false), Flags: flags}))
		}
	}
	isBackup := func(want bool) func(r *conversation) {
		return func(r *conversation) {
			graceful(r)
			if backup(r) != want {
				r.t.Errorf("backup is %v, want %v", !want, want)
			}
		}
	}
	mark := map[string]func(now sim.Time, e *mptcp.Endpoint, a *transfer){
		"backup": func(now sim.Time, e *mptcp.Endpoint, _ *transfer) {
			e.HandleAddr(now, endpointAddr(1, false), true, mptcp.AddrBackup)
		},
	}
	runAll(t, []namedCase{
		{"join as backup, by the kernel", liveCase{interfaces: 2, server: true, up: some, down: some, kernel: joined(PathSubflow | PathBackup), during: secondSubflow,
			counters: both(dialled, counts{"MPJoinSynTx": 1, "MPJoinSynAckRx": 1, "MPJoinSynAckBackupRx": 0}),
			own:      counts{"MPJoinSynBackupRx": 1, "MPJoinAckRx": 1}, check: isBackup(true)}},
		{"join as backup, by the endpoint", liveCase{interfaces: 2, mesh: true, up: some, down: some, kernel: twoSubflows, during: secondSubflow,
			prepare: func(now sim.Time, e *mptcp.Endpoint) {
				e.HandleAddr(now, endpointAddr(1, false), true, mptcp.AddrBackup)
			},
			counters: both(accepted, counts{"MPJoinSynRx": 1, "MPJoinSynBackupRx": 1, "MPJoinAckRx": 1}),
			own:      counts{"MPJoinSynAckRx": 1}, check: isBackup(true)}},
		{"MP_PRIO of the kernel", liveCase{interfaces: 2, server: true, up: some, down: some, kernel: joined(PathSubflow),
			during: func(r *conversation) {
				secondSubflow(r)
				must(r.t, r.n.ChangePathEndpoint(PathEndpoint{ID: 1, Flags: PathBackup}))
				counted("MPPrioTx", 1)(r)
			},
			counters: both(dialled, counts{"MPPrioTx": 1}), own: counts{"MPPrioRx": 1}, check: isBackup(true)}},
		{"MP_PRIO of the endpoint", liveCase{interfaces: 2, mesh: true, up: some, down: some, kernel: twoSubflows, commands: mark,
			during: func(r *conversation) {
				secondSubflow(r)
				r.b.Command("backup")
				counted("MPPrioRx", 1)(r)
			},
			counters: both(accepted, counts{"MPPrioRx": 1}), own: counts{"MPPrioTx": 1}, check: isBackup(true)}},
	})
}
