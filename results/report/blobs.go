package report

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/binary"
	"math"
)

// Columns of numbers stand in the page as blobs: 32-bit integers, little-endian, packed by
// DEFLATE (RFC 1951) and written in base64 (RFC 4648), one script element of JSON each. The
// page unpacks a blob when something that is visible needs it.

// blobs are the columns of a page. Equal columns are kept once.
type blobs struct {
	list  []blob
	texts []string // base64
	known map[string]int
}

// blob says how a column is to be read.
type blob struct {
	// N is the number of values.
	N int `json:"n"`
	// Form is "plain": the values; "delta": differences, the first one from 0; "wide": all
	// low halves, then all high halves of 64-bit integers.
	Form string `json:"form"`
	// Scale is what a value is multiplied by, 0 for 1.
	Scale float64 `json:"scale,omitempty"`
}

// none is the integer of a value that does not exist.
const none = math.MinInt32

// ints adds a column of integers, exact to 64 bits, and returns its number. Where it is
// sorted or nearly so, differences are shorter.
func (b *blobs) ints(values []int64, sorted bool) int {
	form := "wide"
	if sorted && allFit(values, true) {
		form = "delta"
	} else if allFit(values, false) {
		form = "plain"
	}
	raw := make([]byte, 0, 4*len(values))
	last := int64(0)
	for _, v := range values {
		x := v
		if form == "delta" {
			x, last = v-last, v
		}
		raw = binary.LittleEndian.AppendUint32(raw, uint32(x))
	}
	if form == "wide" {
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(uint64(v)>>32))
		}
	}
	return b.add(raw, blob{N: len(values), Form: form})
}

// allFit reports whether the values, or their differences, are integers of 32 bits other
// than none.
func allFit(values []int64, differences bool) bool {
	last := int64(0)
	for _, v := range values {
		x := v
		if differences {
			x, last = v-last, v
		}
		if x <= none || x > math.MaxInt32 {
			return false
		}
	}
	return true
}

// digits is how many significant digits of the largest value of a column are kept at
// least, where the values are not integers.
const digits = 9

// floats adds a column of numbers; NaN is no value.
func (b *blobs) floats(values []float64) int {
	top, whole := 0.0, true
	for _, v := range values {
		if !math.IsNaN(v) {
			top = math.Max(top, math.Abs(v))
			whole = whole && v == math.Trunc(v)
		}
	}
	scale := 1.0
	if top > 0 && (!whole || top > math.MaxInt32) {
		scale = math.Pow(10, math.Floor(math.Log10(top))+1-digits)
	}
	raw := make([]byte, 0, 4*len(values))
	for _, v := range values {
		x := int32(none)
		if !math.IsNaN(v) {
			x = int32(math.Round(v / scale))
		}
		raw = binary.LittleEndian.AppendUint32(raw, uint32(x))
	}
	return b.add(raw, blob{N: len(values), Form: "plain", Scale: scale})
}

func (b *blobs) add(raw []byte, about blob) int {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.DefaultCompression)
	if err == nil {
		_, err = w.Write(raw)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic("packing a column: " + err.Error()) // the level is valid, and memory takes every write
	}
	text := base64.StdEncoding.EncodeToString(packed.Bytes())
	key := about.Form + " " + text
	if i, ok := b.known[key]; ok && b.list[i] == about {
		return i
	}
	if b.known == nil {
		b.known = map[string]int{}
	}
	b.known[key] = len(b.list)
	b.list, b.texts = append(b.list, about), append(b.texts, text)
	return len(b.list) - 1
}
