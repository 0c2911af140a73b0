package lab_test

import (
	"strings"
	"testing"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/scenarios/lab"
	"mpsim/sim"
)

var wifi = lab.Path{Name: "wifi", Rate: 10 * sim.MegabitPerSecond, Delay: 10 * sim.Millisecond, QueuePackets: 50}
var lte = lab.Path{Name: "lte", Rate: 10 * sim.MegabitPerSecond, Delay: 30 * sim.Millisecond, QueuePackets: 100}

// TestTwoPathsAddUp: both paths together carry what the options leave of their
// rates (1420 of 1500 octets; see scenarios/kernel), here within 5 % after the
// start.
func TestTwoPathsAddUp(t *testing.T) {
	l := lab.New(lab.Config{Seed: 1}, wifi, lte)
	client, server := l.Connect()
	server.Send(1 << 30)
	l.Run(5 * sim.Second)
	before := client.Received()
	l.Run(10 * sim.Second)
	rate := float64(client.Received()-before) * 8 / 10
	if want := 2 * 10e6 * 1420 / 1500; rate < 0.95*want || rate > 1.001*want {
		t.Errorf("%.2f Mb/s, expected %.2f", rate/1e6, want/1e6)
	}
	if client.Corrupt() != 0 || len(client.Subflows()) != 2 {
		t.Errorf("%d bytes corrupt, %d subflows", client.Corrupt(), len(client.Subflows()))
	}
}

// TestBlackholeAndRestore: an upload survives the silent loss of its first path,
// and both ends close in order.
func TestBlackholeAndRestore(t *testing.T) {
	l := lab.New(lab.Config{Seed: 2}, wifi, lte)
	client, server := l.Connect()
	const size = 8 << 20
	client.Send(size)
	client.Shutdown()
	l.Run(sim.Second)
	l.Path("wifi").Blackhole()
	l.Run(5 * sim.Second)
	l.Path("wifi").Restore()
	if !l.RunUntil(server.EOF) || server.Received() != size || server.Corrupt() != 0 {
		t.Fatalf("%d of %d bytes, %d corrupt", server.Received(), size, server.Corrupt())
	}
	server.Close()
	client.Close()
	if !l.RunUntil(func() bool { return client.Closed() && server.Closed() }) {
		t.Errorf("not closed: %+v", client.Info())
	}
}

// TestSameProgramSameHash: the same steps give the same hash, another seed
// another one, and verification changes nothing.
func TestSameProgramSameHash(t *testing.T) {
	run := func(cfg lab.Config) string {
		l := lab.New(cfg, lab.Path{Rate: sim.MegabitPerSecond, Loss: 0.02}, lte)
		client, server := l.Connect()
		server.Send(200_000)
		if !l.RunUntil(func() bool { return client.Received() == 200_000 }) {
			t.Fatal("stuck")
		}
		return l.Hash().String()
	}
	first := run(lab.Config{Seed: 3})
	if run(lab.Config{Seed: 3}) != first || run(lab.Config{Seed: 3, Verify: true}) != first {
		t.Error("the hash differs")
	}
	if run(lab.Config{Seed: 4}) == first {
		t.Error("the seed does not matter")
	}
}

// TestChoices: the plug-ins and options asked for are those of the connection.
func TestChoices(t *testing.T) {
	made := 0
	l := lab.New(lab.Config{
		Profile: mptcp.RFC(), Scheduler: "minrtt", PathManager: "default",
		NewCC:  func(rnd *sim.Rand) cc.Controller { made++; c, _ := cc.New("reno", nil, rnd); return c },
		Socket: func(o *mptcp.SocketOptions) { o.SendBuffer = 50_000 },
	}, wifi, lte)
	client, _ := l.Connect()
	l.Run(sim.Second)
	if made != 2 || len(client.Subflows()) != 1 {
		t.Errorf("%d controllers, %d subflows", made, len(client.Subflows()))
	}
	if n := client.Endpoint().Write(l.Now(), client.ID(), 1<<20); n != 50_000 {
		t.Errorf("a send buffer of 50000 bytes took %d", n)
	}
}

// TestUnknownName: a misspelt plug-in ends the program with the known names.
func TestUnknownName(t *testing.T) {
	defer func() {
		if s, _ := recover().(string); !strings.Contains(s, "minrtt") {
			t.Errorf("panic with %q", s)
		}
	}()
	lab.New(lab.Config{Scheduler: "minrt"}, wifi)
}
