package scenarios

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/sim"
)

// scripted is a scenario of two paths with losses, a backup, an outage and more.
const scripted = `
schema = 1
name = "scripted"
duration = "6s"
paths = ["wifi 10ms 40pkt 20Mbps", "lte 25ms 60pkt 10Mbps"]
[[at]]
time = "2s"
action = "link.down"
links = ["wifi"]
[[at]]
time = "3s"
action = "link.up"
links = ["wifi"]
[[flow]]
name = "dl"
client = "client"
server = "server"
`

// exampleScript is a script of docs/examples.
func exampleScript(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "docs", "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// inDirectory writes files into a directory and returns the path of the first.
func inDirectory(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, files[0])
}

// hashOf runs a scenario file and returns its hash.
func hashOf(t *testing.T, file string, set ...string) string {
	t.Helper()
	sc, err := Load(file, Options{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Build(sc, Run{Seed: sc.Seed})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.RunToEnd(); err != nil {
		t.Fatal(err)
	}
	return w.Hash().String()
}

// A plug-in that is a script gives the run of its Go original, on lossy paths with
// an outage, with backups, and with the settings that the original has.
func TestScriptsGiveTheRunOfTheirOriginals(t *testing.T) {
	for _, c := range []struct{ key, script, original, params string }{
		{"scheduler", "minrtt.star", "minrtt", ""},
		{"cc", "lia.star", "lia", ""}, // it is coupled, so that the preset chooses its slow start
		{"cc", "lia.star", "lia", ", hystartpp = 0"},
		{"cc", "lia.star", "lia", ", hystartpp = 1"},
		{"path_manager", "fullmesh.star", "fullmesh", ""},
	} {
		text := exampleScript(t, c.script)
		for _, more := range []string{"", "link.wifi.loss=0.005", "flow.dl.size=300KiB"} {
			ref := func(name string) string { return "flow.dl." + c.key + "={ name = \"" + name + "\"" + c.params + " }" }
			set := []string{ref(c.original)}
			own := []string{""}
			if more != "" {
				set, own = append(set, more), append(own, more)
			}
			file := inDirectory(t, "s.toml", scripted, c.script, text)
			own[0] = ref("file:" + filepath.Join(filepath.Dir(file), c.script))
			if a, b := hashOf(t, file, set...), hashOf(t, file, own...); a != b {
				t.Errorf("%s with %q: %s, the original gives %s", c.script, more, b, a)
			}
		}
	}
}

// A full mesh in Starlark gives the run of the Go one where subflows fail, addresses
// come and go, the server has two addresses and announces them, and pairs have
// several subflows. Without a second subflow the test would show nothing.
func TestFullMeshScript(t *testing.T) {
	const nets = `
schema = 1
name = "mesh"
duration = "8s"
[[link]]
name = "one"
a = "client.wifi"
b = "server.eth0"
rate = "10Mbps"
delay = "10ms"
[[link]]
name = "two"
a = "client.lte"
b = "server.eth1"
rate = "5Mbps"
delay = "20ms"
[[node]]
name = "client"
[[node]]
name = "server"
[[flow]]
name = "dl"
client = "client"
server = "server"
reset_delivered = true
[[at]]
time = "1s"
action = "iface.down"
interface = "client.lte"
[[at]]
time = "1500ms"
action = "iface.up"
interface = "client.lte"
[[at]]
time = "2s"
action = "link.blackhole"
links = ["two"]
direction = "up"
[[at]]
time = "6s"
action = "link.restore"
links = ["two"]
`
	file := inDirectory(t, "s.toml", nets, "fullmesh.star", exampleScript(t, "fullmesh.star"))
	seen := make(map[string]bool)
	for _, more := range []string{"", ", num_subflows = 2", ", create_on_err = 1, retry_delay = 0.3", ", backup = 1"} {
		run := func(name string) (string, int) {
			set := []string{"flow.dl.path_manager={ name = \"" + name + "\"" + more + " }"}
			sc, err := Load(file, Options{Set: set})
			if err != nil {
				t.Fatal(err)
			}
			w, err := Build(sc, Run{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.RunToEnd(); err != nil {
				t.Fatal(err)
			}
			return w.Hash().String(), len(w.Flows()[0].Subflows)
		}
		a, n := run("fullmesh")
		b, m := run("file:" + filepath.Join(filepath.Dir(file), "fullmesh.star"))
		if a != b || n != m || n < 3 {
			t.Errorf("{%s}: %d subflows and %s, Go has %d and %s", more, m, b, n, a)
		}
		if seen[a] {
			t.Errorf("{%s}: the parameter changes nothing", more)
		}
		seen[a] = true
	}
}

// What is wrong with scripts is reported with its place: in the scenario if they
// cannot be read, else in the script, all at once.
func TestScriptProblems(t *testing.T) {
	const parameters = "n = param(\"n\", 3, min = 1, max = 5, whole = True)\n"
	const pick = "def pick(queue, paths):\n    pass\n"
	for _, c := range []struct{ what, script, scheduler, want string }{
		{"no file", pick, `"file:other.star"`, "s.toml:7:13: cannot read the script "},
		{"no script", pick, `"file:my.py"`, `s.toml:7:13: "file:my.py": a script is named as "file:NAME.star"`},
		{"syntax", "def pick(queue paths):\n", `"file:my.star"`, "my.star:1:21: got identifier, want"},
		{"names", "def pick(queue, paths):\n    x = lowest(paths)\n    return why\n", `"file:my.star"`,
			"my.star:2:9: undefined: lowest\n" + "my.star:3:12: undefined: why"},
		{"load", "load(\"other.star\", \"x\")\n" + pick, `"file:my.star"`, "my.star:1:6: a script is one file: load is not available"},
		{"start", "x = 1 // 0\n" + pick, `"file:my.star"`, "my.star:1:7: floored division by zero"},
		{"endless", "while True:\n    pass\n" + pick, `"file:my.star"`, "my.star:1:1: more than 10000000 steps in one call"},
		{"no hook", "x = 1\n", `"file:my.star"`, "my.star:1:1: the script is no plug-in: it defines none of the functions pick"},
		{"parameters of a hook", "\ndef pick(paths):\n    pass\n", `"file:my.star"`, "my.star:2:1: pick is called with (queue, paths): define it with 2 parameters"},
		{"range", parameters + pick, `{ name = "file:my.star", n = 9 }`, "s.toml:7:38: n is 9; it must lie between 1 and 5"},
		{"whole", parameters + pick, `{ name = "file:my.star", n = 2.5 }`, "s.toml:7:38: n is 2.5; it must be a whole number"},
		{"unknown", parameters + pick, `{ name = "file:my.star", m = 2 }`, `s.toml:7:38: scheduler "file:my.star" has no parameter "m"`},
		{"bad default", "param(\"n\", 9, max = 5)\n" + pick, `"file:my.star"`, `my.star:1:6: param: the default of "n", 9, must lie between`},
	} {
		text := "schema = 1\nname = \"s\"\nduration = \"1s\"\npaths = [\"wifi 10ms 40pkt 20Mbps\"]\n[defaults]\n\nscheduler = " + c.scheduler +
			"\n[[flow]]\nname = \"dl\"\nclient = \"client\"\nserver = \"server\"\n"
		file := inDirectory(t, "s.toml", text, "my.star", c.script, "my.py", "")
		_, err := Load(file, Options{})
		var problems Problems
		if !errors.As(err, &problems) {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		got := strings.ReplaceAll(problems.Error(), filepath.Dir(file)+"/", "")
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.what, got, c.want)
		}
	}
}

// A script that fails while the simulation runs says where, when, for which flow
// and by which calls.
func TestScriptFails(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{"def f(x):\n    return 1 // x\n\ndef pick(queue, paths):\n    f(len(paths) - 1)\n", "my.star:2:14: floored division by zero\n  at 0.030083200 s, flow"},
		{"def pick(queue, paths):\n    grant(paths[0], paths[0])\n", "my.star:2:10: grant: the second argument is a range, not a path"},
		{"def pick(queue, paths):\n    wait(\"no_rom\")\n", `my.star:2:9: wait: unknown reason "no_rom", did you mean "no_room"?`},
		{"def pick(queue, paths):\n    paths[0].rtt\n", "my.star:2:13: path has no .rtt field or method"},
		{"s = state(p = None)\n\ndef pick(queue, paths):\n    s.p = paths[0]\n    grant(s.p, queue.fresh)\n\ndef on_data_ack(una):\n    s.p and s.p.mss\n",
			"my.star:8:16: only pick can do that, for the queue and paths that it was called with"},
		{"def pick(queue, paths):\n    while True:\n        pass\n", "my.star:1:1: more than 1000000 steps in one call"},
	} {
		file := inDirectory(t, "s.toml", strings.Replace(scripted, "[[flow]]", "[defaults]\nscheduler = \"file:my.star\"\n[[flow]]", 1), "my.star", c.script)
		sc, err := Load(file, Options{})
		if err != nil {
			t.Fatal(err)
		}
		w, err := Build(sc, Run{Seed: sc.Seed})
		if err != nil {
			t.Fatal(err)
		}
		err = w.RunToEnd()
		var bad *ScriptError
		if !errors.As(err, &bad) {
			t.Errorf("%s: %v", c.want, err)
			continue
		}
		got := strings.ReplaceAll(bad.Error(), filepath.Dir(file)+"/", "")
		if !strings.HasPrefix(got, c.want) || !strings.Contains(got, `, flow "dl", node "`) || bad.Time < sim.Time(10*sim.Millisecond) {
			t.Errorf("%s\nwant\n%s", got, c.want)
		}
		if c.script[:5] == "def f" && !strings.HasSuffix(got, "\n  my.star:5:6: in pick\n  my.star:2:14: in f") {
			t.Errorf("the backtrace is\n%s", got)
		}
	}
}

// A script can send ahead on the slow path, repeat the head of a full window on the fast
// one and have a window halved. WiFi of 8 Mb/s and a cell of 1 Mb/s and 150 ms, a receive
// buffer of 120 kB: lowest round-trip time first is held up (NSDI'12 section 4.2), below
// half of WiFi alone; what arrives in order is not.
func TestScriptSendsAhead(t *testing.T) {
	const text = `
schema = 1
name = "ahead"
duration = "20s"
paths = ["wifi 10ms 50pkt 8Mbps", "cell 75ms 100pkt 1Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
via = "wifi"
receive_buffer = "120kB"
`
	const wifi = 8e6 * 1424 / 1500
	script := filepath.Join(filepath.Dir(inDirectory(t, "ahead.star", exampleScript(t, "ahead.star"))), "ahead.star")
	for _, c := range []struct {
		name, scheduler string
		least, most     float64
		copies, punish  bool
	}{
		{"minrtt", `"minrtt"`, 0, 0.5 * wifi, false, false},
		{"ahead", `"file:` + script + `"`, 0.9 * wifi, wifi * 9 / 8, true, false},
		{"ahead, punishing", `{ name = "file:` + script + `", punish = 1 }`, 0.9 * wifi, wifi * 9 / 8, true, true},
	} {
		sc, err := Parse("ahead.toml", text, Options{Set: []string{"flow.dl.scheduler=" + c.scheduler}})
		if err != nil {
			t.Fatal(err)
		}
		w, err := Build(sc, Run{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.RunToEnd(); err != nil {
			t.Fatal(err)
		}
		f := w.byFlow["dl"]
		rate := float64(f.record.Bytes) * 8 / 20
		i := f.ends.Server.Host.Endpoint().Info(f.ends.Server.Conn)
		if rate < c.least || rate > c.most || f.record.Corrupt > 0 || i.Reinjected > 0 != c.copies || i.Penalties > 0 != c.punish {
			t.Errorf("%s: %.2f Mb/s, want %.2f to %.2f; %d bytes corrupt, %d sent again, %d penalties", c.name, rate/1e6, c.least/1e6, c.most/1e6,
				f.record.Corrupt, i.Reinjected, i.Penalties)
		}
	}
}
