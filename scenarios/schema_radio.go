package scenarios

// Medium is a channel of 802.11 that links share.
type Medium struct {
	meta
	Name      string `toml:"name" required:"true" doc:"unique name, which links give as medium"`
	Standard  string `toml:"standard" required:"true" doc:"kind of 802.11 (mpsim list medium)"`
	Aggregate bool   `toml:"ampdu" default:"true" doc:"stations send A-MPDUs, if the standard has them"`
	Retries   int    `toml:"retries" default:"7" min:"1" max:"255" doc:"how often a frame is sent at most (dot11ShortRetryLimit)"`
}

// LTE is the user plane of a device on LTE, which serves both directions of a link.
type LTE struct {
	meta
	BLER      float64  `toml:"bler" default:"0.1" min:"0" max:"0.9" doc:"probability that an attempt to transmit a block of 1 ms fails"`
	Attempts  int      `toml:"attempts" default:"4" min:"1" max:"28" doc:"attempts of HARQ, 8 ms apart, before RLC repeats the block"`
	RLCDelay  Duration `toml:"rlc_delay" default:"40ms" max:"1s" doc:"time from the last failed attempt until RLC repeats the block"`
	Promotion Duration `toml:"promotion" default:"260ms" max:"10s" doc:"time from idle to connected (Huang et al., MobiSys'12)"`
	Tail      Duration `toml:"tail" default:"11.576s" max:"1h" doc:"silence after which the device is idle (Huang et al., MobiSys'12)"`
	DRXAfter  Duration `toml:"drx_after" default:"100ms" max:"10s" doc:"silence after which a connected device sleeps"`
	DRXCycle  Duration `toml:"drx_cycle" default:"40ms" max:"2560ms" doc:"interval at which a sleeping device listens; 0ms: it never sleeps"`
	Grant     Duration `toml:"grant" default:"15ms" max:"1s" doc:"time from a request to send until the first transmission, if nothing was sent for as long"`
}

// RadioPath is the way of a host past access points or base stations.
type RadioPath struct {
	meta
	Walk          []string `toml:"walk" required:"true" doc:"waypoints \"TIME PLACE\" of the host on a line, \"0s 5m\"; straight in between"`
	Cells         []int    `toml:"cells" required:"true" min:"-1000000" max:"1000000" doc:"places of access points or base stations on the line, in metres"`
	Power         float64  `toml:"power" default:"20" min:"-30" max:"80" doc:"radiated power, dBm"`
	Reference     float64  `toml:"reference" default:"40" min:"0" max:"150" doc:"path loss at 1 m, dB: 40 at 2.4 GHz, 47 at 5 GHz, 31 at 800 MHz in free space"`
	Exponent      float64  `toml:"exponent" default:"3" min:"1" max:"8" doc:"exponent of path loss: 2 in free space, 2.7 to 4 in towns and buildings"`
	Shadowing     float64  `toml:"shadowing" default:"0" min:"0" max:"20" doc:"standard deviation of log-normal shadowing, dB"`
	Correlation   float64  `toml:"correlation" default:"25" min:"0.1" max:"10000" doc:"metres over which the correlation of shadowing falls to 1/e"`
	Handover      string   `toml:"handover" default:"" enum:",stay,scan,a3" doc:"how the host changes over: never, and its attachment is never lost; as WiFi, by scanning; as LTE, by event A3. Default scan on a medium, a3 with lte"`
	Leave         float64  `toml:"leave" default:"-88" min:"-150" max:"0" doc:"dBm below which the attachment is lost"`
	Join          float64  `toml:"join" default:"-82" min:"-150" max:"0" doc:"dBm needed to attach"`
	Roam          float64  `toml:"roam" default:"-75" min:"-150" max:"0" doc:"scan: dBm below which the host leaves for a stronger access point"`
	Hysteresis    float64  `toml:"hysteresis" default:"8" min:"0" max:"50" doc:"scan: dB by which that must be stronger"`
	Search        Duration `toml:"search" default:"200ms" min:"1ms" max:"60s" doc:"length of a scan"`
	Attach        Duration `toml:"attach" default:"500ms" max:"60s" doc:"association and addresses after a scan"`
	Offset        float64  `toml:"offset" default:"3" min:"0" max:"50" doc:"a3: dB by which a neighbour must be stronger"`
	TimeToTrigger Duration `toml:"time_to_trigger" default:"256ms" max:"10s" doc:"a3: for how long"`
	Interruption  Duration `toml:"interruption" default:"45ms" max:"10s" doc:"a3: time without service in a handover"`
	Forward       bool     `toml:"forward" default:"true" doc:"queued packets go on after a change of cell; false: they are dropped"`
	Notify        bool     `toml:"notify" default:"true" doc:"interfaces notice a lost attachment: their addresses go; false: the link looks up and is dead"`
	Warn          float64  `toml:"warn" default:"0" min:"-150" max:"0" doc:"dBm below which the host is warned: addresses of its interface become backup until the signal is 3 dB better (MP_PRIO); 0: no warning"`
	Noise         float64  `toml:"noise" default:"-95" min:"-150" max:"0" doc:"lte: dBm of noise and interference; the rate of the link is that of CQI 15, less at a lower ratio"`
}
