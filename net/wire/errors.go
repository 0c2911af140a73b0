package wire

import (
	"errors"
	"strconv"
)

// Reasons why bytes are not a packet; [ParseError] says where.
var (
	ErrTruncated = errors.New("truncated")         // fewer bytes than a header or a length field asks for
	ErrVersion   = errors.New("bad IP version")    // neither 4 nor 6
	ErrHeaderLen = errors.New("bad header length") // below the minimum or beyond the packet
	ErrTotalLen  = errors.New("bad packet length") // the IP length field is below the header length
	ErrICMP      = errors.New("bad ICMP message")  // shorter than its type asks for
	ErrQuote     = errors.New("bad quoted packet") // not the start of a TCP or UDP packet
)

// ParseError is the error of the Parse functions. It wraps one of the sentinels.
type ParseError struct {
	Offset int // octet of the packet at which parsing ended
	Err    error
}

// Error returns reason and offset.
func (e *ParseError) Error() string {
	return "wire: " + e.Err.Error() + " at octet " + strconv.Itoa(e.Offset)
}

// Unwrap returns the sentinel.
func (e *ParseError) Unwrap() error { return e.Err }

func errAt(offset int, err error) error { return &ParseError{offset, err} }
