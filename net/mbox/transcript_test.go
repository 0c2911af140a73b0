package mbox_test

import (
	"testing"

	"mpsim/internal/boxtest"
	"mpsim/net/mbox"
)

// Every box, packet in, packets out: testdata/*.txt (see boxtest.Transcripts). What
// must come out follows from what the comments name.
func TestTranscripts(t *testing.T) {
	boxtest.Transcripts(t, "testdata/*.txt", mbox.Specs(), nil)
}
