package cli

import (
	"encoding/json"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	simnet "mpsim/net"

	"mpsim/internal/tracebox"
	"mpsim/scenarios"
)

func (p *program) traceboxCommand() *cobra.Command {
	cfg := tracebox.Config{}
	var asJSON bool
	c := &cobra.Command{
		Use:   "tracebox FILE --from NODE --to NODE",
		Short: "show which hop of a scenario's path changes which field of a TCP segment",
		Long: "tracebox sends SYNs with the options of an MPTCP client and data segments with a DSS from one node of a scenario to another, with a\n" +
			"TTL of 1, 2, ..., and compares them with what routers quote in ICMP time exceeded. See docs/TRACEBOX.md.",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, files []string) error { return p.tracebox(files[0], &cfg, asJSON) },
	}
	fl := c.Flags()
	fl.StringVar(&cfg.From, "from", "", "`node` that sends the probes")
	fl.StringVar(&cfg.To, "to", "", "`node` that they are for")
	fl.IntVar(&cfg.Quote, "quote", simnet.FullQuote, "octets behind the IP header that routers quote of which the scenario does not say it (icmp_quote)")
	fl.IntVar(&cfg.Hops, "hops", 30, "largest TTL")
	fl.Uint16Var(&cfg.Port, "port", 5001, "destination port")
	fl.BoolVar(&cfg.IPv6, "ipv6", false, "trace by IPv6 although both nodes have IPv4 addresses")
	fl.Uint64Var(&cfg.Seed, "seed", 1, "seed of the run")
	fl.BoolVar(&asJSON, "json", false, "print a JSON array of hops")
	_, _ = c.MarkFlagRequired("from"), c.MarkFlagRequired("to")
	return c
}

func (p *program) tracebox(file string, cfg *tracebox.Config, asJSON bool) error {
	if cfg.Quote < 8 || cfg.Quote > simnet.FullQuote {
		return usage(fmt.Errorf("--quote is %d; it must lie between 8 and %d", cfg.Quote, simnet.FullQuote))
	}
	if cfg.Hops < 1 || cfg.Hops > 255 {
		return usage(fmt.Errorf("--hops is %d; it must lie between 1 and 255", cfg.Hops))
	}
	sc, err := scenarios.Load(file, scenarios.Options{Plugins: p.plugins})
	if err != nil {
		return usage(err)
	}
	hops, err := tracebox.Run(p.ctx, sc, cfg)
	if err != nil {
		return p.mbtestError(err)
	}
	if asJSON {
		return json.NewEncoder(p.out).Encode(hops)
	}
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(table.Row{"probe", "hop", "router", "quoted", "field", "sent", "here"})
	for _, h := range hops {
		router := h.Address
		if router == "" {
			router = "*"
		}
		row := table.Row{h.Probe, h.TTL, router, h.Quoted, "", "", ""}
		for i, c := range h.Changed {
			if i > 0 {
				row = table.Row{"", "", "", "", "", "", ""}
			}
			here := c.Got
			if here == "" {
				here = "missing"
			}
			row[4], row[5], row[6] = c.Field, cut(c.Sent), cut(here)
			t.AppendRow(row)
		}
		if len(h.Changed) == 0 {
			t.AppendRow(row)
		}
	}
	fmt.Fprintln(p.out, render(t))
	return nil
}

// cut shortens long values.
func cut(s string) string {
	if len(s) > 40 {
		return s[:37] + "..."
	}
	return s
}
