package scenarios

import (
	"strings"
	"testing"
)

// What is wrong with a load balancer is said with its place.
func TestBalancerProblems(t *testing.T) {
	base := func() string {
		text, err := Library().Open("datacenter/balancer.toml")
		if err != nil {
			t.Fatal(err)
		}
		defer text.Close()
		b := make([]byte, 1<<16)
		n, _ := text.Read(b)
		return string(b[:n])
	}()
	if _, err := Parse("in.toml", base, Options{}); err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct{ from, to, want string }{
		{"vip = [\"10.9.9.9\"]\n", "", "needs one virtual address"},
		{"vip = [\"10.9.9.9\"]", "vip = [\"10.9.9.8\"]", "10.9.9.8 of load balancer \"lb\" is no address of node \"edge\""},
		{"servers = [\"10.1.0.2\", \"10.1.1.2\", \"10.1.2.2\", \"10.1.3.2\"]\n", "", "needs servers"},
		{"\"10.1.3.2\"]", "\"10.1.9.2\"]", "server 10.1.9.2/32 of load balancer"},
		{"at = \"b\"", "at = \"a\"", "stands at the host \"client\""},
		{"at = \"b\"", "at = \"b\"\npackets = \"syn\"", "packets has no meaning"},
		{"servers = [\"s1\", \"s2\", \"s3\"]", "servers = [\"s1\", \"s9\"]", "there is no node \"s9\""},
		{"servers = [\"s1\", \"s2\", \"s3\"]", "servers = [\"s1\", \"s0\"]", "node \"s0\" cannot be another server"},
		{"servers = [\"s1\", \"s2\", \"s3\"]\n", "", "10.9.9.9 is no address of node \"s0\""},
		{"to = \"10.9.9.9\"\n", "", "give the virtual address"},
	} {
		if !strings.Contains(base, v.from) {
			t.Fatalf("the scenario has no %q", v.from)
		}
		if _, err := Parse("in.toml", strings.Replace(base, v.from, v.to, 1), Options{}); err == nil || !strings.Contains(err.Error(), v.want) {
			t.Errorf("%q: %v, want %q", v.to, err, v.want)
		}
	}
}
