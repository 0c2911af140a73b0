package packetdrill

import (
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"mpsim/sim"
)

// Config is what the options of a script and of the command line say.
type Config struct {
	// Tolerance is how much earlier or later a packet may leave and a blocking
	// call may return; TolerancePercent is the same as a part of the time since
	// the previous event. The larger one holds.
	Tolerance        sim.Duration
	TolerancePercent float64
	// TSTick is the clock tick of timestamps that expected TS values follow; 0:
	// they are not compared.
	TSTick sim.Duration
	// IPv6 selects the family.
	IPv6 bool
	// Local is the address of the system under test, Remote the first address of
	// the script; their prefixes hold further addresses.
	Local, Remote netip.Prefix
	// BindPort is the port of a bind(..., ...), ConnectPort that of a connect.
	BindPort, ConnectPort uint16
	// MTU is that of the link in octets. 0: 1500 for IPv4 and 1520 for IPv6, so
	// that the maximum segment size is 1460 in both.
	MTU int
	// MSS overrides the maximum segment size that the MTU leaves; 0: it does not.
	MSS int
	// Defines are the macros: names and what they stand for.
	Defines [][2]string
}

// DefaultConfig is what holds without options: a tolerance of 4 ms and 12.5 %,
// and the addresses of the original tool.
func DefaultConfig() Config {
	return Config{
		Tolerance: 4 * sim.Millisecond, TolerancePercent: 12.5,
		BindPort: 8080, ConnectPort: 8080,
	}
}

// complete fills in the addresses of the family that was chosen.
func (c *Config) complete() {
	local, remote := "192.168.0.1/16", "192.0.2.1/24"
	if c.IPv6 {
		local, remote = "fd3d:0a0b:17d6::1/48", "fd3d:fa7b:d17d::1/32"
	}
	if !c.Local.IsValid() || c.Local.Addr().Is6() != c.IPv6 {
		c.Local = netip.MustParsePrefix(local)
	}
	if !c.Remote.IsValid() || c.Remote.Addr().Is6() != c.IPv6 {
		c.Remote = netip.MustParsePrefix(remote)
	}
	if c.MTU == 0 {
		c.MTU = 1500
		if c.IPv6 {
			c.MTU = 1520
		}
	}
	if c.MSS == 0 {
		c.MSS = c.MTU - 40
		if c.IPv6 {
			c.MSS = c.MTU - 60
		}
	}
}

// set takes one option, --name=value. The text returned says what is wrong, and
// is empty if nothing is.
func (c *Config) set(name, value string) string {
	switch name {
	case "tolerance_usecs":
		return microseconds(value, &c.Tolerance)
	case "tcp_ts_tick_usecs":
		return microseconds(value, &c.TSTick)
	case "tolerance_percent":
		f, err := strconv.ParseFloat(value, 64)
		if err != nil || !(f >= 0 && f <= 1000) {
			return "is a percentage from 0 to 1000"
		}
		c.TolerancePercent = f
	case "ip_version":
		if value != "ipv4" && value != "ipv6" {
			return "is ipv4 or ipv6"
		}
		c.IPv6 = value == "ipv6"
	case "local_ip", "remote_ip":
		return c.setAddr(name == "local_ip", value)
	case "bind_port":
		return integer(value, 1, 65535, &c.BindPort)
	case "connect_port":
		return integer(value, 1, 65535, &c.ConnectPort)
	case "mtu":
		return integer(value, 576, 65535, &c.MTU)
	case "mss":
		return integer(value, 88, 65495, &c.MSS)
	case "define":
		return c.define(value)
	case "send_omit_free":
		// About the memory of the original tool; nothing here depends on it.
	default:
		return "is not an option of a script; there are bind_port, connect_port, define, ip_version, local_ip, mss, mtu, " +
			"remote_ip, send_omit_free, tcp_ts_tick_usecs, tolerance_percent and tolerance_usecs"
	}
	return ""
}

func microseconds(value string, d *sim.Duration) string {
	var us int64
	msg := integer(value, 0, 3_600_000_000, &us)
	*d = sim.Duration(us) * sim.Microsecond
	return msg
}

func integer[T uint16 | int | int64](value string, min, max int64, to *T) string {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < min || n > max {
		return "is a number from " + strconv.FormatInt(min, 10) + " to " + strconv.FormatInt(max, 10)
	}
	*to = T(n)
	return ""
}

// setAddr takes an address with or without prefix length, of any family.
func (c *Config) setAddr(local bool, value string) string {
	p, err := netip.ParsePrefix(value)
	if err != nil {
		a, err := netip.ParseAddr(value)
		if err != nil || a.Zone() != "" {
			return "is an address, with or without prefix length"
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if local {
		c.Local = p
	} else {
		c.Remote = p
	}
	return ""
}

var macroName = regexp.MustCompile(`^[A-Za-z_]\w*$`)

func (c *Config) define(value string) string {
	name, body, ok := strings.Cut(value, "=")
	if !ok || !macroName.MatchString(name) || strings.Contains(body, "\n") {
		return "is NAME=VALUE"
	}
	for i := range c.Defines {
		if c.Defines[i][0] == name {
			return "" // the command line came first
		}
	}
	c.Defines = append(c.Defines, [2]string{name, body})
	return ""
}

// replace puts the bodies of macros in the places of their names.
func (c *Config) replace(text string) string {
	for _, d := range c.Defines {
		re := regexp.MustCompile(`\b` + d[0] + `\b`)
		text = re.ReplaceAllLiteralString(text, d[1])
	}
	return text
}

// tolerance is how far from its time an event may be that comes d after the
// previous one.
func (c *Config) tolerance(d sim.Duration) sim.Duration {
	part := math.Floor(float64(d) * c.TolerancePercent / 100)
	return max(c.Tolerance, sim.Duration(part))
}
