package radio

import (
	"fmt"
	"strings"
)

// origins says where the recorded traces come from that scenarios ask for, by
// the directory in which they are expected.
var origins = []struct{ dir, origin string }{
	{"mahimahi", "cellular drives in the mahimahi format (one ms a line, gzip allowed), from https://github.com/ravinet/mahimahi, traces/ (GPL-3; Winstein et al., NSDI'13)"},
	{"wifi-cell-pairs", "WiFi and cellular capacity of the same walk as `second,bytes_per_second`, named PATH_TRIAL_{wifi,cellular}.csv, from https://github.com/yguruprasad/Multipath-Wireless-Link-Traces, Traces/ (Aydin, Fund, Panwar, INFOCOM CNERT 2023)"},
	{"mtu-3g4g5g", "3G, 4G and 5G uplinks of one drive as CSV with RATE(MBit/s), from https://github.com/MTU-Insectt/Measurements5G, all_interfaces/cleaned_and_synced"},
	{"ucc-5g", "5G driving logs as CSV with DL_bitrate and NetworkMode, from https://github.com/uccmisl/5Gdataset (GPL-3; Raca et al., MMSys'20)"},
	{"nyu-mets", "LTE on trains and buses as `value,Mbits/sec`, from https://github.com/NYU-METS/Main, Sample_Traces (ODbL 1.0)"},
}

// Origin says, for the error about a trace file that does not exist, what the
// file should be and where such traces come from.
func Origin(path string) string {
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '\\' })
	for _, part := range parts {
		for _, o := range origins {
			if part == o.dir {
				return "expected: " + o.origin
			}
		}
	}
	var formats []string
	for _, f := range Formats() {
		formats = append(formats, string(f.Format))
	}
	return fmt.Sprintf("expected: a recorded link trace in one of the formats %s (see `mpsim trace info`)", strings.Join(formats, ", "))
}
