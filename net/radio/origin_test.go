package radio

import (
	"strings"
	"testing"
)

func TestOrigin(t *testing.T) {
	for path, want := range map[string]string{
		"../shared/data/mahimahi/ATT-LTE-driving-2016.down.gz": "ravinet/mahimahi",
		"wifi-cell-pairs/7_1_wifi.csv":                         "CNERT 2023",
		`D:\data\ucc-5g\x.csv.gz`:                              "MMSys'20",
		"mtu-3g4g5g/DataLTE.csv.gz":                            "MTU-Insectt",
		"nyu-mets/QTrain.csv":                                  "ODbL",
		"my.trace":                                             "formats mahimahi, csv-bytes, ",
	} {
		if got := Origin(path); !strings.Contains(got, want) || strings.Contains(got, "\n") {
			t.Errorf("Origin(%q) = %q, want something with %q", path, got, want)
		}
	}
}
