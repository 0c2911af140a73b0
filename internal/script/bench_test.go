package script_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"mpsim/scenarios"
)

// BenchmarkRun is the CPU of a two-path bulk run of 10 s with the scheduler, the
// controller and the path manager in Go, and with one or all of them in Starlark.
// cpu-ms/op is what getrusage counts: it does not depend on what else runs on the
// machine as much as the time does.
func BenchmarkRun(b *testing.B) {
	examples, err := filepath.Abs(filepath.Join("..", "..", "docs", "examples"))
	if err != nil {
		b.Fatal(err)
	}
	scheduler := "defaults.scheduler=file:" + filepath.Join(examples, "minrtt.star")
	controller := "defaults.cc={ name = \"file:" + filepath.Join(examples, "lia.star") + "\", hystartpp = 1 }"
	paths := "defaults.path_manager=file:" + filepath.Join(examples, "fullmesh.star")
	for _, c := range []struct {
		name string
		set  []string
	}{
		{"go", nil},
		{"scheduler", []string{scheduler}},
		{"controller", []string{controller}},
		{"path-manager", []string{paths}},
		{"all", []string{scheduler, controller, paths}},
	} {
		b.Run(c.name, func(b *testing.B) {
			used := int64(0)
			for b.Loop() {
				sc, err := scenarios.LoadLibrary("bench/two-path.toml", scenarios.Options{Set: append(c.set, "duration=10s")})
				if err != nil {
					b.Fatal(err)
				}
				w, err := scenarios.Build(sc, scenarios.Run{Seed: 1, NoExpect: true})
				if err != nil {
					b.Fatal(err)
				}
				before := cpu(b)
				if err := w.RunToEnd(); err != nil {
					b.Fatal(err)
				}
				used += cpu(b) - before
			}
			b.ReportMetric(float64(used)/1e3/float64(b.N), "cpu-ms/op")
		})
	}
}

// cpu returns the microseconds of CPU that the process has used.
func cpu(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano()/1e3 + u.Stime.Nano()/1e3
}
