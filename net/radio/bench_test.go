package radio

import (
	"bytes"
	"os"
	"testing"

	"mpsim/sim"
)

// BenchmarkGenerate makes 30 s of both directions of a link.
func BenchmarkGenerate(b *testing.B) {
	p, err := Find("wifi-walking")
	if err != nil {
		b.Fatal(err)
	}
	s := sim.New(1, 0)
	b.ReportAllocs()
	for b.Loop() {
		p.Generate(s, "wifi", 30*sim.Second)
	}
}

// BenchmarkReadMahimahi reads 40 s of a compressed drive.
func BenchmarkReadMahimahi(b *testing.B) {
	text, err := os.ReadFile(syntheticDir + "/mahimahi/ATT-LTE-driving-2016.down.gz")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(bytes.NewReader(text), "drive", Auto); err != nil {
			b.Fatal(err)
		}
	}
}
