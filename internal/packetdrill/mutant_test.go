package packetdrill

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// mutation changes one expected value of a script.
type mutation struct {
	what  string
	apply func()
}

// mutations lists every change of one expected value. The order depends on the
// text alone, so that the n-th one of two copies of a script is the same.
func mutations(sc *Script) (out []mutation) {
	for _, e := range sc.Events {
		add := func(what string, apply func()) {
			out = append(out, mutation{fmt.Sprintf("line %d: %s", e.Pos.Line, what), apply})
		}
		switch {
		case e.Packet != nil && !e.Packet.Inbound:
			packetMutations(e, add)
		case e.Call != nil:
			callMutations(e.Call, add)
		}
	}
	return out
}

func packetMutations(e *Event, add func(string, func())) {
	k := e.Packet
	add("seq", func() { k.Seq++ })
	add("length", func() { k.Len++ })
	add("PSH", func() { k.Flags ^= wire.PSH })
	add("FIN", func() { k.Flags ^= wire.FIN })
	add("ECE", func() { k.Flags ^= wire.ECE })
	if k.HasAck {
		add("ack", func() { k.Ack++ })
	}
	if k.HasWin {
		add("win", func() { k.Win++ })
	}
	if !e.Time.Any {
		add("later", func() { e.Time.At += 3 * sim.Second; e.Time.To += 3 * sim.Second })
	}
	if e.Time.At > 500*sim.Millisecond {
		add("earlier", func() { e.Time.At /= 4; e.Time.To = e.Time.At })
	}
	if k.AnyOptions {
		return
	}
	add("one option more", func() { k.Options = append(k.Options, &Option{Kind: KindNop}) })
	for n, o := range k.Options {
		at := func(what string, apply func()) { add(o.Kind.String()+" "+what, apply) }
		at("left out", func() { k.Options = append(k.Options[:n:n], k.Options[n+1:]...) })
		optionMutations(o, at)
	}
}

func optionMutations(o *Option, add func(string, func())) {
	bump := func(name string, v *Value) {
		if v.Form == Number || v.Form == IDSN {
			add(name, func() { v.N++ })
		}
	}
	switch o.Kind {
	case KindMSS, KindWScale:
		add("value", func() { o.Number++ })
	case KindSACK:
		for n := range o.Blocks {
			add("begin", func() { o.Blocks[n][0]++ })
			add("end", func() { o.Blocks[n][1]++ })
		}
	case KindTimestamps:
		add("ecr", func() { o.Ecr++ })
	case KindCapable:
		add("version", func() { o.Version ^= 1 })
		add("flag A", func() { o.Flags ^= 0x80 })
		add("flag C", func() { o.Flags ^= 0x20 })
		add("flag H", func() { o.Flags ^= 1 })
		if len(o.Keys) == 2 {
			add("keys", func() { o.Keys[0], o.Keys[1] = o.Keys[1], o.Keys[0] })
		}
		if o.HasLen {
			add("mpcdatalen", func() { o.DataLen++ })
			add("no mpcdatalen", func() { o.HasLen = false })
		}
	case KindDSS:
		bump("dack", &o.DataAck)
		bump("dsn", &o.DSN)
		bump("ssn", &o.SSN)
		bump("dll", &o.DLL)
		if o.DataAck.written() {
			add("width of dack", func() { o.DataAck8 = !o.DataAck8 })
			add("no dack", func() { o.DataAck = Value{} })
		}
		if o.DSN.written() {
			add("width of dsn", func() { o.DSN8 = !o.DSN8 })
			add("nocs", func() { o.NoChecksum, o.Checksum = !o.NoChecksum, Value{} })
			add("fin", func() { o.Fin = !o.Fin })
		}
		if o.DSN.written() && !o.NoChecksum {
			add("cksum", func() { o.Checksum = Value{Form: Number, N: 4660} })
		}
	case KindJoinSYN, KindJoinSYNACK, KindJoinACK:
		bump("address_id", &o.ID)
		if o.Kind != KindJoinACK {
			add("backup", func() { o.Backup = Value{Form: Number, N: o.Backup.N ^ 1} })
		}
		if o.Token.written() {
			add("token", func() { o.Token = Value{Form: Number, N: 1} })
		}
		if o.HMAC.written() {
			add("hmac", func() { o.HMAC = Value{Form: Number, N: 1} })
		}
	case KindAddAddr:
		bump("address_id", &o.ID)
		bump("port", &o.Port)
		add("echo", func() { o.Echo = !o.Echo })
		add("address", func() { o.Addr = &EndpointRef{Addr: addrOf("198.51.100.77")} })
		if o.HMAC.written() {
			add("hmac", func() { o.HMAC = Value{Form: Number, N: 1} })
		}
	case KindRemoveAddr:
		add("id", func() { o.IDs[0]++ })
		add("one id more", func() { o.IDs = append(o.IDs, 77) })
	case KindPrio:
		add("backup", func() { o.Backup.N ^= 1 })
	case KindFail:
		bump("dsn", &o.DSN)
	case KindFastClose:
		add("key", func() { o.Token = Value{Form: Number, N: 1} })
	case KindReset:
		add("reason", func() { o.Number++ })
		add("flag T", func() { o.Flags ^= 1 })
	}
}

func callMutations(c *Syscall, add func(string, func())) {
	switch {
	case c.Result.Kind != ExprNumber || c.Name == "socket" || c.Name == "accept" && c.Result.N >= 0:
	case c.Errno != "":
		add("errno", func() { c.Errno = "EXDEV" })
	default:
		add("result", func() { c.Result.N++ })
	}
}

// TestMutants changes one expected value at a time: every script notices every
// change.
func TestMutants(t *testing.T) {
	total := 0
	for _, file := range scripts(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".pkt")
		family := "v4"
		if sc := load(t, file, string(text), family); sc == nil {
			family = "v6"
		}
		sc := load(t, file, string(text), family)
		if execute(sc, true) != nil {
			continue // TestScripts tells
		}
		n := len(mutations(sc))
		if n < 3 {
			t.Errorf("%s: only %d mutants", name, n)
		}
		total += n
		for i := range n {
			sc := load(t, file, string(text), family)
			m := mutations(sc)[i]
			m.apply()
			err := execute(sc, true)
			var failure *Failure
			if !errors.As(err, &failure) {
				t.Errorf("%s, %s: nobody noticed (%v)", name, m.what, err)
			}
		}
	}
	t.Logf("%d mutants", total)
}
