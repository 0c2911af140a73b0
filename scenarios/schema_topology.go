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
