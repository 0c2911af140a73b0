package packetdrill

import (
	"fmt"
	"net/netip"

	"mpsim/net/wire"
	"mpsim/sim"
)

// Pos is a place in a script; lines and columns count from 1, columns in bytes.
type Pos struct {
	File      string
	Line, Col int
}

// String prints the position as compilers do.
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// Error is a mistake in a script, or something that the system under test does
// not offer: the script was not judged.
type Error struct {
	Pos Pos
	Msg string
}

// Error prints position and message as compilers do.
func (e *Error) Error() string { return e.Pos.String() + ": " + e.Msg }

// Script is a parsed script.
type Script struct {
	File    string
	Lines   []string // the text, for messages
	Config  Config
	Init    []*Command // commands before the first event
	Events  []*Event
	Cleanup []*Command
	// Families are those that the comment "// families: v4" restricts the script
	// to, as "v4" and "v6"; empty: any.
	Families []string
}

// Event is one line of a script: a time and one action.
type Event struct {
	Pos  Pos
	Text string // the source line
	Time TimeSpec

	// One of these is set.
	Packet  *Packet
	Call    *Syscall
	Command *Command
	Code    *Code
}

// TimeSpec says when an event happens.
type TimeSpec struct {
	Any      bool // *
	Relative bool
	At       sim.Duration
	Window   bool // a~b: at some time between
	Blocking bool // a...b: a call that begins at a and returns at b
	To       sim.Duration
}

// Packet is a packet line.
type Packet struct {
	Pos      Pos
	Inbound  bool // < : given to the system under test
	Src, Dst *EndpointRef
	IP       IPSpec
	Flags    wire.Flags
	Seq      uint32
	Len      int
	HasAck   bool
	Ack      uint32
	HasWin   bool
	Win      uint16
	HasUrg   bool
	Urg      uint16
	// AnyOptions is <...>: the options of an expected packet are not compared.
	AnyOptions bool
	Options    []*Option
}

// IPSpec is what a packet line says about the IP header.
type IPSpec struct {
	HasTOS, HasTTL, HasECN, HasLabel bool
	TOS, TTL, ECN                    uint8
	Label                            uint32
}

// EndpointRef is addr[name] or addr[name=inet_addr("...")].
type EndpointRef struct {
	Pos  Pos
	Name string // may be empty if Addr is given
	Addr netip.Addr
}

// OptionKind is the kind of an option in a packet line.
type OptionKind uint8

// The kinds of options.
const (
	KindNop OptionKind = iota
	KindEOL
	KindMSS
	KindWScale
	KindSACKPermitted
	KindSACK
	KindTimestamps
	KindFastOpen
	KindFastOpenExp // RFC 6994 experiment 0xf989
	KindCapable
	KindDSS
	KindJoinSYN
	KindJoinSYNACK
	KindJoinACK
	KindAddAddr
	KindRemoveAddr
	KindPrio
	KindFail
	KindFastClose
	KindReset
	KindRaw // any option by its bytes
)

var kindNames = [...]string{
	"nop", "eol", "mss", "wscale", "sackOK", "sack", "TS", "FO", "FOEXP", "mpcapable", "dss",
	"mp_join_syn", "mp_join_syn_ack", "mp_join_ack", "add_address", "remove_address", "mp_prio",
	"mp_fail", "mp_fastclose", "mp_reset", "raw",
}

// String returns the name by which scripts call the kind.
func (k OptionKind) String() string { return kindNames[k] }

// Option is one option of a packet line. Which fields have a meaning depends on
// the kind.
type Option struct {
	Pos  Pos
	Kind OptionKind

	Number uint64      // mss, wscale, mp_reset: reason
	Blocks [][2]uint32 // sack
	Val    uint32      // TS
	Ecr    uint32
	Bytes  []byte // FO, FOEXP: cookie; raw: the whole option

	Version uint8     // mpcapable
	Flags   uint8     // mpcapable; mp_reset: U V W T
	Keys    []KeySpec // mpcapable
	HasLen  bool      // mpcapable: mpcdatalen is written
	DataLen uint16

	DataAck8, DSN8 bool // dss: which width
	DataAck, DSN   Value
	SSN            Value
	DLL            Value
	Checksum       Value // dss, mpcapable with data; None: nocs or not there
	NoChecksum     bool  // dss: nocs is written
	Fin            bool

	ID     Value // address id
	IDs    []uint8
	Backup Value
	Token  Value
	Rand   Value
	HMAC   Value
	Echo   bool
	Addr   *EndpointRef
	Port   Value
}

// KeySpec is a key of an mpcapable option: a name, and the value that an injected
// packet gives it.
type KeySpec struct {
	Name   string
	Assign bool
	Value  uint64 // as written; on the wire its bytes are in little-endian order
}

// ValueForm says how a value of an option is written.
type ValueForm uint8

// The forms of values.
const (
	None     ValueForm = iota // not written
	Number                    // a number
	Auto                      // what is right in its place
	Present                   // the field is there, its value is not compared
	Token                     // sha256_32(key), sha1_32(key), trunc_l32_hmac(key)
	IDSN                      // trunc_r64_hmac(key)+n: the initial data sequence number of a key
	JoinHMAC                  // full_160_hmac(key key) or trunc_l64_hmac(key key)
	KeyName                   // the name of a key
)

// Value is a value of an option.
type Value struct {
	Form ValueForm
	N    uint64 // the number, or what is added
	Keys []string
}

// written reports whether the script has the field.
func (v Value) written() bool { return v.Form != None }

// Syscall is a system call line.
type Syscall struct {
	Pos    Pos
	Name   string
	Args   []*Expr
	Result *Expr
	Errno  string
}

// ExprKind is the kind of an argument.
type ExprKind uint8

// The kinds of arguments.
const (
	ExprEllipsis ExprKind = iota
	ExprNumber
	ExprWord   // a symbol, or several joined by |
	ExprString // "..."
	ExprList   // [a, b]
	ExprStruct // {name=value, ...}
	ExprCall   // name(args): inet_addr("..."), htons(n), msg_iov(1)
)

// Expr is an argument or the result of a system call.
type Expr struct {
	Pos   Pos
	Kind  ExprKind
	N     int64
	Words []string // of ExprWord; the name of an ExprCall
	Text  string   // of ExprString
	List  []*Expr  // members
	Names []string // of the members of an ExprStruct, "" where there is none
}

// Command is a command in back-quotes.
type Command struct {
	Pos  Pos
	Text string
}

// Code is the text between %{ and }%.
type Code struct {
	Pos  Pos
	Text string
}
