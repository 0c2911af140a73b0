package nat_test

import (
	"net/netip"
	"testing"

	"mpsim/internal/boxtest"
	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/nat"
	"mpsim/sim"
)

// TestTranscripts plays the files of testdata (see boxtest.Transcripts). Beside the
// commands of all boxes there are
//
//	> rebind         the box is restarted
//	> renumber q     its outside address becomes q
//
// What must come of it follows from the documents that the comments name.
func TestTranscripts(t *testing.T) {
	boxtest.Transcripts(t, "testdata/*.txt", nat.Specs(), func(r *boxtest.Rig, box mbox.Box, words []string) bool {
		switch words[0] {
		case "rebind":
			box.(interface{ Rebind(sim.Time) }).Rebind(r.Sim.Now())
		case "renumber":
			box.(*nat.NAT).Renumber(r.Sim.Now(), []netip.Addr{boxtest.Addresses[words[1]]})
		default:
			return false
		}
		return true
	})
}

// rig is the bench for translators.
type rig struct{ *boxtest.Rig }

func newRig(t testing.TB) *rig { return &rig{boxtest.New(t, nat.Specs())} }

// Put puts a box at the outside of the router, which must pass its check.
func (r *rig) Put(kind string, settings ...string) mbox.Box {
	r.T.Helper()
	b := r.Rig.Put(kind, settings...)
	if x, ok := b.(*nat.NAT); ok {
		if err := x.Config().Check(); err != nil {
			r.T.Fatal(err)
		}
	}
	return b
}

// sink frees what arrives.
type sink struct{ r *rig }

func (k *sink) Receive(_ sim.Time, id simnet.PacketID) { k.r.Net.Free(id) }
