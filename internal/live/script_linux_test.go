package live

import (
	"os"
	"strings"
	"testing"
	"time"

	"mpsim/internal/packetdrill"
	"mpsim/sim"
)

// slack is what packets may be earlier or later than in the script, beside what the
// script allows: the threads of the kernel may have to wait for a processor. Times
// are compared strictly where they are simulated, in internal/packetdrill.
const slack = "--tolerance_usecs=5000000"

// disturbed is how late the peer of a script may be before the kernel does something
// that it would not have done: half of the smallest retransmission timeout.
const disturbed = 100 * sim.Millisecond

// runScript runs a script on the kernel, after changing its text. A run in which the
// peer was late by more than disturbed was no run of the script: that it fails says
// nothing, and it is made again.
func runScript(t *testing.T, name, family string, change func(string) string) error {
	t.Helper()
	text, err := os.ReadFile("../packetdrill/testdata/" + name + ".pkt")
	must(t, err)
	for end := time.Now().Add(patience); ; {
		sc, err := packetdrill.Parse(name, change(string(text)), []string{"--ip_version=" + family, slack})
		must(t, err)
		s, err := NewKernel(sc.Config)
		must(t, err)
		err = packetdrill.Run(sc, s, packetdrill.Options{Strict: true})
		late := s.(*Kernel).Late()
		if err == nil || late < disturbed || time.Now().After(end) {
			return err
		}
		t.Logf("the peer was late by %v: %v", late, err)
	}
}

// Scripts that the endpoint passes in simulated time pass on the kernel in real
// time, strictly compared: some of every kind. `mpsim packetdrill --live` runs
// the others.
func TestScriptsOnKernel(t *testing.T) {
	namespace(t) // or skip
	for _, c := range []struct{ name, family string }{
		{"tcp/handshake_ts_data", "ipv4"},
		{"tcp/fin_active_close", "ipv6"},
		{"mptcp/hs_client_ts", "ipv4"},
		{"mptcp/hs_server_nots", "ipv6"},
		{"mptcp/first_data_client", "ipv4"},
		{"mptcp/checksum_good", "ipv6"},
		{"mptcp/join_server", "ipv4"},
		{"mptcp/join_bad_token", "ipv6"},
		{"mptcp/add_addr_echo", "ipv4"},
		{"mptcp/fastclose_rx_rst", "ipv6"},
		{"mptcp/fb_client_no_mpc", "ipv4"},
	} {
		t.Run(c.name+" "+c.family, func(t *testing.T) {
			if err := runScript(t, c.name, c.family, strings.Clone); err != nil {
				t.Error(err)
			}
		})
	}
}

// A script with a wrong expectation fails: the kernel's packets are compared.
func TestWrongScriptFailsOnKernel(t *testing.T) {
	namespace(t) // or skip
	for _, c := range []struct{ name, from, to string }{
		{"mptcp/hs_client_ts", "mpcapable v1 flags[flag_h] nokey>", "mpcapable v1 flags[flag_a, flag_h] nokey>"},
		{"mptcp/join_bad_token", "mp_reset 1", "mp_reset 2"},
	} {
		err := runScript(t, c.name, "ipv4", func(s string) string {
			if !strings.Contains(s, c.from) {
				t.Fatalf("%s has no %q", c.name, c.from)
			}
			return strings.Replace(s, c.from, c.to, 1)
		})
		if err == nil || !strings.Contains(err.Error(), c.to) {
			t.Errorf("%s with %q instead of %q: %v", c.name, c.to, c.from, err)
		}
	}
}
