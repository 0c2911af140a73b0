package scenarios

import (
	"fmt"
	"strings"
	"testing"

	"mpsim/sim"
)

// dropping is a download and an upload over two paths with a box on each link that
// drops what the filter means; it returns the world and how often the boxes have acted.
func dropping(t *testing.T, filter string) (w *World, acted map[string]uint64) {
	t.Helper()
	var boxes string
	for _, link := range []string{"wifi", "lte"} {
		boxes += fmt.Sprintf("[[link]]\nname = %q\n[[link.box]]\ntype = \"drop\"\nname = \"at-%s\"\n%s\n", link, link, filter)
	}
	w = runText(t, fmt.Sprintf(boxedPaths, boxes, "", ""), Run{Verify: true})
	acted = make(map[string]uint64)
	for _, b := range w.boxes {
		acted[b.name] = b.box.Acted()
	}
	for _, name := range []string{"dl", "up"} {
		if f := w.byFlow[name]; f.record.Bytes != 400_000 || f.record.Done == sim.Never || f.record.Corrupt != 0 {
			t.Errorf("%s: %d bytes, %d corrupt with\n%s", name, f.record.Bytes, f.record.Corrupt, filter)
		}
	}
	return w, acted
}

// Loss by meaning in running connections: what is dropped is what the filter says, as
// often as it says, and the transfer recovers as RFC 8684 asks: a DATA_FIN is sent again
// (section 3.3.3), ADD_ADDR too until it is echoed (section 3.4.1), and a join whose
// SYN/ACK or third packet got lost is completed by retransmission (section 3.2).
func TestDropByMeaning(t *testing.T) {
	for _, c := range []struct {
		filter    string
		wifi, lte uint64 // how often the boxes act; 99: at least once
	}{
		// Each direction of each of two connections is seen by the box: data of dl and up.
		{`packets = "ack"` + "\nsubflow = 1\nfirst = 2\ncount = 1", 0, 1},
		{`meaning = ["datafin"]` + "\ncount = 1", 1, 0},
		{`meaning = ["datafin"]` + "\nfirst = 1\ncount = 1", 1, 0},
		{`packets = "synack"` + "\ncarrying = [\"mp_join\"]\nfirst = 1\ncount = 1", 0, 1},
		{`meaning = ["third"]` + "\ncarrying = [\"mp_join\"]\ncount = 1", 0, 1},
		{`meaning = ["mapping"]` + "\nsubflow = 0\nfirst = 3\ncount = 2", 2, 0},
		{`meaning = ["mapping"]` + "\nsubflow = 1\nevery = 7\ncount = 3", 0, 3},
	} {
		_, acted := dropping(t, c.filter)
		got := []uint64{acted["at-wifi"], acted["at-lte"]}
		if strings.Contains(c.filter, "datafin") { // which path carries it is the scheduler's choice
			got = []uint64{got[0] + got[1], 0}
			c.wifi = min(c.wifi*2, got[0])
		}
		if got[0] != c.wifi || got[1] != c.lte || got[0]+got[1] == 0 {
			t.Errorf("acted %v times, want %d and %d, with\n%s", got, c.wifi, c.lte, c.filter)
		}
	}
}

// Every echo of ADD_ADDR is lost: the announcement is repeated, as often as the profile
// says (net.mptcp.add_addr_timeout, three retransmissions in Linux's pm.c, ADD_ADDR_RETRANS_MAX),
// and the address is used all the same.
func TestDropEveryEcho(t *testing.T) {
	const box = "[[link.box]]\ntype = \"drop\"\nmeaning = [\"echo\"]\n"
	count := func(box string) (echoes uint64, announced int) {
		text := strings.Replace(dualServer, "duration = \"5s\"", "duration = \"15s\"", 1)
		text = strings.Replace(text, "[[link]]\nname = \"c2\"", box+"[[link]]\nname = \"c2\"", 1)
		text = strings.Replace(text, "via = \"one\"", "via = \"one\"\nsize = \"8MB\"", 1)
		w := runText(t, text, Run{})
		for _, b := range w.boxes {
			echoes += b.box.Acted()
		}
		return echoes, counterOf(t, w, "s", "AddAddrTx")
	}
	_, plain := count("")
	echoes, lost := count(box)
	if plain != 1 || lost != 4 || echoes != 4 {
		t.Errorf("announced %d times with echoes, %d times without (%d echoes lost), want 1, and 4 without", plain, lost, echoes)
	}
}
