package wire

// Seq is a TCP sequence number (RFC 9293 section 3.4); it wraps at 2^32.
type Seq uint32

// Diff returns the signed distance from t to s, for distances below 2^31.
func (s Seq) Diff(t Seq) int32 { return int32(s - t) }

// Before reports whether s precedes t.
func (s Seq) Before(t Seq) bool { return int32(s-t) < 0 }

// After reports whether s follows t.
func (s Seq) After(t Seq) bool { return int32(s-t) > 0 }

// Add returns s advanced by n bytes; n may be negative.
func (s Seq) Add(n int) Seq { return s + Seq(n) }

// DSN is a data sequence number of an MPTCP connection (RFC 8684 section 3.3);
// it wraps at 2^64.
type DSN uint64

// Diff returns the signed distance from t to s.
func (s DSN) Diff(t DSN) int64 { return int64(s - t) }

// Before reports whether s precedes t.
func (s DSN) Before(t DSN) bool { return int64(s-t) < 0 }

// After reports whether s follows t.
func (s DSN) After(t DSN) bool { return int64(s-t) > 0 }

// Promote returns the 64-bit number nearest to near whose lower half is low
// (RFC 8684 section 3.3.1: 4-octet forms of DSN and Data ACK).
func Promote(low uint32, near DSN) DSN {
	return near + DSN(int64(int32(low-uint32(near))))
}
