package radio

import (
	"fmt"
	"slices"
	"strings"

	"mpsim/sim"
)

// Find looks a profile up by name and returns a copy.
func Find(name string) (*Profile, error) {
	var known []string
	for _, p := range Profiles() {
		if p.Name == name {
			return &p, nil
		}
		known = append(known, p.Name)
	}
	return nil, fmt.Errorf("unknown link profile %q; known are %s", name, strings.Join(known, ", "))
}

// Profiles returns the table of link profiles.
//
// Means, variations and times of the wireless ones were fitted by eye to
// recorded traces: the mean, the coefficient of variation and the
// autocorrelation of the trace at its own resolution, and the number and length
// of its silences. "Walks" are the simultaneous WiFi and cellular capacities of
// Aydin, Fund, Panwar (INFOCOM CNERT'23), by number of the path; "mahimahi" are
// the traces shipped with it (Winstein, Sivaraman, Balakrishnan, NSDI'13);
// "MTU" are the uplinks of Munster Technological University, Cork 2022. None of
// the profiles contains recorded data.
//
// Hardly any profile has loss: WiFi and LTE retransmit, so that loss of the radio shows
// as delay and a lower rate. The keys medium and lte of a link model how.
func Profiles() []Profile {
	return slices.Concat(wifiProfiles(), cellularProfiles(), otherCellularProfiles(), wiredProfiles())
}

const (
	ms   = sim.Millisecond
	mbps = sim.MegabitPerSecond
	kib  = 1 << 10
	mib  = 1 << 20
)

func wifiProfiles() []Profile {
	return []Profile{
		{
			Name: "wifi-home",
			Doc:  "WiFi near the access point: fast, slow variation, no fades",
			Source: "walks, path 11 WiFi: mean 41-52 Mb/s, CV 0.27, autocorrelation 0.86 at 1 s; " +
				"delay, queue (about 50 ms at the mean) and uplink mean assumed",
			Delay: 3 * ms, QueueDown: 256 * kib, QueueUp: 256 * kib,
			Down: Process{45 * mbps, 0.27, 6 * sim.Second},
			Up:   Process{30 * mbps, 0.27, 6 * sim.Second},
		},
		{
			Name: "wifi-walking",
			Doc:  "WiFi while walking around: strong variation, fades of seconds to a twentieth of the rate",
			Source: "walks, paths 7 and 8 WiFi: mean 13-32 Mb/s, CV 0.5-0.75, autocorrelation 0.81-0.94 at 1 s, " +
				"4-26 % of the seconds below a tenth of the mean; delay, queue (about 80 ms, as in NSDI'12) and uplink mean assumed",
			Delay: 5 * ms, QueueDown: 256 * kib, QueueUp: 128 * kib,
			Down: Process{25 * mbps, 0.45, 7 * sim.Second},
			Up:   Process{15 * mbps, 0.45, 7 * sim.Second},
			Fade: Fade{0.05, 20 * sim.Second, 3 * sim.Second},
		},
		{
			Name: "wifi-cafe",
			Doc:  "shared WiFi indoors: moderate rate, short dips while others send",
			Source: "walks, paths 22 and 23 WiFi: mean 8-19 Mb/s, CV 0.6-0.76, autocorrelation 0.65-0.86 at 1 s; " +
				"delay, queue (about 80 ms) and uplink mean assumed",
			Delay: 8 * ms, QueueDown: 128 * kib, QueueUp: 64 * kib,
			Down: Process{13 * mbps, 0.5, 3 * sim.Second},
			Up:   Process{8 * mbps, 0.5, 3 * sim.Second},
			Fade: Fade{0.25, 5 * sim.Second, 1 * sim.Second},
		},
		{
			Name: "wifi-public",
			Doc:  "public hotspot: as wifi-cafe, and one packet in a hundred is lost",
			Source: "loss: Chen et al., IMC'13, section 4: WiFi loses 1-2 % of TCP's packets where cellular networks lose next to none; " +
				"the rest as wifi-cafe",
			Delay: 12 * ms, QueueDown: 128 * kib, QueueUp: 64 * kib, Loss: 0.01,
			Down: Process{8 * mbps, 0.5, 3 * sim.Second},
			Up:   Process{4 * mbps, 0.5, 3 * sim.Second},
			Fade: Fade{0.25, 5 * sim.Second, 1 * sim.Second},
		},
	}
}

func cellularProfiles() []Profile {
	return []Profile{
		{
			Name: "lte-good",
			Doc:  "LTE with good coverage: fast, moderate variation, no fades",
			Source: "walks, paths 7, 8, 11 cellular: mean 37-53 Mb/s, CV 0.17-0.37, autocorrelation 0.5-0.86 at 1 s; " +
				"uplink: MTU LTE, mean 29 Mb/s, CV 0.42; RTT 50 ms and deep queue per user by ALGORITHMS.md E11",
			Delay: 25 * ms, QueueDown: 1 * mib, QueueUp: 512 * kib,
			Down: Process{42 * mbps, 0.3, 4 * sim.Second},
			Up:   Process{25 * mbps, 0.4, 10 * sim.Second},
		},
		{
			Name: "lte-walking",
			Doc:  "LTE at the edge of a cell on foot: strong variation, dips of a second",
			Source: "walks, path 13 cellular: mean 10-18 Mb/s, CV 0.73-1.0, autocorrelation 0.73-0.88 at 1 s; " +
				"uplink: mahimahi Verizon-LTE-short.up, mean 5.9 Mb/s, CV 0.59; RTT and queue by ALGORITHMS.md E11",
			Delay: 25 * ms, QueueDown: 1 * mib, QueueUp: 512 * kib,
			Down: Process{15 * mbps, 0.65, 5 * sim.Second},
			Up:   Process{6 * mbps, 0.5, 5 * sim.Second},
			Fade: Fade{0.1, 12 * sim.Second, 1 * sim.Second},
		},
		{
			Name: "lte-driving",
			Doc:  "LTE in a car: low mean, very strong and fast variation, silences of half a second",
			Source: "mahimahi ATT-LTE-driving-2016: down 4.56 Mb/s, CV 1.04 at 100 ms, autocorrelation 0.41 at 1 s; " +
				"up 1.91 Mb/s, CV 1.22; 0.17 silences of 200 ms or more a second, 0.4-0.8 s long; RTT and queue by ALGORITHMS.md E11",
			Delay: 30 * ms, QueueDown: 512 * kib, QueueUp: 256 * kib,
			Down: Process{4560 * sim.KilobitPerSecond, 0.95, 1500 * ms},
			Up:   Process{1910 * sim.KilobitPerSecond, 1.1, 800 * ms},
			Fade: Fade{0, 5500 * ms, 500 * ms},
		},
	}
}

func otherCellularProfiles() []Profile {
	return []Profile{
		{
			Name: "3g",
			Doc:  "3G as in the papers on MPTCP over WiFi and 3G: slow, long and deeply buffered",
			Source: "Raiciu et al., NSDI'12, emulated 3G: 2 Mb/s, RTT 150 ms, 2 s of buffer; " +
				"variation: MTU UMTS, CV 0.20, autocorrelation 0.74 at 3 s; uplink assumed",
			Delay: 75 * ms, QueueDown: 500_000, QueueUp: 128 * kib,
			Down: Process{2 * mbps, 0.2, 10 * sim.Second},
			Up:   Process{500 * sim.KilobitPerSecond, 0.2, 10 * sim.Second},
		},
		{
			Name: "lte",
			Doc:  "LTE as an operator's users see it in the mean",
			Source: "Huang et al., MobiSys'12: median down 12.7 Mb/s, up 5.6 Mb/s, RTT 70 ms; " +
				"variation as lte-good; queue by ALGORITHMS.md E11",
			Delay: 35 * ms, QueueDown: 1 * mib, QueueUp: 512 * kib,
			Down: Process{12700 * sim.KilobitPerSecond, 0.3, 4 * sim.Second},
			Up:   Process{5600 * sim.KilobitPerSecond, 0.3, 4 * sim.Second},
		},
		{
			Name: "lte-busy",
			Doc:  "lte in a cell in which others are busy by day: three fifths of the rate are gone at 14 h",
			Source: "daily cycle of cellular networks with a peak by day: RFC 8041 section 2.2; shape and depth assumed; " +
				"the rest as lte",
			Delay: 35 * ms, QueueDown: 1 * mib, QueueUp: 512 * kib,
			Down: Process{12700 * sim.KilobitPerSecond, 0.3, 4 * sim.Second},
			Up:   Process{5600 * sim.KilobitPerSecond, 0.3, 4 * sim.Second},
			Busy: Busy{Depth: 0.6, Peak: 14},
		},
		{
			Name: "5g",
			Doc:  "5G below 6 GHz in a city: fast, strong variation, short silences",
			Source: "Raca et al., MMSys'20 (UCC, log B_2020.01.16): mean 130 Mb/s, CV 0.79, silences 15 s in 387 s; " +
				"uplink: MTU 5G, mean 30 Mb/s, CV 0.87; RTT 30 ms and queue assumed",
			Delay: 15 * ms, QueueDown: 2 * mib, QueueUp: 1 * mib,
			Down: Process{130 * mbps, 0.75, 5 * sim.Second},
			Up:   Process{30 * mbps, 0.8, 5 * sim.Second},
			Fade: Fade{0, 50 * sim.Second, 2 * sim.Second},
		},
		{
			Name: "5g-driving",
			Doc:  "5G in a car: fast where it is there, long stretches with little",
			Source: "Raca et al., MMSys'20 (UCC, log B_2019.12.16, with changes to LTE): mean 61 Mb/s, CV 1.35, 61 silences, 107 s in 2950 s; " +
				"uplink, RTT 40 ms and queue assumed",
			Delay: 20 * ms, QueueDown: 2 * mib, QueueUp: 1 * mib,
			Down: Process{61 * mbps, 1.2, 5 * sim.Second},
			Up:   Process{15 * mbps, 1, 5 * sim.Second},
			Fade: Fade{0, 46 * sim.Second, 1800 * ms},
		},
	}
}

func wiredProfiles() []Profile {
	return []Profile{
		{
			Name:   "adsl",
			Doc:    "ADSL at its nominal rates, constant",
			Source: "ITU-T G.992.1: up to 8 Mb/s down, 0.8 Mb/s up; delay of an interleaved line and queues assumed",
			Delay:  12 * ms, QueueDown: 128 * kib, QueueUp: 64 * kib,
			Down: Process{Mean: 8 * mbps}, Up: Process{Mean: 800 * sim.KilobitPerSecond},
		},
		{
			Name: "adsl-evening",
			Doc:  "adsl whose aggregation network is full in the evening: half of the rate is gone at 21 h",
			Source: "daily cycle of fixed access with a peak in the evening: RFC 8041 section 2.2; shape and depth assumed; " +
				"the rest as adsl",
			Delay: 12 * ms, QueueDown: 128 * kib, QueueUp: 64 * kib,
			Down: Process{Mean: 8 * mbps}, Up: Process{Mean: 800 * sim.KilobitPerSecond},
			Busy: Busy{Depth: 0.5, Peak: 21},
		},
		{
			Name:   "vdsl",
			Doc:    "VDSL2 from a street cabinet, constant",
			Source: "ITU-T G.993.2 (profile 17a, up to 100 Mb/s and more); 50/10 Mb/s as commonly sold, 8 ms of interleaving and queues assumed",
			Delay:  8 * ms, QueueDown: 256 * kib, QueueUp: 128 * kib,
			Down: Process{Mean: 50 * mbps}, Up: Process{Mean: 10 * mbps},
		},
		{
			Name:   "docsis",
			Doc:    "cable access, constant",
			Source: "assumed as a common DOCSIS 3.0 subscription, 100/10 Mb/s with 100 ms of upstream buffer",
			Delay:  5 * ms, QueueDown: 512 * kib, QueueUp: 128 * kib,
			Down: Process{Mean: 100 * mbps}, Up: Process{Mean: 10 * mbps},
		},
		{
			Name: "leo",
			Doc:  "low-orbit satellite access",
			Source: "after Michel, Trevisan, Giordano, Bonaventure, IMC'22 (Starlink: about 180 Mb/s down, 17 Mb/s up, RTT 40-50 ms); " +
				"variation, 15 s coherence (its scheduling interval) and queues assumed",
			Delay: 20 * ms, QueueDown: 1 * mib, QueueUp: 256 * kib,
			Down: Process{180 * mbps, 0.3, 15 * sim.Second},
			Up:   Process{17 * mbps, 0.3, 15 * sim.Second},
		},
		{
			Name: "geo",
			Doc:  "geostationary satellite access, constant",
			Source: "delay: RFC 2488 section 2, about 240 ms up and down again, here with 60 ms for ground and access; " +
				"rates 50/10 Mb/s and queues of about one bandwidth-delay product assumed",
			Delay: 300 * ms, QueueDown: 4 * mib, QueueUp: 1 * mib,
			Down: Process{Mean: 50 * mbps}, Up: Process{Mean: 10 * mbps},
		},
	}
}
