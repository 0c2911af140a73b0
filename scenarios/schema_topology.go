package scenarios

// ECMP says that routers find shortest paths by themselves, and how a node chooses
// among next hops of equal cost. Without it every node has one way to each address.
type ECMP struct {
	meta
	Mode      string   `toml:"mode" default:"hash" enum:"off,hash,weighted,resilient,random,roundrobin,flowlet" doc:"how nodes choose among next hops: the first one; by a hash of each flow; the same in proportion to ecmp_weight; the same such that a member that fails moves its own flows only; each packet at random or in turns; each flow anew after a pause of gap"`
	Metric    string   `toml:"metric" default:"hops" enum:"hops,delay" doc:"what a shortest path is: the fewest links, or the least propagation delay"`
	Seed      uint64   `toml:"seed" default:"0" doc:"seed of the hash, together with the name of each node; 0: the seed of the run"`
	Polarised bool     `toml:"polarised" default:"false" doc:"the hash of all nodes is the same: what one has separated the next one does not separate again"`
	Symmetric bool     `toml:"symmetric" default:"false" doc:"both directions of a flow have the same hash"`
	Fields    string   `toml:"fields" default:"5-tuple" enum:"5-tuple,addresses" doc:"what is hashed: addresses, ports and protocol, or addresses and protocol"`
	Gap       Duration `toml:"gap" default:"200us" max:"10s" doc:"flowlet: pause after which a flow chooses anew; should exceed the difference of the delays of the members"`
	Pick      string   `toml:"pick" default:"random" enum:"random,least" doc:"flowlet: the choice is random, or the shortest queue"`
	Flowlets  int      `toml:"flowlets" default:"1024" min:"1" max:"1048576" doc:"flowlet: entries of the table of each node, in which flows may collide"`
}

// Traffic is a group of flows that a pattern makes. Beside these keys it takes those
// of [[flow]], which hold for every flow of the group.
type Traffic struct {
	meta
	Name     string       `toml:"name" required:"true" doc:"name of the group; its flows are NAME-0, NAME-1, ..."`
	Pattern  string       `toml:"pattern" required:"true" enum:"permutation,random,sparse,hotspot,incast,alltoall,stride,local,poisson,file" doc:"who sends to whom; see Patterns below"`
	Draws    string       `toml:"draws" default:"" doc:"name of the random numbers of the pattern: groups that have the same one, and the same pattern, have the same pairs; default: the group's name"`
	Hosts    []string     `toml:"hosts" doc:"hosts that take part, * and ? match any characters; default: all"`
	Subflows int          `toml:"subflows" default:"0" min:"0" max:"64" doc:"subflows of each connection: from different ports (path manager ndiffports), or over the path set of the topology; 0: as path_manager says"`
	AtMost   bool         `toml:"at_most_paths" default:"false" doc:"no connection has more subflows than the topology has shortest paths between its hosts"`
	Jitter   Duration     `toml:"jitter" default:"0s" max:"1h" doc:"flows start at random up to this much after start"`
	Flows    int          `toml:"flows" default:"1" min:"1" max:"1000" doc:"random: flows of each host, to different hosts"`
	Share    *Probability `toml:"share" doc:"sparse: part of the hosts that send, default 0.3; hotspot: part of the hosts that send to a target, default 0.5"`
	Targets  int          `toml:"targets" default:"1" min:"1" max:"1000" doc:"hotspot: hosts drawn as targets"`
	Target   string       `toml:"target" default:"" doc:"incast: the host that receives; default: drawn"`
	Senders  int          `toml:"senders" default:"0" min:"0" max:"65535" doc:"incast: hosts drawn as senders; 0: all others"`
	Stride   int          `toml:"stride" default:"1" min:"1" max:"65535" doc:"stride: host i sends to host i + stride"`
	Load     float64      `toml:"load" default:"0.5" min:"0.001" max:"10" doc:"poisson: mean of what each host sends, as part of capacity"`
	Capacity Rate         `toml:"capacity" default:"1Gbps" min:"1kbps" doc:"poisson: rate of the link of a host, of which load is a part"`
	Sizes    string       `toml:"sizes" default:"" doc:"poisson: file below the data directory with the distribution of flow sizes, lines \"bytes probability\" (cumulative, up to 1 or 100), linear between them; default: all flows have size"`
	File     string       `toml:"file" default:"" doc:"file: file below the data directory with lines \"start_in_s source destination bytes\""`
	Most     int          `toml:"most" default:"50000" min:"1" max:"50000" doc:"poisson and file: flows at most; more are a problem of the scenario"`

	extra []extraKey
}

// takeExtra implements extraTaker: keys of flows.
func (t *Traffic) takeExtra(name string, e *entry) { t.extra = append(t.extra, extraKey{name, e}) }

// TrafficPatterns returns the patterns of [[traffic]] with what they do.
func TrafficPatterns() [][2]string { return trafficPatterns }

// trafficPatterns are the patterns with what they do.
var trafficPatterns = [][2]string{
	{"permutation", "every host sends one flow and receives one, drawn at random (TP1 of NSDI'11)"},
	{"random", "every host sends `flows` flows to different hosts drawn at random (TP2 for fat-trees, with flows = 12)"},
	{"sparse", "a `share` of the hosts, drawn at random, sends one flow each to different hosts drawn at random (TP3)"},
	{"hotspot", "every host sends one flow: a `share` of the hosts to one of `targets` hosts drawn before, the others to any host"},
	{"incast", "`senders` hosts send one flow each to `target`"},
	{"alltoall", "every host sends one flow to every other one"},
	{"stride", "host i sends one flow to host i + stride, modulo their number"},
	{"local", "every host sends one flow to each host of its rack, or to each with which it shares a switch"},
	{"poisson", "flows between hosts drawn at random begin as a Poisson process, such that each host sends `load` x `capacity` in the mean"},
	{"file", "the flows of a file"},
}
