package scenarios

// This file is the schema: the structs that a scenario file is decoded into.
// The tags are the reference: `toml` is the key, `doc` says what it means and in
// which unit, `default` is written as in the file, `min` and `max` bound
// numbers, `enum` lists what a string may be, `required` keys have no default.
// docs/SCENARIOS.md is printed from these tags.

// meta ties a decoded table to its place in the file.
type meta struct{ table *table }

func (m *meta) setTable(t *table) { m.table = t }

// pos returns where a key of the table stands, or where the table begins.
func (m *meta) pos(key string) Pos {
	if m.table == nil {
		return Pos{}
	}
	return m.table.keyPos(key)
}

// valuePos returns where the value of a key stands.
func (m *meta) valuePos(key string) Pos {
	if m.table == nil {
		return Pos{}
	}
	return m.table.valuePos(key)
}

// has reports whether the file gives the key.
func (m *meta) has(key string) bool { return m.table != nil && m.table.get(key) != nil }

// Scenario is a whole scenario file after `extends`, `include`, `--set`, `paths` and
// `repeat` were carried out.
type Scenario struct {
	meta
	Schema   int       `toml:"schema" required:"true" min:"1" max:"1" doc:"version of this format"`
	Name     string    `toml:"name" required:"true" doc:"short name, used for the result directory"`
	Title    string    `toml:"title" default:"" doc:"one line for tables and figures"`
	Rows     []string  `toml:"rows" doc:"coverage rows that the scenario shows, such as \"B11\""`
	Paper    string    `toml:"paper" default:"" doc:"publication whose experiment this is"`
	Duration Duration  `toml:"duration" required:"true" max:"24h" doc:"length of the run in virtual time"`
	Seed     uint64    `toml:"seed" default:"1" doc:"seed of all random streams; --seed overrides it"`
	Defaults Defaults  `toml:"defaults"`
	ECMP     *ECMP     `toml:"ecmp"`
	Output   Output    `toml:"output"`
	Nodes    []*Node   `toml:"node"`
	Media    []*Medium `toml:"medium"`
	Links    []*Link   `toml:"link"`
	Routes   []*Route  `toml:"route"`
	Flows    []*Flow   `toml:"flow"`
	Actions  []*Action `toml:"at"`
	Expect   []*Expect `toml:"expect" doc:"NAME = \"expression\", evaluated after the run; see Expectations below"`
	Baseline Baseline  `toml:"baseline"`

	fileSeed uint64
	path     string   // of the file, as given
	files    []string // of which it was read, scripts excepted
	opened   []string // files of the data directory from which nodes or flows were made
	set      []string // the overrides
	plan     *plan
	// scripts are the plug-ins that are scripts, each once.
	scripts []*scriptFile
	// What expectations observe every 10 ms, and whether they count records.
	fineLinks, fineFlows []string
	orderedFlows         []string // the order of whose data expectations look at
	needsRecords         bool
	measures             []Measure
}

// Defaults are what flows and nodes use unless they say otherwise.
type Defaults struct {
	meta
	Preset           string    `toml:"preset" default:"mpsim" doc:"sets profile, cc, scheduler, path_manager and reinject together; keys given beside it win"`
	Profile          string    `toml:"profile" doc:"protocol profile of every host (mpsim list profile); default from the preset"`
	Versions         string    `toml:"versions" enum:",v0,v1,v0+v1,none" doc:"MPTCP versions that every host offers and accepts: RFC 6824, RFC 8684, both or none; default from the profile"`
	Reinject         string    `toml:"reinject" default:"" enum:",profile,on_rto,aggressive,conservative,none" doc:"when data in flight is sent again on another subflow: as the profile says (Linux: connection-level timer and stale subflows); after a timeout of its own; also at each fast recovery; after reinject_after timeouts; only when its subflow ends. Nodes with another profile than that of [defaults] follow theirs. Default from the preset, beside a profile of its own: profile"`
	ReinjectAfter    int       `toml:"reinject_after" default:"3" min:"1" max:"20" doc:"timeouts in a row that reinject = \"conservative\" waits for"`
	TimerGranularity string    `toml:"timer_granularity" default:"none" enum:"none,linux-hz250" doc:"rounding of retransmission timers: exact, or as the timer wheel of a Linux kernel with HZ=250"`
	RTOInitial       *Duration `toml:"rto_initial" min:"100us" max:"60s" doc:"timeout of a SYN and of a SYN/ACK, and of what is sent before the first measurement (Linux: a BPF program at BPF_SOCK_OPS_TIMEOUT_INIT, as in its samples for datacenters); default from the profile: 1 s (RFC 6298)"`
	CapableRetrans   *int      `toml:"syn_retrans_before_tcp_fallback" min:"0" max:"128" doc:"how often a SYN with MP_CAPABLE is sent again before the connection tries without (Linux sysctl of this name); more than the SYNs that TCP sends: never. Default from the profile: 2 in linux"`
	RTOMin           *Duration `toml:"rto_min" min:"100us" max:"60s" doc:"minimum of the retransmission timeout (Linux: ip route ... rto_min, which bounds delayed acknowledgements, too); default from the profile: 200 ms in linux, 1 s in rfc"`
	MTUProbing       int       `toml:"mtu_probing" default:"0" min:"0" max:"2" doc:"packetisation layer path MTU discovery, RFC 4821 (Linux tcp_mtu_probing): 0 never, 1 when timeouts hint at a black hole, 2 always"`
	QuickAck         bool      `toml:"quickack" default:"false" doc:"every segment is acknowledged at once (Linux: ip route ... quickack 1), as the simulators of many papers do"`
	DF               bool      `toml:"df" default:"true" doc:"IPv4 packets of hosts have the flag DF. false (Linux: sysctl ip_no_pmtu_disc = 1): nodes cut what is longer than an MTU into fragments, which the receiving host puts together"`
	MicrosecondTS    bool      `toml:"usec_ts" default:"false" doc:"TCP timestamps tick in microseconds instead of milliseconds (Linux: ip route ... features tcp_usec_ts); one-way delays, which the controller sbd needs, are then as fine"`
	CC               PluginRef `toml:"cc" doc:"congestion controller of MPTCP flows; default from the preset"`
	TCPCC            PluginRef `toml:"tcp_cc" default:"cubic" doc:"congestion controller of TCP flows"`
	Scheduler        PluginRef `toml:"scheduler" doc:"packet scheduler of MPTCP flows; default from the preset"`
	PathManager      PluginRef `toml:"path_manager" doc:"path manager of MPTCP flows; default from the preset"`
	Mode             string    `toml:"mode" enum:",full,backup,singlepath" doc:"how MPTCP flows use the addresses of the client (CellNet'12), in place of path_manager: all of them; others than that of the initial subflow as backups; one at a time, break before make"`
	SendBuffer       Buffer    `toml:"send_buffer" doc:"send buffer of every socket: bytes of payload, multiples of the bandwidth-delay product of a flow's paths (2bdp: the sum of their rates multiplied by twice the longest round-trip time), or auto: it tunes itself as in Linux. Default from the preset: auto for linux, else 4MiB"`
	ReceiveBuffer    Buffer    `toml:"receive_buffer" doc:"receive buffer of every socket: bytes of payload, multiples of the product (2bdp keeps all paths busy while a loss is repaired), or auto. Default from the preset: auto for linux, else 6MiB"`
	SendMemory       Bytes     `toml:"wmem_max" default:"4MiB" doc:"largest size of a send buffer that tunes itself, in bytes of memory (Linux tcp_wmem[2])"`
	ReceiveMemory    Bytes     `toml:"rmem_max" default:"32MiB" doc:"largest size of a receive buffer that tunes itself, in bytes of memory, about twice the window (Linux tcp_rmem[2])"`
	NoDelay          bool      `toml:"nodelay" default:"false" doc:"switch the Nagle algorithm off"`
	MSS              int       `toml:"mss" default:"0" min:"0" max:"65495" doc:"maximum segment size that every TCP and MPTCP socket announces and heeds, in bytes of payload and TCP options (Linux TCP_MAXSEG); 0: 1460 for IPv4, 1440 for IPv6"`
	Opportunistic    *bool     `toml:"opportunistic" doc:"when the peer's window is closed, send the oldest data on a faster subflow, too (NSDI'12); default from the profile"`
	Penalise         *bool     `toml:"penalise" doc:"when the peer's window is closed, halve the window of the slower subflow that holds it (NSDI'12); default from the profile"`
	Reprobe          bool      `toml:"reprobe" default:"false" doc:"cap the retransmission timer of a silent subflow at 1 s while another one lives"`
	ResetUnder       bool      `toml:"reset_underperforming" default:"false" doc:"the sender resets a subflow that in two windows of 5 s loses a tenth of what it sends and brings at most a tenth of what another does (MP_TCPRST code 5)"`
	ResetDelivered   bool      `toml:"reset_delivered" default:"false" doc:"the sender resets a subflow that has timed out and only repeats what has arrived over others (MP_TCPRST code 4); a path manager such as fullmesh with create_on_err = 1 opens it again"`
	Sample           Duration  `toml:"sample" default:"100ms" min:"1ms" max:"1h" doc:"interval of the time series"`
	QueueMode        string    `toml:"queue_mode" default:"fifo" enum:"fifo,served" doc:"how links compute departures; both give the same run"`
	CountInService   bool      `toml:"count_in_service" default:"true" doc:"whether the packet in service counts in the queue limit"`
}

// Output says which optional files a run writes.
type Output struct {
	meta
	Pcap    bool     `toml:"pcap" default:"false" doc:"write a packet capture (pcapng), as --pcap does"`
	Capture []string `toml:"capture" doc:"interfaces to capture, \"node.iface\" with * and ?; empty: those of hosts"`
	Events  bool     `toml:"events" default:"false" doc:"write the event log (events.jsonl), as --events does"`
}

// Node is a host or a router.
type Node struct {
	meta
	Name             string       `toml:"name" required:"true" doc:"unique name of letters, digits, - and _"`
	Router           bool         `toml:"router" default:"false" doc:"the node forwards packets and has no protocol stack"`
	Forward          bool         `toml:"forward" default:"false" doc:"the host forwards packets of others as well"`
	Profile          string       `toml:"profile" doc:"protocol profile; default from [defaults]"`
	Versions         string       `toml:"versions" enum:",v0,v1,v0+v1,none" doc:"as in [defaults]; default from there, unless the node has a profile of its own"`
	TimerGranularity string       `toml:"timer_granularity" enum:",none,linux-hz250" doc:"as in [defaults]; default from there"`
	RTOInitial       *Duration    `toml:"rto_initial" min:"100us" max:"60s" doc:"as in [defaults]; default from there, unless the node has a profile of its own"`
	CapableRetrans   *int         `toml:"syn_retrans_before_tcp_fallback" min:"0" max:"128" doc:"as in [defaults]; default from there, unless the node has a profile of its own"`
	RTOMin           *Duration    `toml:"rto_min" min:"100us" max:"60s" doc:"as in [defaults]; default from there, unless the node has a profile of its own"`
	MTUProbing       *int         `toml:"mtu_probing" min:"0" max:"2" doc:"as in [defaults]; default from there"`
	QuickAck         *bool        `toml:"quickack" doc:"as in [defaults]; default from there"`
	DF               *bool        `toml:"df" doc:"as in [defaults]; default from there"`
	MicrosecondTS    *bool        `toml:"usec_ts" doc:"as in [defaults]; default from there. Both ends of a flow must agree for one-way delays to mean anything"`
	SourceRouting    *bool        `toml:"source_routing" doc:"packets leave through the interface that owns their source address. Default: true for clients of flows"`
	AddAddrAccepted  *int         `toml:"add_addr_accepted" min:"0" max:"255" doc:"how many addresses that a peer announces the path manager linux uses (ip mptcp limits). Default: 0"`
	Subflows         *int         `toml:"subflows" min:"0" max:"255" doc:"subflows that a connection of this host may have beside the initial one, whoever opens them (ip mptcp limits). Default: 2 with the path manager linux, else as the profile says"`
	AllowJoin        *bool        `toml:"allow_join_initial_addr_port" doc:"false: MP_CAPABLE of the host has flag C, by which peers open no subflow to the address and port of the initial one, only to announced ones; version 1 only (Linux sysctl of this name). Default from the profile"`
	ECMP             string       `toml:"ecmp" enum:",off,hash,weighted,resilient,random,roundrobin,flowlet" doc:"how this node chooses among next hops of equal cost; default: mode of [ecmp]"`
	ICMPQuote        int          `toml:"icmp_quote" default:"0" min:"0" max:"576" doc:"octets behind the IP header that the node quotes in ICMP time exceeded: 8 (RFC 792) or more (RFC 1812); 0: it sends none"`
	ICMPInterval     Duration     `toml:"icmp_interval" default:"0s" max:"1h" doc:"at most one such message in this time (RFC 1812 section 4.3.2.8); 0s: no limit"`
	Interfaces       []*Interface `toml:"interface"`
}

// Interface is one end of a link. Interfaces that a link names exist by that;
// the table is needed only to choose addresses.
type Interface struct {
	meta
	Name       string   `toml:"name" required:"true" doc:"unique within its node"`
	Addresses  []string `toml:"addresses" doc:"addresses with prefix length, \"10.0.1.2/24\"; default: the next free 10.x.y.0/24, .1 for a and .2 for b"`
	Backup     bool     `toml:"backup" default:"false" doc:"subflows from here ask to be backup (MP_JOIN flag B)"`
	Signal     bool     `toml:"signal" default:"false" doc:"the path manager linux announces the addresses (ADD_ADDR)"`
	SignalPort int      `toml:"signal_port" default:"0" min:"0" max:"65535" doc:"port that is announced with the addresses, and at which joins to them are accepted; 0: none, those of the connection count. Needs signal, excludes subflow (ip mptcp endpoint ... port)"`
	Subflow    *bool    `toml:"subflow" doc:"the path manager linux opens subflows from the addresses. Default: true for clients of flows, unless signal_port is given"`
	Fullmesh   bool     `toml:"fullmesh" default:"false" doc:"the path manager linux opens subflows from here to every address of the peer; not together with signal"`
	AntiSpoof  bool     `toml:"anti_spoof" default:"false" doc:"packets that come in here are dropped unless the node would answer their source through this interface: ingress filtering (RFC 2827, RFC 3704), SAVI at the port of a host"`
	Laminar    bool     `toml:"laminar" default:"false" doc:"the path manager linux takes the addresses, one after the other, as sources towards announced ones"`
}

// Link is a point-to-point connection of two interfaces. Direction up is from a
// to b, down from b to a; the tables up and down override keys for one.
type Link struct {
	meta
	Name           string     `toml:"name" required:"true" doc:"unique name; the directions are NAME.up (a to b) and NAME.down (b to a)"`
	A              string     `toml:"a" required:"true" doc:"one end, \"node.iface\", usually the client's"`
	B              string     `toml:"b" required:"true" doc:"the other end, \"node.iface\""`
	Mode           string     `toml:"mode" enum:",fifo,served" doc:"as queue_mode in [defaults]; default from there"`
	CountInService *bool      `toml:"count_in_service" doc:"as in [defaults]; default from there"`
	Profile        PluginRef  `toml:"profile" doc:"kind of access link (mpsim list link-profile): varying rates in both directions, delay and queues"`
	Process        string     `toml:"process" default:"" doc:"name of the random rate process of the profile; links with the same name see the same rates. Default: the link's name"`
	RTT            *Duration  `toml:"rtt" max:"1h" doc:"round-trip time for queues in bdp. Default: the delays of both directions"`
	Direction                 // keys that hold for both directions
	Up             *Direction `toml:"up"`
	Down           *Direction `toml:"down"`
	Cost           float64    `toml:"cost" default:"0" min:"0" max:"1e12" doc:"cost of the path for schedulers and controllers that ask, in any unit. A subflow costs what the links at its two ends cost together"`
	Weight         int        `toml:"weight" default:"1" min:"1" max:"1000" doc:"share of the path for the schedulers weighted and random. A subflow has the product of the weights of the links at its two ends"`
	ECMPWeight     int        `toml:"ecmp_weight" default:"0" min:"0" max:"1000000" doc:"share of the link among next hops of equal cost with mode = \"weighted\" in [ecmp]; 0: its rate in Mb/s"`
	Medium         string     `toml:"medium" default:"" doc:"name of the [[medium]] that both directions share with other links, in place of a rate. Of the two ends b is the access point, which is one station for all links of its node"`
	PHYRate        *Rate      `toml:"phy_rate" doc:"rate of 802.11 at which both ends send frames, none of which the signal damages; default the highest of the standard"`
	LTE            *LTE       `toml:"lte"`
	Radio          *RadioPath `toml:"radio"`
	Boxes          []*Box     `toml:"box"`
}

// Direction is what may differ between the two directions of a link.
type Direction struct {
	meta
	Rate     *Rate        `toml:"rate" doc:"bits of IP packets per second; default unlimited"`
	Delay    *Duration    `toml:"delay" max:"1h" doc:"one-way propagation delay; default 0ns, or the profile's"`
	Queue    *Queue       `toml:"queue" doc:"drop-tail queue: 100pkt, 64KiB or 1bdp; default 1bdp if the rate is limited, or the profile's"`
	Mark     *Queue       `toml:"mark" doc:"drop-tail queue that marks: ECN-capable packets that find more than this in it (20pkt, 30KB) get CE; default no marks"`
	AQM      PluginRef    `toml:"aqm" doc:"queue discipline in place of drop-tail, with parameters if needed (see Queue disciplines below, mpsim list queue): \"codel\" or { name = \"red\", min = \"5pkt\" }. queue stays the limit; the link is served whatever its mode. Excludes mark"`
	Loss     *Probability `toml:"loss" doc:"probability of losing a packet before the queue; default 0"`
	LossCorr *Probability `toml:"loss_correlation" doc:"correlation of the draws of loss, as netem's loss 1% 25% has it; the share that is lost is then not loss any more: burst_loss does what it says. Default 0"`
	Burst    *BurstLoss   `toml:"burst_loss"`
	Drop     []int        `toml:"drop" min:"0" max:"4294967295" doc:"packets to drop, counted from 0 as they are offered to the link"`
	DropMask string       `toml:"drop_mask" default:"" doc:"64 binary or 16 hexadecimal digits, bit i for packets i, i+64, ... from the right: repeated drop pattern"`
	Jitter   *Duration    `toml:"jitter" max:"1h" doc:"uniform random time from 0 to this for which the sending node holds each packet back, without reordering; default 0ns"`
	JitCorr  *Probability `toml:"jitter_correlation" doc:"correlation of the draws of jitter; default 0"`
	MTU      *Bytes       `toml:"mtu" min:"68B" max:"65535B" doc:"larger packets are dropped, or cut if their flag DF is clear (df = false); default 65535B"`
	ICMPMTU  *bool        `toml:"icmp_mtu" doc:"whether that message says the MTU; false as from routers before RFC 1191, whose hosts guess (RFC 1191 section 7). Default true"`
	ICMP     *bool        `toml:"icmp" doc:"whether the node that drops a packet larger than the MTU tells its source by ICMP (fragmentation needed, packet too big); false makes a black hole for path MTU discovery. Default true"`
	Overhead *Bytes       `toml:"overhead" max:"1000B" doc:"octets added to each packet for serialisation; default 0B"`
	AckDelay *Duration    `toml:"ack_delay" max:"1h" doc:"acknowledgements without payload take no room in the queue, no time of the link and none of its losses, and arrive after this time, as in the simulators of many papers; default: they queue like other packets"`
	Trace    *TraceRef    `toml:"trace"`
}

// TraceRef names a recorded link trace.
type TraceRef struct {
	meta
	File   string   `toml:"file" required:"true" doc:"path below the data directory (--data, MPSIM_DATA, ../shared/data)"`
	Format string   `toml:"format" default:"auto" doc:"format of the file: auto or one of mpsim list trace"`
	Offset Duration `toml:"offset" default:"0s" max:"1000h" doc:"where in the recording the run begins"`
	Scale  float64  `toml:"scale" default:"1" min:"0.001" max:"1000" doc:"factor on all rates"`
	Loop   bool     `toml:"loop" default:"true" doc:"begin again at the end of the recording; false: the link stops there"`
}

// Route is an explicit route of one node; it wins over automatic ones.
type Route struct {
	meta
	Node       string `toml:"node" required:"true" doc:"node whose routing table gets the route"`
	To         string `toml:"to" required:"true" doc:"destination prefix, \"10.0.9.0/24\", \"default\", or a node's name for all of its addresses"`
	Via        string `toml:"via" required:"true" doc:"interface of the node through which it leads"`
	From       string `toml:"from" default:"" doc:"only for packets with this source prefix"`
	SourcePort string `toml:"sport" default:"" doc:"only for packets with this source port, or one of a range: \"41001\", \"41001-41004\""`
	DestPort   string `toml:"dport" default:"" doc:"only for packets with this destination port, or one of a range"`
}

// Flow is one connection or packet stream with its application.
type Flow struct {
	meta
	Name           string        `toml:"name" required:"true" doc:"unique name in results and expectations"`
	Group          string        `toml:"group" default:"" doc:"name under which metrics count several flows together, such as that of [[traffic]]"`
	Protocol       string        `toml:"protocol" default:"mptcp" enum:"mptcp,tcp,udp" doc:"transport protocol"`
	Client         string        `toml:"client" required:"true" doc:"node that opens the connection"`
	Server         string        `toml:"server" required:"true" doc:"node that accepts it"`
	Servers        []string      `toml:"servers" doc:"further nodes at which the server's application listens, behind a load balancer: to is then its virtual address, and the network decides which of them accepts the connection. Not for udp"`
	Via            string        `toml:"via" default:"" doc:"client interface of the initial subflow; default: the first one with a route to the server"`
	To             string        `toml:"to" default:"" doc:"server interface or address to connect to; default: the one reached first from via"`
	Port           int           `toml:"port" default:"0" min:"0" max:"65535" doc:"server port; 0: 5001 for the first flow, 5002 for the second, ..."`
	Listen         string        `toml:"listen" default:"any" enum:"any,address" doc:"where the server of a TCP or MPTCP flow listens: at the port of all its addresses, or only at the address that the client connects to; with the profile linux a join to another address is then refused"`
	App            string        `toml:"app" default:"" enum:",bulk,request,ftp,cbr,onoff" doc:"application; default bulk, for udp cbr"`
	Direction      string        `toml:"direction" default:"down" enum:"down,up" doc:"who sends in bulk, cbr and onoff: the server (down) or the client (up)"`
	Size           Bytes         `toml:"size" default:"unlimited" doc:"bytes that bulk, cbr or onoff send"`
	Start          Duration      `toml:"start" default:"0s" max:"24h" doc:"when the client begins"`
	Stop           *Duration     `toml:"stop" max:"24h" doc:"when the sender stops; default: never"`
	CC             PluginRef     `toml:"cc" doc:"congestion controller of both ends; default from [defaults]"`
	Scheduler      PluginRef     `toml:"scheduler" doc:"scheduler of both ends; default from [defaults]"`
	PathManager    PluginRef     `toml:"path_manager" doc:"path manager of both ends; default from [defaults]"`
	Mode           string        `toml:"mode" enum:",full,backup,singlepath" doc:"as in [defaults], in place of path_manager"`
	SendBuffer     *Buffer       `toml:"send_buffer" doc:"default from [defaults]"`
	ReceiveBuffer  *Buffer       `toml:"receive_buffer" doc:"default from [defaults]"`
	SendMemory     *Bytes        `toml:"wmem_max" doc:"default from [defaults]"`
	ReceiveMemory  *Bytes        `toml:"rmem_max" doc:"default from [defaults]"`
	NoDelay        *bool         `toml:"nodelay" doc:"default from [defaults]"`
	FastOpen       string        `toml:"fastopen" enum:",off,on,known,nocookie" doc:"TCP Fast Open: the client asks for a cookie and sends its first request or data with the SYN once it has one (on); has one of an earlier connection (known); sends data without a cookie (nocookie). Default off"`
	SYNCookies     string        `toml:"syncookies" enum:",off,always" doc:"always: the server answers SYNs by SYN cookies and keeps no state of them; default off"`
	MSS            *int          `toml:"mss" min:"0" max:"65495" doc:"default from [defaults]"`
	Opportunistic  *bool         `toml:"opportunistic" doc:"default from [defaults]"`
	Penalise       *bool         `toml:"penalise" doc:"default from [defaults]"`
	Reprobe        *bool         `toml:"reprobe" doc:"default from [defaults]"`
	ResetUnder     *bool         `toml:"reset_underperforming" doc:"default from [defaults]"`
	ResetDelivered *bool         `toml:"reset_delivered" doc:"default from [defaults]"`
	Checksum       string        `toml:"checksum" default:"profile" enum:"profile,demand,required,refused" doc:"DSS checksums of both ends: as the profile of each says, used if the peer requires them, required, or refused (plain TCP)"`
	MSSPolicy      string        `toml:"mss_policy" default:"free" enum:"free,max,min,adaptive" doc:"size of connection-level segments where subflows have different MSS (RFC 8041 section 3.8): data is cut when it is sent, or kept in segments of the largest or smallest MSS, or the one that promises most; then windows count segments"`
	PortPolicy     string        `toml:"port_policy" default:"profile" enum:"profile,ephemeral,same" doc:"local port from which either end opens further subflows (RFC 8684 section 3.9.1): as the profile says, a fresh ephemeral one, or that of the initial subflow if it is free"`
	PathActions    []*PathAction `toml:"path_action"`
	Request        *RequestApp   `toml:"request"`
	FTP            *FTPApp       `toml:"ftp"`
	CBR            *CBRApp       `toml:"cbr"`
	OnOff          *OnOffApp     `toml:"onoff"`
}

// PathAction is one action of the path manager "scripted".
type PathAction struct {
	meta
	Side    string   `toml:"side" default:"client" enum:"client,server" doc:"whose path manager acts"`
	On      string   `toml:"on" default:"CREATED" enum:"CREATED,ESTABLISHED,ANNOUNCED,REMOVED,SF_ESTABLISHED,SF_CLOSED,SF_PRIO,rto,local_up,local_down" doc:"event that is waited for: those of ip mptcp monitor by their names there, a retransmission timeout, an address of the host that comes or goes"`
	Nth     int      `toml:"nth" default:"1" min:"0" max:"1000000" doc:"which event of its kind; 0: each"`
	After   Duration `toml:"after" default:"0s" max:"24h" doc:"time from the event to the action"`
	Do      string   `toml:"do" required:"true" enum:"open,close,reset,announce,remove,backup,nobackup" doc:"open a subflow, close it by FIN or by RST, announce an address, withdraw it and close the subflows from it, make a subflow a backup or no longer one"`
	From    string   `toml:"from" default:"" doc:"interface of the side whose address is meant. Default: that of the event, in open else as the route gives"`
	To      string   `toml:"to" default:"" doc:"open: interface of the other side to connect to. Default: on ANNOUNCED the announced address, else that of the initial subflow"`
	Backup  bool     `toml:"backup" default:"false" doc:"open: as a backup"`
	Subflow int      `toml:"subflow" default:"-1" min:"-1" max:"255" doc:"close, reset, backup, nobackup: number of the subflow at that side. Default: that of the event, or the initial one"`
}

// RequestApp parametrises app = "request": a client that asks again and again
// over one connection.
type RequestApp struct {
	meta
	Request  Bytes    `toml:"request" default:"100B" min:"1B" doc:"bytes of a request"`
	Response Bytes    `toml:"response" default:"10kB" min:"1B" doc:"bytes of a response"`
	Count    int      `toml:"count" default:"1" min:"1" max:"1000000" doc:"number of requests; the client then closes"`
	Interval Duration `toml:"interval" default:"0s" max:"24h" doc:"time from one request to the next; a later response delays it"`
	Think    Duration `toml:"think" default:"0s" max:"24h" doc:"time from a response to the next request, if interval does not ask for more"`
}

// FTPApp parametrises app = "ftp": a session of the File Transfer Protocol in which
// the client fetches files one after the other.
type FTPApp struct {
	meta
	Files    int      `toml:"files" default:"1" min:"1" max:"10000" doc:"number of files; the client then quits"`
	Size     Bytes    `toml:"size" default:"1MB" min:"1B" max:"1000GB" doc:"bytes of a file"`
	Mode     string   `toml:"mode" default:"active" enum:"active,passive" doc:"who opens data connections: the server, to the end that the client's PORT names (active), or the client (passive)"`
	Extended bool     `toml:"extended" default:"false" doc:"EPRT and EPSV (RFC 2428) in place of PORT and PASV over IPv4, too; over IPv6 always"`
	EPSVAll  bool     `toml:"epsv_all" default:"false" doc:"with mode passive: the client says EPSV ALL first, that it will use EPSV only (RFC 2428 section 4)"`
	Port     int      `toml:"port" default:"50040" min:"1024" max:"55535" doc:"where the client listens for its first data connection; those of further files follow"`
	Pause    Duration `toml:"pause" default:"0s" max:"24h" doc:"for how long the user thinks before each file and before the end"`
}

// CBRApp parametrises app = "cbr": datagrams at a constant rate.
type CBRApp struct {
	meta
	Rate   Rate  `toml:"rate" default:"1Mbps" min:"1bps" doc:"payload bits per second"`
	Packet Bytes `toml:"packet" default:"1200B" min:"1B" max:"65507B" doc:"payload of a datagram"`
}

// OnOffApp parametrises app = "onoff": datagrams at a constant rate in bursts.
type OnOffApp struct {
	meta
	Rate   Rate         `toml:"rate" default:"1Mbps" min:"1bps" doc:"payload bits per second during a burst"`
	Packet Bytes        `toml:"packet" default:"1200B" min:"1B" max:"65507B" doc:"payload of a datagram"`
	On     Distribution `toml:"on" default:"exponential 1s" doc:"length of a burst"`
	Off    Distribution `toml:"off" default:"exponential 1s" doc:"pause between bursts"`
}

// Action is one entry of the timeline.
type Action struct {
	meta
	Name      string       `toml:"name" default:"" doc:"optional name by which a scenario that extends this one overrides the entry"`
	Time      Duration     `toml:"time" required:"true" max:"24h" doc:"when it happens; actions precede packets of the same instant"`
	Action    string       `toml:"action" required:"true" enum:"link.down,link.up,link.blackhole,link.restore,link.pause,link.resume,link.flap,link.set,addr.add,addr.del,iface.down,iface.up,flow.stop,box.on,box.off,nat.rebind,nat.renumber,nat.map,nat.peer" doc:"what happens; see Actions below"`
	Links     []string     `toml:"links" doc:"links meant, * and ? match any characters"`
	Direction string       `toml:"direction" default:"both" enum:"both,up,down" doc:"direction of the links"`
	Queue     string       `toml:"queue" default:"drop" enum:"drop,keep" doc:"link.down, link.blackhole, link.flap and link.pause: what happens to queued packets; default of link.pause: keep"`
	InFlight  string       `toml:"inflight" default:"drop" enum:"drop,keep" doc:"link.down, link.blackhole, link.flap and link.pause: what happens to packets on their way; default of link.pause: keep"`
	Detect    *Duration    `toml:"detect" max:"24h" doc:"link.down: how long the interfaces at the link take to notice; default 0s"`
	Reroute   *Duration    `toml:"reroute" max:"24h" doc:"with [ecmp]: how long all other nodes take after that to find other ways; default 0s"`
	DownTime  Distribution `toml:"down_time" default:"constant 1s" doc:"link.flap: how long each failure lasts"`
	UpTime    Distribution `toml:"up_time" default:"constant 1s" doc:"link.flap: how long the link works after each"`
	Count     int          `toml:"count" default:"0" min:"0" max:"1000000" doc:"link.flap: number of failures; 0: no limit"`
	Until     *Duration    `toml:"until" max:"24h" doc:"link.flap: when the link works for good; default: never"`
	Silent    bool         `toml:"silent" default:"false" doc:"link.flap: nobody is told, as with link.blackhole"`
	Rate      *Rate        `toml:"rate" doc:"link.set: new rate"`
	Delay     *Duration    `toml:"delay" max:"1h" doc:"link.set: new one-way delay"`
	Loss      *Probability `toml:"loss" doc:"link.set: new loss probability"`
	Limit     *Queue       `toml:"limit" doc:"link.set: new queue limit in packets or bytes"`
	Interface string       `toml:"interface" default:"" doc:"addr.* and iface.*: interface meant, \"node.iface\". nat.map: interface of the asking host"`
	Address   string       `toml:"address" default:"" doc:"addr.*: address with prefix length. nat.renumber: new outside address"`
	Flows     []string     `toml:"flows" doc:"flow.stop: flows meant, * and ? match any characters. nat.map, nat.peer: the flow whose client asks for the address and port of its initial subflow, or for that session"`
	Boxes     []string     `toml:"boxes" doc:"box.* and nat.*: boxes meant, * and ? match any characters"`
	Port      int          `toml:"port" default:"0" min:"0" max:"65535" doc:"nat.map: port of the asking host, if no flow is given"`
	Protocol  string       `toml:"protocol" default:"tcp" enum:"tcp,udp" doc:"nat.map: protocol of the mapping"`
	Outside   int          `toml:"outside_port" default:"0" min:"0" max:"65535" doc:"nat.map: outside port that is suggested; 0: any"`
	Lifetime  Duration     `toml:"lifetime" default:"1h" min:"0s" max:"24h" doc:"nat.map, nat.peer: lifetime that is asked for, whole seconds; 0s: the mapping is given back (nat.map)"`
	Renew     bool         `toml:"renew" default:"true" doc:"nat.map, nat.peer: ask again at half of the lifetime (RFC 6887 section 11.2.1)"`
	Label     string       `toml:"label" default:"" doc:"text for figures"`
}

// Expect is one expectation.
type Expect struct {
	Name string
	Expr string
	pos  Pos // of the text of the expression

	parsed *comparison
}

// PluginRef names a plug-in, with parameters if needed: "cubic" or
// { name = "cubic", hystart = 0 }. A name "file:my.star" is that of a script.
type PluginRef struct {
	Name   string
	Params []PluginParam
	pos    Pos
	script *scriptFile // what a name "file:..." stands for; nil: another name
}

// PluginParam is one parameter of a PluginRef.
type PluginParam struct {
	Name  string
	Value float64
	// Text is the name that stands for Value, if the file gives one.
	Text string
	pos  Pos
}
