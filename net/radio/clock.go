package radio

import "strings"

// parseUnixDate parses `Sat Aug 20 13:29:30 UTC 2022`, the form of date(1), in
// seconds since 1970. The day of the week is not checked.
func parseUnixDate(s string) (int64, bool) {
	part := strings.Fields(s)
	if len(part) != 6 || part[4] != "UTC" || len(part[1]) != 3 {
		return 0, false
	}
	month := strings.Index("JanFebMarAprMayJunJulAugSepOctNovDec", part[1])
	clock := strings.Split(part[3], ":")
	if month < 0 || month%3 != 0 || len(clock) != 3 {
		return 0, false
	}
	return calendar(part[5], month/3+1, part[2], clock)
}

// parseNetTrackDate parses `2019.12.16_14.23.32` in seconds since 1970, taking
// the local time of the device for UTC: only differences matter.
func parseNetTrackDate(s string) (int64, bool) {
	day, clock, ok := strings.Cut(s, "_")
	date, hms := strings.Split(day, "."), strings.Split(clock, ".")
	if !ok || len(date) != 3 || len(hms) != 3 {
		return 0, false
	}
	month, ok := number(date[1], 1, 12)
	if !ok {
		return 0, false
	}
	return calendar(date[0], int(month), date[2], hms)
}

// calendar returns the seconds from 1970 to a date and time of day. A leap
// second is refused; no log here has one.
func calendar(year string, month int, day string, clock []string) (int64, bool) {
	y, ok1 := number(year, 1970, 9999)
	d, ok2 := number(day, 1, int64(daysIn(y, month)))
	h, ok3 := number(clock[0], 0, 23)
	m, ok4 := number(clock[1], 0, 59)
	s, ok5 := number(clock[2], 0, 59)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return 0, false
	}
	days := 365*(y-1970) + leapDays(y) - leapDays(1970) + d - 1
	for i := 1; i < month; i++ {
		days += int64(daysIn(y, i))
	}
	return ((24*days+h)*60+m)*60 + s, true
}

// daysIn returns the length of a month of the Gregorian calendar.
func daysIn(year int64, month int) int {
	switch {
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	case month != 2:
		return 31
	case leapDays(year+1) > leapDays(year):
		return 29
	}
	return 28
}

// leapDays returns how many leap days lie before the first of January.
func leapDays(year int64) int64 {
	y := year - 1
	return y/4 - y/100 + y/400
}

// number parses up to four digits within [low, high].
func number(s string, low, high int64) (int64, bool) {
	if len(s) > 4 || !isDigits([]byte(s)) {
		return 0, false
	}
	n := int64(0)
	for _, c := range s {
		n = 10*n + int64(c-'0')
	}
	return n, n >= low && n <= high
}
