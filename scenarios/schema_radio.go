package scenarios

// Medium is a channel of 802.11 that links share.
type Medium struct {
	meta
	Name      string `toml:"name" required:"true" doc:"unique name, which links give as medium"`
	Standard  string `toml:"standard" required:"true" doc:"kind of 802.11 (mpsim list medium)"`
	Aggregate bool   `toml:"ampdu" default:"true" doc:"stations send A-MPDUs, if the standard has them"`
	Retries   int    `toml:"retries" default:"7" min:"1" max:"255" doc:"how often a frame is sent at most (dot11ShortRetryLimit)"`
}
