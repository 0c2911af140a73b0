package wire

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// octets reads hexadecimal with spaces.
func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// same compares records; empty and nil slices are the same.
var same = cmp.Options{
	cmpopts.EquateEmpty(),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
}

// optionGolden is a list of options and its octets, which are written by hand
// from the figures of the RFCs.
type optionGolden struct {
	name  string
	bytes string
	s     Segment
	o     Options
}

// The options of plain TCP: RFC 9293 3.2, RFC 7323 2.2 and 3.2, RFC 2018 2 and
// 3, RFC 7413 4.1.1; the padding is Linux's.
var tcpGoldens = []optionGolden{
	{name: "none"},
	{name: "MSS", bytes: "02 04 05b4", o: Options{Present: OptMSS, MSS: 1460}},
	{name: "window scale", bytes: "01 03 03 0e", o: Options{Present: OptWScale, WScale: 14}},
	{name: "SACK permitted alone", bytes: "01 01 04 02", o: Options{Present: OptSACKPermitted}},
	{
		name: "timestamps alone", bytes: "01 01 08 0a 01020304 a1a2a3a4",
		s: Segment{Opt: HasTS, TSVal: 0x01020304, TSEcr: 0xa1a2a3a4},
	},
	{
		name: "SYN of Linux", bytes: "02 04 05b4  04 02 08 0a 00000001 00000000  01 03 03 0a",
		s: Segment{Opt: HasTS, TSVal: 1},
		o: Options{Present: OptMSS | OptSACKPermitted | OptWScale, MSS: 1460, WScale: 10},
	},
	{
		name: "SYN of Linux without timestamps", bytes: "02 04 05b4  01 01 04 02  01 03 03 0a",
		o: Options{Present: OptMSS | OptSACKPermitted | OptWScale, MSS: 1460, WScale: 10},
	},
	{
		name: "one SACK block", bytes: "01 01 05 0a 00000010 00000020",
		o: Options{Present: OptSACK, NSACK: 1, SACK: [4]SACKBlock{{0x10, 0x20}}},
	},
	{
		name:  "three SACK blocks with timestamps",
		bytes: "01 01 08 0a 00000001 00000002  01 01 05 1a fffffff0 00000010 00000020 00000030 00000040 00000050",
		s:     Segment{Opt: HasTS, TSVal: 1, TSEcr: 2},
		o:     Options{Present: OptSACK, NSACK: 3, SACK: [4]SACKBlock{{0xfffffff0, 0x10}, {0x20, 0x30}, {0x40, 0x50}}},
	},
	{
		name: "four SACK blocks", bytes: "01 01 05 22 00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008",
		o: Options{Present: OptSACK, NSACK: 4, SACK: [4]SACKBlock{{1, 2}, {3, 4}, {5, 6}, {7, 8}}},
	},
	{name: "fast open request", bytes: "22 02 01 01", o: Options{Present: OptFastOpen}},
	{
		name: "fast open cookie of 8", bytes: "22 0a 0102030405060708 01 01",
		o: Options{Present: OptFastOpen, FastOpen: FastOpen{Len: 8, Cookie: [16]byte{1, 2, 3, 4, 5, 6, 7, 8}}},
	},
	{
		name:  "SYN with fast open and MP_CAPABLE",
		bytes: "02 04 05b4  04 02 08 0a 00000001 00000000  01 03 03 08  22 06 0a0b0c0d 01 01  1e 04 01 01",
		s:     Segment{Opt: HasTS, TSVal: 1},
		o: Options{
			Present: OptMSS | OptSACKPermitted | OptWScale | OptFastOpen | OptCapable, MSS: 1460, WScale: 8,
			FastOpen: FastOpen{Len: 4, Cookie: [16]byte{10, 11, 12, 13}},
			Capable:  Capable{Version: 1, Flags: CapableHMACSHA256},
		},
	},
}

const (
	keyA = 0x0102030405060708
	keyB = 0xf1f2f3f4f5f6f7f8
)

// The handshakes: RFC 8684 figures 4 (MP_CAPABLE) and 5 to 7 (MP_JOIN).
var handshakeGoldens = []optionGolden{
	{
		name: "MP_CAPABLE SYN", bytes: "1e 04 01 01",
		o: Options{Present: OptCapable, Capable: Capable{Version: 1, Flags: CapableHMACSHA256}},
	},
	{
		name: "MP_CAPABLE SYN, all flags in use", bytes: "1e 04 01 e1",
		o: Options{Present: OptCapable, Capable: Capable{
			Version: 1, Flags: CapableChecksum | CapableExtension | CapableDenyJoin | CapableHMACSHA256,
		}},
	},
	{
		name: "MP_CAPABLE SYN/ACK", bytes: "1e 0c 01 81 0102030405060708",
		o: Options{Present: OptCapable, Capable: Capable{
			Version: 1, Flags: CapableChecksum | CapableHMACSHA256, Keys: 1, SenderKey: keyA,
		}},
	},
	{
		name: "MP_CAPABLE ACK", bytes: "1e 14 01 01 0102030405060708 f1f2f3f4f5f6f7f8",
		o: Options{Present: OptCapable, Capable: Capable{
			Version: 1, Flags: CapableHMACSHA256, Keys: 2, SenderKey: keyA, ReceiverKey: keyB,
		}},
	},
	{
		name: "MP_CAPABLE ACK with data", bytes: "1e 16 01 01 0102030405060708 f1f2f3f4f5f6f7f8 0588 01 01",
		o: Options{Present: OptCapable, Capable: Capable{
			Version: 1, Flags: CapableHMACSHA256, Keys: 2, SenderKey: keyA, ReceiverKey: keyB, HasData: true, DataLen: 1416,
		}},
	},
	{
		name: "MP_CAPABLE ACK with data and checksum", bytes: "1e 18 01 81 0102030405060708 f1f2f3f4f5f6f7f8 0588 abcd",
		o: Options{Present: OptCapable, Capable: Capable{
			Version: 1, Flags: CapableChecksum | CapableHMACSHA256, Keys: 2, SenderKey: keyA, ReceiverKey: keyB,
			HasData: true, DataLen: 1416, HasChecksum: true, Checksum: 0xabcd,
		}},
	},
	{
		name: "MP_JOIN SYN", bytes: "1e 0c 10 02 deadbeef 01020304",
		o: Options{Present: OptJoin, Join: Join{Form: JoinSYN, AddrID: 2, Token: 0xdeadbeef, Nonce: 0x01020304}},
	},
	{
		name: "MP_JOIN SYN, backup", bytes: "1e 0c 11 02 deadbeef 01020304",
		o: Options{Present: OptJoin, Join: Join{Form: JoinSYN, Backup: true, AddrID: 2, Token: 0xdeadbeef, Nonce: 0x01020304}},
	},
	{
		name: "MP_JOIN SYN/ACK", bytes: "1e 10 11 ff 1112131415161718 21222324",
		o: Options{Present: OptJoin, Join: Join{
			Form: JoinSYNACK, Backup: true, AddrID: 255, HMAC64: 0x1112131415161718, Nonce: 0x21222324,
		}},
	},
	{
		name: "MP_JOIN ACK", bytes: "1e 18 10 00 0102030405060708090a0b0c0d0e0f1011121314",
		o: Options{Present: OptJoin, Join: Join{
			Form: JoinACK, HMAC: [20]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20},
		}},
	},
}

// The DSS option: RFC 8684 figure 9, in all its lengths.
var dssGoldens = []optionGolden{
	{name: "empty", bytes: "1e 04 20 00", s: Segment{Opt: HasDSS}},
	{name: "Data ACK of 4", bytes: "1e 08 20 01 15161718", s: Segment{Opt: HasDSS | HasDataAck, DataAck: 0x15161718}},
	{
		name: "Data ACK of 8", bytes: "1e 0c 20 03 1112131415161718",
		s: Segment{Opt: HasDSS | HasDataAck | DataAck8, DataAck: 0x1112131415161718},
	},
	{
		name: "mapping with DSN of 4", bytes: "1e 0e 20 04 25262728 00000001 0590 01 01",
		s: Segment{Opt: HasDSS | HasMap, DSN: 0x25262728, SSN: 1, MapLen: 1424},
	},
	{
		name: "mapping with DSN of 8", bytes: "1e 12 20 0c 2122232425262728 00000001 0590 01 01",
		s: Segment{Opt: HasDSS | HasMap | DSN8, DSN: 0x2122232425262728, SSN: 1, MapLen: 1424},
	},
	{
		name: "uploader: Data ACK of 4 and DSN of 8", bytes: "1e 16 20 0d 15161718 2122232425262728 00000001 0590 01 01",
		s: Segment{Opt: HasDSS | HasDataAck | HasMap | DSN8, DataAck: 0x15161718, DSN: 0x2122232425262728, SSN: 1, MapLen: 1424},
	},
	{
		name: "Data ACK of 8 and DSN of 4", bytes: "1e 16 20 07 1112131415161718 25262728 00000001 0590 01 01",
		s: Segment{Opt: HasDSS | HasDataAck | DataAck8 | HasMap, DataAck: 0x1112131415161718, DSN: 0x25262728, SSN: 1, MapLen: 1424},
	},
	{
		name: "both of 8", bytes: "1e 1a 20 0f 1112131415161718 2122232425262728 31323334 058c 01 01",
		s: Segment{
			Opt:     HasDSS | HasDataAck | DataAck8 | HasMap | DSN8,
			DataAck: 0x1112131415161718, DSN: 0x2122232425262728, SSN: 0x31323334, MapLen: 1420,
		},
	},
	{
		name: "both of 8 with checksum", bytes: "1e 1c 20 0f 1112131415161718 2122232425262728 31323334 058c abcd",
		s: Segment{
			Opt:     HasDSS | HasDataAck | DataAck8 | HasMap | DSN8,
			DataAck: 0x1112131415161718, DSN: 0x2122232425262728, SSN: 0x31323334, MapLen: 1420,
		},
		o: Options{Present: OptDSSChecksum, DSSChecksum: 0xabcd},
	},
	{
		name: "mapping with DSN of 4 and checksum", bytes: "1e 10 20 04 25262728 00000001 0590 abcd",
		s: Segment{Opt: HasDSS | HasMap, DSN: 0x25262728, SSN: 1, MapLen: 1424},
		o: Options{Present: OptDSSChecksum, DSSChecksum: 0xabcd},
	},
	{
		name: "DATA_FIN alone", bytes: "1e 1a 20 1f 1112131415161718 2122232425262728 00000000 0001 01 01",
		s: Segment{
			Opt:     HasDSS | HasDataAck | DataAck8 | HasMap | DSN8 | DataFIN,
			DataAck: 0x1112131415161718, DSN: 0x2122232425262728, MapLen: 1,
		},
	},
	{
		name: "infinite mapping", bytes: "1e 12 20 0c 2122232425262728 00001000 0000 01 01",
		s: Segment{Opt: HasDSS | HasMap | DSN8, DSN: 0x2122232425262728, SSN: 4096},
	},
	{
		name:  "data segment of Linux: 40 octets",
		bytes: "01 01 08 0a 00000001 00000002  1e 1a 20 0f 1112131415161718 2122232425262728 31323334 058c 01 01",
		s: Segment{
			Opt: HasTS | HasDSS | HasDataAck | DataAck8 | HasMap | DSN8, TSVal: 1, TSEcr: 2,
			DataAck: 0x1112131415161718, DSN: 0x2122232425262728, SSN: 0x31323334, MapLen: 1420,
		},
	},
}

// Signalling: RFC 8684 figures 11 to 16, and the options that Linux sends
// together in its order.
var signalGoldens = []optionGolden{
	{
		name: "ADD_ADDR IPv4", bytes: "1e 10 30 05 0a000a01 1112131415161718",
		o: Options{Present: OptAddAddr, AddAddr: AddAddr{AddrID: 5, Addr: netip.MustParseAddr("10.0.10.1"), HMAC: 0x1112131415161718}},
	},
	{
		name: "ADD_ADDR IPv4 with port", bytes: "1e 12 30 05 0a000a01 2774 1112131415161718 01 01",
		o: Options{Present: OptAddAddr, AddAddr: AddAddr{
			AddrID: 5, Addr: netip.MustParseAddr("10.0.10.1"), Port: 10100, HMAC: 0x1112131415161718,
		}},
	},
	{
		name: "ADD_ADDR IPv6", bytes: "1e 1c 30 05 20010db8000000000000000000000001 1112131415161718",
		o: Options{Present: OptAddAddr, AddAddr: AddAddr{AddrID: 5, Addr: netip.MustParseAddr("2001:db8::1"), HMAC: 0x1112131415161718}},
	},
	{
		name: "ADD_ADDR IPv6 with port", bytes: "1e 1e 30 05 20010db8000000000000000000000001 2774 1112131415161718 01 01",
		o: Options{Present: OptAddAddr, AddAddr: AddAddr{
			AddrID: 5, Addr: netip.MustParseAddr("2001:db8::1"), Port: 10100, HMAC: 0x1112131415161718,
		}},
	},
	{
		name: "ADD_ADDR echo IPv4", bytes: "1e 08 31 05 0a000a01",
		o: Options{Present: OptAddAddr, AddAddr: AddAddr{Echo: true, AddrID: 5, Addr: netip.MustParseAddr("10.0.10.1")}},
	},
	{
		name: "ADD_ADDR echo IPv4 with port", bytes: "1e 0a 31 05 0a000a01 2774 01 01",
		o: Options{Present: OptAddAddr, AddAddr: AddAddr{Echo: true, AddrID: 5, Addr: netip.MustParseAddr("10.0.10.1"), Port: 10100}},
	},
	{
		name: "ADD_ADDR echo IPv6 with port", bytes: "1e 16 31 05 20010db8000000000000000000000001 2774 01 01",
		o: Options{Present: OptAddAddr, AddAddr: AddAddr{Echo: true, AddrID: 5, Addr: netip.MustParseAddr("2001:db8::1"), Port: 10100}},
	},
	{name: "REMOVE_ADDR one", bytes: "1e 04 40 02", o: Options{Present: OptRemoveAddr, RemoveAddr: RemoveAddr{N: 1, IDs: [36]uint8{2}}}},
	{
		name: "REMOVE_ADDR three", bytes: "1e 06 40 02 00 07 01 01",
		o: Options{Present: OptRemoveAddr, RemoveAddr: RemoveAddr{N: 3, IDs: [36]uint8{2, 0, 7}}},
	},
	{name: "MP_PRIO backup", bytes: "1e 03 51 01", o: Options{Present: OptPrio, Prio: Prio{Backup: true}}},
	{name: "MP_PRIO regular", bytes: "1e 03 50 01", o: Options{Present: OptPrio}},
	{name: "MP_FAIL", bytes: "1e 0c 60 00 2122232425262728", o: Options{Present: OptFail, Fail: Fail{DSN: 0x2122232425262728}}},
	{name: "MP_FASTCLOSE", bytes: "1e 0c 70 00 f1f2f3f4f5f6f7f8", o: Options{Present: OptFastClose, FastClose: FastClose{ReceiverKey: keyB}}},
	{name: "MP_TCPRST", bytes: "1e 04 80 06", o: Options{Present: OptRst, Rst: Rst{Reason: 6}}},
	{name: "MP_TCPRST transient", bytes: "1e 04 81 01", o: Options{Present: OptRst, Rst: Rst{Flags: RstTransient, Reason: 1}}},
	{
		name: "MP_FASTCLOSE and MP_TCPRST", bytes: "1e 0c 70 00 f1f2f3f4f5f6f7f8 1e 04 80 00",
		o: Options{Present: OptFastClose | OptRst, FastClose: FastClose{ReceiverKey: keyB}},
	},
	{
		name: "MP_FAIL and MP_TCPRST", bytes: "1e 0c 60 00 2122232425262728 1e 04 80 06",
		o: Options{Present: OptFail | OptRst, Fail: Fail{DSN: 0x2122232425262728}, Rst: Rst{Reason: 6}},
	},
	{
		name: "Data ACK and MP_FAIL", bytes: "1e 0c 20 03 1112131415161718 1e 0c 60 00 2122232425262728",
		s: Segment{Opt: HasDSS | HasDataAck | DataAck8, DataAck: 0x1112131415161718},
		o: Options{Present: OptFail, Fail: Fail{DSN: 0x2122232425262728}},
	},
	{
		name: "Data ACK, MP_PRIO and REMOVE_ADDR", bytes: "1e 0c 20 03 1112131415161718 1e 03 51 01 1e 05 40 00 02 01 01 01",
		s: Segment{Opt: HasDSS | HasDataAck | DataAck8, DataAck: 0x1112131415161718},
		o: Options{
			Present: OptPrio | OptRemoveAddr, Prio: Prio{Backup: true}, RemoveAddr: RemoveAddr{N: 2, IDs: [36]uint8{0, 2}},
		},
	},
}

// Version 0 of the protocol where it differs: RFC 6824 figures 4 (MP_CAPABLE,
// with the key in the SYN), 11 (MP_PRIO with the optional address id) and 12
// (ADD_ADDR with IPVer).
var version0Goldens = []optionGolden{
	{
		name: "v0 MP_CAPABLE SYN", bytes: "1e 0c 00 01 0102030405060708",
		o: Options{Present: OptCapable, Capable: Capable{Flags: CapableHMACSHA256, Keys: 1, SenderKey: keyA}},
	},
	{
		name: "v0 MP_CAPABLE SYN/ACK with checksums", bytes: "1e 0c 00 81 f1f2f3f4f5f6f7f8",
		o: Options{Present: OptCapable, Capable: Capable{Flags: CapableChecksum | CapableHMACSHA256, Keys: 1, SenderKey: keyB}},
	},
	{
		name: "v0 MP_CAPABLE ACK", bytes: "1e 14 00 01 0102030405060708 f1f2f3f4f5f6f7f8",
		o: Options{Present: OptCapable, Capable: Capable{Flags: CapableHMACSHA256, Keys: 2, SenderKey: keyA, ReceiverKey: keyB}},
	},
	{
		name: "v0 ADD_ADDR IPv4", bytes: "1e 08 34 05 0a000a01",
		o: Options{Present: OptAddAddr, AddAddr: AddAddr{V0: true, AddrID: 5, Addr: netip.MustParseAddr("10.0.10.1")}},
	},
	{
		name: "v0 ADD_ADDR IPv4 with port", bytes: "1e 0a 34 05 0a000a01 2774 01 01",
		o: Options{Present: OptAddAddr, AddAddr: AddAddr{V0: true, AddrID: 5, Addr: netip.MustParseAddr("10.0.10.1"), Port: 10100}},
	},
	{
		name: "v0 ADD_ADDR IPv6", bytes: "1e 14 36 05 20010db8000000000000000000000001",
		o: Options{Present: OptAddAddr, AddAddr: AddAddr{V0: true, AddrID: 5, Addr: netip.MustParseAddr("2001:db8::1")}},
	},
	{
		name: "v0 ADD_ADDR IPv6 with port", bytes: "1e 16 36 05 20010db8000000000000000000000001 2774 01 01",
		o: Options{Present: OptAddAddr, AddAddr: AddAddr{V0: true, AddrID: 5, Addr: netip.MustParseAddr("2001:db8::1"), Port: 10100}},
	},
	{
		name: "v0 MP_PRIO of an address", bytes: "1e 04 51 02",
		o: Options{Present: OptPrio, Prio: Prio{Backup: true, HasAddrID: true, AddrID: 2}},
	},
	{
		name: "v0 MP_PRIO of address 1, which could be padding", bytes: "1e 04 50 01",
		o: Options{Present: OptPrio, Prio: Prio{HasAddrID: true, AddrID: 1}},
	},
	{
		name: "v0 Data ACK and MP_PRIO of an address", bytes: "1e 08 20 01 15161718 1e 04 51 07",
		s: Segment{Opt: HasDSS | HasDataAck, DataAck: 0x15161718},
		o: Options{Present: OptPrio, Prio: Prio{Backup: true, HasAddrID: true, AddrID: 7}},
	},
}

// TestOptionGoldens: each list of options gives exactly these octets and back.
// row:A1
func TestOptionGoldens(t *testing.T) {
	groups := map[string][]optionGolden{
		"tcp": tcpGoldens, "handshake": handshakeGoldens, "dss": dssGoldens, "signal": signalGoldens,
		"version 0": version0Goldens,
	}
	for group, goldens := range groups {
		for _, g := range goldens {
			t.Run(group+"/"+g.name, func(t *testing.T) {
				want := octets(t, g.bytes)
				if got := AppendOptions(nil, &g.s, &g.o); !bytes.Equal(got, want) {
					t.Errorf("rendered\n got %x\nwant %x", got, want)
				}
				if got := g.s.OptionsLen(&g.o); got != len(want) {
					t.Errorf("length %d, want %d", got, len(want))
				}
				if g.o.Present == 0 && g.s.OptionsLen(nil) != len(want) {
					t.Errorf("length without a cold record %d, want %d", g.s.OptionsLen(nil), len(want))
				}
				var s Segment
				var o Options
				ParseOptions(want, &s, &o)
				if d := cmp.Diff(g.s, s, same) + cmp.Diff(g.o, o, same); d != "" {
					t.Errorf("parsed %s", d)
				}
			})
		}
	}
}

// TestForeignOptions: lists that we would not write keep their octets, and the
// values in them are read as far as they can be.
func TestForeignOptions(t *testing.T) {
	ts := Segment{Opt: HasTS, TSVal: 1, TSEcr: 2}
	for _, g := range []optionGolden{
		{name: "timestamps behind", bytes: "08 0a 00000001 00000002 01 01", s: ts},
		{name: "end of list", bytes: "01 01 08 0a 00000001 00000002 00 00 00 00", s: ts},
		{name: "junk behind the end of the list", bytes: "00 02 04 05", s: Segment{}},
		{name: "length 0", bytes: "02 00 05 b4"},
		{name: "length 1", bytes: "02 01 05 b4"},
		{name: "length beyond the end", bytes: "02 05 05 b4"},
		{name: "kind at the very end", bytes: "01 01 01 02"},
		{name: "MSS of wrong length", bytes: "02 03 05 01"},
		{
			name: "repeated: the last counts", bytes: "02 04 05b4 02 04 0218",
			o: Options{Present: OptMSS, MSS: 536},
		},
		{name: "unknown kind", bytes: "fd 06 01020304 01 01"},
		{name: "experimental fast open (RFC 7413 appendix A)", bytes: "fe 04 f989"},
		{
			name: "MSS behind window scale", bytes: "01 03 03 07 02 04 05b4",
			o: Options{Present: OptMSS | OptWScale, MSS: 1460, WScale: 7},
		},
		{name: "unknown MPTCP subtype", bytes: "1e 04 f0 00"},
		{name: "MPTCP without subtype", bytes: "1e 02 01 01"},
		{name: "IPVer 4 with the length of an IPv6 address", bytes: "1e 14 34 05 20010db8000000000000000000000001"},
		{name: "IPVer 6 with the length of an IPv4 address", bytes: "1e 08 36 05 0a000a01"},
		{
			name: "version 0 ADD_ADDR with port 0", bytes: "1e 0a 34 05 0a000a01 0000 01 01",
			o: Options{Present: OptAddAddr, AddAddr: AddAddr{V0: true, AddrID: 5, Addr: netip.MustParseAddr("10.0.10.1")}},
		},
		{
			name: "ADD_ADDR with HMAC and a reserved flag in the place of IPVer 4", bytes: "1e 10 34 05 0a000a01 1112131415161718",
			o: Options{Present: OptAddAddr, AddAddr: AddAddr{AddrID: 5, Addr: netip.MustParseAddr("10.0.10.1"), HMAC: 0x1112131415161718}},
		},
		{
			name: "echo with a reserved flag in the place of IPVer 4", bytes: "1e 08 35 05 0a000a01",
			o: Options{Present: OptAddAddr, AddAddr: AddAddr{Echo: true, AddrID: 5, Addr: netip.MustParseAddr("10.0.10.1")}},
		},
		{name: "REMOVE_ADDR without ids", bytes: "1e 03 40 01"},
		{name: "DSS whose length is not that of its flags", bytes: "1e 0c 20 01 15161718 00000000"},
		{
			name: "DSS with a reserved bit", bytes: "1e 08 20 21 15161718",
			s: Segment{Opt: HasDSS | HasDataAck, DataAck: 0x15161718},
		},
		{
			name: "DSS in front of timestamps", bytes: "1e 08 20 01 15161718 01 01 08 0a 00000001 00000002",
			s: Segment{Opt: HasTS | HasDSS | HasDataAck, DataAck: 0x15161718, TSVal: 1, TSEcr: 2},
		},
		{
			name: "MP_TCPRST in front of MP_FAIL", bytes: "1e 04 80 06 1e 0c 60 00 2122232425262728",
			o: Options{Present: OptFail | OptRst, Fail: Fail{DSN: 0x2122232425262728}, Rst: Rst{Reason: 6}},
		},
		{
			name: "ADD_ADDR with port 0", bytes: "1e 0a 31 05 0a000a01 0000 01 01",
			o: Options{Present: OptAddAddr, AddAddr: AddAddr{Echo: true, AddrID: 5, Addr: netip.MustParseAddr("10.0.10.1")}},
		},
	} {
		t.Run(g.name, func(t *testing.T) {
			want := octets(t, g.bytes)
			var s Segment
			var o Options
			ParseOptions(want, &s, &o)
			if got := AppendOptions(nil, &s, &o); !bytes.Equal(got, want) {
				t.Errorf("rendered\n got %x\nwant %x", got, want)
			}
			g.o.Present |= OptRaw
			g.o.RawLen = uint8(copy(g.o.RawOptions[:], want))
			if d := cmp.Diff(g.s, s, same) + cmp.Diff(g.o, o, same); d != "" {
				t.Errorf("parsed %s", d)
			}
		})
	}
}

// TestFits: 40 octets are the room (RFC 9293 section 3.1).
func TestFits(t *testing.T) {
	s := Segment{Opt: HasTS | HasDSS | HasDataAck | DataAck8 | HasMap | DSN8}
	if !Fits(&s, nil) {
		t.Error("timestamps and DSS(26) are 40 octets")
	}
	for _, o := range []Options{
		{Present: OptSACK, NSACK: 1},
		{Present: OptPrio},
	} {
		if Fits(&s, &o) {
			t.Errorf("%+v fits beside 40 octets", o)
		}
	}
	s.Opt = HasTS
	for n, want := range []bool{true, true, true, true, false} {
		if got := Fits(&s, &Options{Present: OptSACK, NSACK: uint8(n)}); got != want {
			t.Errorf("timestamps and %d SACK blocks: %v", n, got)
		}
	}
}
