package wire

import (
	"testing"

	"pgregory.net/rapid"
)

// sumRef is the checksum sum as RFC 1071 section 4.1 writes it.
func sumRef(b []byte) uint16 {
	var s uint32
	for i, c := range b {
		if i&1 == 0 {
			s += uint32(c) << 8
		} else {
			s += uint32(c)
		}
		s = s&0xffff + s>>16
	}
	return uint16(s)
}

// sameSum compares sums as numbers modulo 0xffff.
func sameSum(a, b uint16) bool { return a%0xffff == b%0xffff }

func TestContentFunctionsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		off := rapid.OneOf(rapid.Uint64Range(0, 100), rapid.Uint64Range(0, 1<<62)).Draw(t, "off")
		n := rapid.IntRange(0, 3000).Draw(t, "n")
		b := make([]byte, n)
		FillContent(b, off)
		for i, c := range b {
			if c != ContentAt(off+uint64(i)) {
				t.Fatalf("octet %d: filled %#x, at %#x", i, c, ContentAt(off+uint64(i)))
			}
		}
		if got := ContentEqual(b, off); got != n {
			t.Fatalf("equal for %d of %d octets", got, n)
		}
		want := sumRef(b)
		if got := ContentSum(off, n); !sameSum(got, want) {
			t.Fatalf("sum %#x, want %#x", got, want)
		}
		if got := SumBytes(b); got != want {
			t.Fatalf("SumBytes %#x, want %#x", got, want)
		}
		if n > 0 {
			i := rapid.IntRange(0, n-1).Draw(t, "i")
			b[i] ^= byte(rapid.IntRange(1, 255).Draw(t, "x"))
			if got := ContentEqual(b, off); got != i {
				t.Fatalf("octet %d changed, %d octets equal", i, got)
			}
		}
	})
}

// agree returns how many octets the streams from a and b on have in common,
// at most limit.
func agree(a, b uint64, limit int) int {
	buf := make([]byte, limit)
	FillContent(buf, b)
	return ContentEqual(buf, a)
}

// TestContentRevealsShifts: no two offsets below 2^40 apart begin with 23 equal
// octets.
func TestContentRevealsShifts(t *testing.T) {
	for d := uint64(1); d <= 200_000; d++ {
		for _, off := range [...]uint64{0, 1420, 1<<32 - 5, d * 7919} {
			if n := agree(off, off+d, 24); n >= 23 {
				t.Fatalf("shift %d at %d: first %d octets agree", d, off, n)
			}
		}
	}
	for bit := range 41 {
		for _, delta := range [...]int64{-9, -8, -7, -1, 0, 1, 7, 8, 9} {
			d := uint64(int64(1)<<bit + delta)
			if int64(d) <= 0 {
				continue
			}
			if n := agree(12345, 12345+d, 24); n >= 23 {
				t.Fatalf("shift %d: first %d octets agree", d, n)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		off := rapid.Uint64Range(0, 1<<40).Draw(t, "off")
		d := rapid.Uint64Range(1, 1<<40).Draw(t, "shift")
		if n := agree(off, off+d, 24); n >= 23 {
			t.Fatalf("first %d octets agree", n)
		}
	})
}

// TestContentStepIsCoprime: K shares no factor with 2^64-1, so words at any
// distance below 2^64-1 differ.
func TestContentStepIsCoprime(t *testing.T) {
	product := uint64(1)
	for _, p := range []uint64{3, 5, 17, 257, 641, 65537, 6700417} {
		product *= p
		if uint64(contentK)%p == 0 {
			t.Errorf("K is a multiple of %d", p)
		}
	}
	if product != 1<<64-1 {
		t.Errorf("product of the factors of 2^64-1 is %d", product)
	}
}

// TestContentHasNoPeriodOfRotation is the argument behind the 23 octets, for all
// offsets at once. Let S be the words of the stream shifted by r = 1..7 octets
// more than a multiple of eight: S(j) = low part of v(a) and high part of v(a+1).
// When the stream advances by a word, both parts advance by that of K, plus a
// carry out of the lower octets (0 or 1, and 1 for the end-around carry), modulo
// the width of the part. If two neighbouring words of S were those of the
// stream, S would have advanced by K, end-around carry included.
func TestContentHasNoPeriodOfRotation(t *testing.T) {
	const k = uint64(contentK)
	for r := 1; r <= 7; r++ {
		low, high := k<<(8*r)>>(8*r), k>>(64-8*r) // parts of K
		lowMask, highMask := ^uint64(0)>>(8*r), ^uint64(0)>>(64-8*r)
		for c1 := uint64(0); c1 <= 1; c1++ { // end-around carry into the low part
			for c2 := uint64(0); c2 <= 1; c2++ { // carry into the high part
				// Advance of each part modulo its width, against that of the
				// part of v(j) in the same place.
				upper := (low + c1) & lowMask
				lower := (high + c2) & highMask
				for c3 := uint64(0); c3 <= 1; c3++ { // the same two carries of v(j)
					for c4 := uint64(0); c4 <= 1; c4++ {
						wantLower := (k + c3) & highMask
						wantUpper := (k>>(8*r) + c4) & lowMask
						if upper == wantUpper && lower == wantLower {
							t.Errorf("rotation by %d octets", r)
						}
					}
				}
			}
		}
	}
}
