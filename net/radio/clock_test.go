package radio

import (
	"testing"
	"time"
)

// TestClockAgainstStandardLibrary compares both date formats with package time
// over four hundred years and at the edges of a day.
func TestClockAgainstStandardLibrary(t *testing.T) {
	for year := 1970; year < 2370; year++ {
		for _, hms := range []int{0, 86399, 45296} {
			for month := time.January; month <= time.December; month++ {
				for _, day := range []int{1, 28, 29, 30, 31} {
					at := time.Date(year, month, day, 0, 0, hms, 0, time.UTC)
					if at.Month() != month {
						continue // no such day
					}
					if got, ok := parseUnixDate(at.Format("Mon Jan _2 15:04:05 UTC 2006")); !ok || got != at.Unix() {
						t.Fatalf("date(1) form of %v: %d, %v", at, got, ok)
					}
					if got, ok := parseNetTrackDate(at.Format("2006.01.02_15.04.05")); !ok || got != at.Unix() {
						t.Fatalf("NetTrack form of %v: %d, %v", at, got, ok)
					}
				}
			}
		}
	}
}

func TestClockRefuses(t *testing.T) {
	for _, s := range []string{
		"", "Sat Aug 20 13:29:30 UTC", "Sat Aug 20 13:29:30 CET 2022", "Sat Agu 20 13:29:30 UTC 2022",
		"Sat anF 20 13:29:30 UTC 2022", "Sat Aug 0 13:29:30 UTC 2022", "Sat Feb 29 13:29:30 UTC 2023",
		"Sat Aug 20 24:00:00 UTC 2022", "Sat Aug 20 13:60:30 UTC 2022", "Sat Aug 20 13:29:60 UTC 2022",
		"Sat Aug 20 13:29 UTC 2022", "Sat Aug 20 13:29:30 UTC 1969", "Sat Aug 20 13:29:30 UTC 20222",
	} {
		if n, ok := parseUnixDate(s); ok {
			t.Errorf("%q parsed as %d", s, n)
		}
	}
	for _, s := range []string{
		"", "2019.12.16", "2019.12.16_14.23", "2019.12_14.23.32", "2019.00.16_14.23.32", "2019.x.16_14.23.32",
		"2019.02.30_14.23.32", "2019.12.16_-1.23.32", "1900.02.29_00.00.00",
	} {
		if n, ok := parseNetTrackDate(s); ok {
			t.Errorf("%q parsed as %d", s, n)
		}
	}
}
