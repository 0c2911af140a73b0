package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/google/renameio/v2/maybe"
	"github.com/spf13/cobra"

	"mpsim/net/radio"
)

func (p *program) traceCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "trace",
		Short: "look at and convert recorded link traces",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.traceInfoCommand(), p.traceConvertCommand())
	return c
}

func (p *program) traceInfoCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "info FILE...",
		Short: "print duration, mean rate and gaps of link traces",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, files []string) error {
			for i, f := range files {
				t, err := readTrace(f, format)
				if err != nil {
					return usage(err)
				}
				if i > 0 {
					fmt.Fprintln(p.out)
				}
				if err := radio.WriteInfo(p.out, t); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&format, "format", "auto", "format of the files (mpsim list trace)")
	return c
}

func (p *program) traceConvertCommand() *cobra.Command {
	var from, to, out string
	c := &cobra.Command{
		Use:   "convert FILE --to FORMAT -o FILE",
		Short: "write a link trace in another format",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, files []string) error {
			t, err := readTrace(files[0], from)
			if err != nil {
				return usage(err)
			}
			target, err := radio.ParseFormat(to)
			if err != nil {
				return usage(err)
			}
			var b bytes.Buffer
			if err := t.Write(&b, target); err != nil {
				return usage(err)
			}
			if out == "-" {
				_, err = p.out.Write(b.Bytes())
				return err
			}
			return usage(maybe.WriteFile(out, b.Bytes(), 0o644))
		},
	}
	c.Flags().StringVar(&from, "format", "auto", "format of FILE (mpsim list trace)")
	c.Flags().StringVar(&to, "to", string(radio.Mahimahi), "format to write: mahimahi or csv-bytes")
	c.Flags().StringVarP(&out, "output", "o", "-", "file to write; - is standard output")
	return c
}

// readTrace reads a link trace from a file.
func readTrace(file, format string) (*radio.Trace, error) {
	f, err := radio.ParseFormat(format)
	if err != nil {
		return nil, err
	}
	r, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such file; a link trace in one of the formats of `mpsim list trace` is expected", file)
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return radio.Read(r, file, f)
}
