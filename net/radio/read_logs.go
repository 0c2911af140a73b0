package radio

import (
	"io"
	"strings"

	"mpsim/sim"
)

// maxPause is the longest time between two rows of a log. A longer one means
// that the recording stopped, and nothing is known of the link meanwhile.
const maxPause = 60 * sim.Second

func isMTU(first string) bool {
	return strings.HasPrefix(first, "Time,") && strings.Contains(first, mtuRate)
}

func isUCC(first string) bool {
	return strings.HasPrefix(first, "Timestamp,") && strings.Contains(first, "DL_bitrate")
}

const mtuRate = "RATE(MBit/s)"

// readMTU reads the 3G/4G/5G logs of Munster Technological University
// (MTU-Insectt/Measurements5G). A row comes about every three seconds, and its
// rate was computed from the modem's byte counter and the time since the row
// before; so row k gives the rate from row k-1 to row k, and the first row only
// says when the recording begins.
func readMTU(t *text) (*Trace, error) {
	log, err := t.log("Time", mtuRate)
	if err != nil {
		return nil, err
	}
	trace := &Trace{Kind: Rates}
	for rows := 0; ; rows++ {
		row, err := log.next(parseUnixDate, "a date like `Sat Aug 20 13:29:30 UTC 2022`")
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		rate, err := t.bits(row[1], 1e6, "Mbit/s")
		if err != nil {
			return nil, err
		}
		at := log.since()
		if rows == 0 {
			continue
		}
		if at == trace.Length {
			return nil, t.at(row[0], "two rows have the same time; each must end an interval of its own")
		}
		trace.Steps = append(trace.Steps, Step{trace.Length, rate})
		trace.Length = at
	}
	if len(trace.Steps) == 0 {
		return nil, t.errorAt(t.line, 1, "a log needs two rows or more: a row gives the rate since the row before")
	}
	return trace, nil
}

// readUCC reads the logs of University College Cork (uccmisl/5Gdataset; Raca,
// Leahy, Sreenan, Quinlan, MMSys'20), downlink direction. G-NetTrack writes a
// row about once a second and cuts the time to whole seconds, so that a second
// may have two rows or none: rows of one second are averaged, and a value holds
// until the next second with a row. The last one holds for a second.
func readUCC(t *text) (*Trace, error) {
	log, err := t.log("Timestamp", "DL_bitrate", "NetworkMode")
	if err != nil {
		return nil, err
	}
	trace := &Trace{Kind: Rates}
	var sum, rows sim.Rate // of the second that is being read
	for {
		row, err := log.next(parseNetTrackDate, "a time like `2019.12.16_14.23.32`")
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		rate, err := t.bits(row[1], 1e3, "kbit/s")
		if err != nil {
			return nil, err
		}
		at := log.since()
		if n := len(trace.Steps); n == 0 || at > trace.Steps[n-1].At {
			trace.Steps = append(trace.Steps, Step{At: at})
			sum, rows = 0, 0
		}
		sum += rate
		rows++
		trace.Steps[len(trace.Steps)-1].Rate = sum / rows
		trace.setMode(at, row[2].text)
	}
	if len(trace.Steps) == 0 {
		return nil, t.empty()
	}
	trace.Length = trace.Steps[len(trace.Steps)-1].At + sim.Second
	if n := len(trace.Modes); n > 0 {
		trace.Modes[n-1].Length = trace.Length - trace.Modes[n-1].At
	}
	return trace, nil
}

// setMode notes the network mode at a time. Of several in one second the last
// counts.
func (t *Trace) setMode(at sim.Duration, name []byte) {
	n := len(t.Modes)
	if n > 0 && t.Modes[n-1].Name == string(name) {
		return
	}
	if n > 0 && t.Modes[n-1].At == at {
		t.Modes = t.Modes[:n-1]
		t.setMode(at, name)
		return
	}
	if n > 0 {
		t.Modes[n-1].Length = at - t.Modes[n-1].At
	}
	t.Modes = append(t.Modes, Mode{At: at, Name: string(name)})
}

// log reads a CSV file with a header and a column of times.
type log struct {
	t       *text
	width   int
	columns []int   // of the header, in the order asked for
	out     []field // reused
	first   int64   // Unix seconds of the first row
	last    int64
	rows    int
}

// log reads the header and finds the columns, the first of which is the time.
func (t *text) log(columns ...string) (*log, error) {
	header, err := t.row()
	if err == io.EOF {
		return nil, t.errorAt(1, 1, "the file is empty; a log has a header and rows")
	}
	if err != nil {
		return nil, err
	}
	l := &log{t: t, width: len(header)}
	for _, want := range columns {
		found := -1
		for i, f := range header {
			if string(f.text) == want {
				found = i
			}
		}
		if found < 0 {
			return nil, t.errorAt(1, 1, "the header has no column %q", want)
		}
		l.columns = append(l.columns, found)
	}
	l.out = make([]field, len(columns))
	return l, nil
}

// next returns the wanted columns of the next row, after checking that the time
// parses and does not go back.
func (l *log) next(parse func(string) (int64, bool), form string) ([]field, error) {
	row, err := l.t.row()
	if err != nil {
		return nil, err
	}
	if len(row) != l.width {
		return nil, l.t.errorAt(l.t.line, 1, "%d values, but the header has %d columns", len(row), l.width)
	}
	for i, c := range l.columns {
		l.out[i] = row[c]
	}
	stamp := l.out[0]
	now, ok := parse(string(stamp.text))
	if !ok {
		return nil, l.t.at(stamp, "%s is not %s", quote(stamp.text), form)
	}
	if l.rows == 0 {
		l.first, l.last = now, now
	}
	pause := now - l.last
	if pause < 0 {
		return nil, l.t.at(stamp, "the row is %d s earlier than the row before; rows must be sorted by time", -pause)
	}
	if pause > int64(maxPause/sim.Second) {
		return nil, l.t.at(stamp, "nothing was recorded for %d s before this row (at most %v may pass); cut the file here", pause, maxPause)
	}
	if sim.Duration(now-l.first) >= MaxLength/sim.Second {
		return nil, l.t.at(stamp, "the recording is longer than %v", MaxLength)
	}
	l.last = now
	l.rows++
	return l.out, nil
}

// since returns the time of the present row since the first one.
func (l *log) since() sim.Duration { return sim.Duration(l.last-l.first) * sim.Second }
