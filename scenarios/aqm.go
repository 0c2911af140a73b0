package scenarios

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	simnet "mpsim/net"
	"mpsim/net/aqm"
	"mpsim/sim"
)

// checkAQM checks the queue disciplines of a link whose queues are complete.
func (c *checker) checkAQM(l *Link) {
	for i, d := range []*Direction{l.Up, l.Down} {
		if d.AQM.Name == "" || i == 1 && d.AQM.pos == l.Up.AQM.pos && d.Queue == l.Up.Queue {
			continue // the same as that of the other direction
		}
		before := len(c.problems.all)
		c.discipline(&d.AQM)
		if len(c.problems.all) > before || d.Queue == nil || d.Queue.BDP != 0 {
			continue // a queue in bdp that is still there has a problem of its own
		}
		if _, err := d.discipline(); err != nil {
			c.add(d.AQM.pos, "link %q: %v", l.Name, err)
		}
	}
}

// discipline checks name and parameters of a queue discipline, each by itself.
func (c *checker) discipline(ref *PluginRef) {
	spec, err := aqm.Find(ref.Name)
	if err != nil {
		var known []string
		for _, s := range aqm.Specs() {
			known = append(known, s.Name)
		}
		c.add(ref.pos, "unknown queue discipline %q%s", ref.Name, didYouMean(ref.Name, known))
		return
	}
	for i := range ref.Params {
		set, err := aqmSetting(spec, &ref.Params[i])
		if err == nil {
			err = spec.Check(&set)
		}
		if err != nil {
			c.add(ref.Params[i].pos, "%v", err)
		}
	}
}

// setDiscipline gives a direction its discipline. The random queue needs none on a
// fifo link, which then has one event per packet-hop.
func (d *Direction) setDiscipline(cfg *simnet.LinkConfig) (err error) {
	settings, err := d.disciplineSettings()
	if err != nil {
		return err
	}
	if tail, ok := aqm.RandomTail(d.AQM.Name, settings); ok && cfg.Mode == simnet.Fifo {
		cfg.Tail = tail
		return nil
	}
	cfg.Discipline, err = d.discipline()
	return err
}

func (d *Direction) disciplineSettings() ([]aqm.Setting, error) {
	spec, err := aqm.Find(d.AQM.Name)
	if err != nil {
		return nil, err
	}
	settings := make([]aqm.Setting, len(d.AQM.Params))
	for i := range d.AQM.Params {
		if settings[i], err = aqmSetting(spec, &d.AQM.Params[i]); err != nil {
			return nil, err
		}
	}
	return settings, nil
}

// discipline returns what makes the discipline of a direction.
func (d *Direction) discipline() (func(*simnet.Port) simnet.Discipline, error) {
	settings, err := d.disciplineSettings()
	if err != nil {
		return nil, err
	}
	return aqm.New(d.AQM.Name, settings, aqm.Place{
		Limit: simnet.Queue{Packets: int(d.Queue.Packets), Bytes: int(d.Queue.Bytes)},
		MTU:   min(int(d.MTU.N), 1500), // what hosts send at most
	})
}

// aqmSetting reads the value of a parameter as its type has it.
func aqmSetting(spec *aqm.Spec, q *PluginParam) (aqm.Setting, error) {
	set := aqm.Setting{Name: q.Name, Number: q.Value}
	p, err := spec.Param(q.Name)
	if err != nil {
		return set, err
	}
	unit := map[aqm.ParamKind]string{aqm.Span: "5ms", aqm.Speed: "10Mbps", aqm.Length: "64KiB"}[p.Kind]
	if p.Kind == aqm.Length && p.Packets {
		unit = "20pkt"
	}
	if q.Text == "" {
		if unit != "" {
			err = fmt.Errorf("%s is a text with its unit, such as %q", q.Name, unit)
		}
		return set, err
	}
	switch p.Kind {
	case aqm.Span:
		var d Duration
		err = d.parse(q.Text)
		set.Number = float64(d)
	case aqm.Speed:
		var r Rate
		err = r.parse(q.Text)
		if r.Unlimited {
			err = fmt.Errorf("%s cannot be unlimited", q.Name)
		}
		set.Number = float64(r.Bits)
	case aqm.Length:
		var n Queue
		if err = n.parse(q.Text); err == nil && (n.BDP != 0 || n.Unlimited) {
			err = fmt.Errorf("%s is a length such as %q, not %q", q.Name, unit, q.Text)
		}
		set.Number, set.Packets = float64(n.Packets+n.Bytes), strings.HasSuffix(q.Text, "pkt")
	default:
		set.IsText, set.Text = true, q.Text
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", q.Name, err)
	}
	return set, err
}

// aqmReference prints the parameters of every queue discipline.
func aqmReference(b *strings.Builder) {
	b.WriteString("\n### Queue disciplines\n\nWhat `aqm` of a `[[link]]` may be, and the parameters of each; see [models/queues.md](models/queues.md).\n\n")
	b.WriteString("| aqm | what it does | parameter | default | range | meaning |\n|---|---|---|---|---|---|\n")
	for _, s := range aqm.Specs() {
		if len(s.Params) == 0 {
			fmt.Fprintf(b, "| `%s` | %s | | | | |\n", s.Name, s.Doc)
		}
		for i, p := range s.Params {
			name, doc := "", ""
			if i == 0 {
				name, doc = "`"+s.Name+"`", s.Doc
			}
			def, limits := aqmParamText(&p)
			fmt.Fprintf(b, "| %s | %s | `%s` | %s | %s | %s |\n", name, doc, p.Name, def, limits, p.Doc)
		}
	}
}

// aqmParamText prints the default and the range of a parameter as a scenario has
// them.
func aqmParamText(p *aqm.Param) (def, limits string) {
	write := func(n float64) string {
		switch {
		case p.Kind == aqm.Span:
			return Duration(n).String()
		case p.Kind == aqm.Speed:
			return Rate{Bits: sim.Rate(n)}.String()
		case p.Kind == aqm.Length && p.Packets:
			return Queue{Packets: int64(n)}.String()
		case p.Kind == aqm.Length:
			return Queue{Bytes: int64(n)}.String()
		}
		return strconv.FormatFloat(n, 'g', -1, 64)
	}
	switch p.Kind {
	case aqm.Choice:
		return "`" + p.Choices[0] + "`", "`" + strings.Join(p.Choices, "` `") + "`"
	case aqm.Text:
		return "", "text"
	}
	return "`" + write(p.Default) + "`", write(p.Min) + " to " + write(p.Max)
}

// disciplineMetrics are the metrics of queue disciplines.
func disciplineMetrics() []Metric {
	wait := func(name, doc string, of func(*simnet.Stats) sim.Duration) Metric {
		return Metric{
			Name: name, Doc: doc + "; unlimited for a link without aqm", Params: params(pLink), result: dimTime,
			eval: func(v *view, a *arguments) quantity {
				lk := v.link(a, 0).link
				if lk.Config().Discipline == nil {
					return num(math.Inf(1))
				}
				s := lk.Stats()
				return num(of(&s).Seconds())
			},
		}
	}
	return []Metric{
		{
			Name: "aqm_drops", Doc: "packets that the queue discipline of the link dropped, without those that the limit of the queue refused", Params: params(pLink),
			eval: func(v *view, a *arguments) quantity {
				s := v.link(a, 0).link.Stats()
				return num(float64(s.DisciplineDrops()))
			},
		},
		wait("mean_wait", "mean time that packets waited in the queue discipline of the link until their service began", func(s *simnet.Stats) sim.Duration { return s.MeanWait }),
		wait("p99_wait", "waiting time in the queue discipline of the link that 99 % of the packets did not exceed, to 1/8", func(s *simnet.Stats) sim.Duration { return s.P99Wait }),
		wait("max_wait", "longest time that a packet waited in the queue discipline of the link", func(s *simnet.Stats) sim.Duration { return s.MaxWait }),
	}
}
