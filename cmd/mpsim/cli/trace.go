package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2/maybe"
	"github.com/spf13/cobra"

	"mpsim/internal/execute"
	"mpsim/net/radio"
	"mpsim/results"
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
	var from, to, out, events string
	c := &cobra.Command{
		Use:   "convert FILE --to FORMAT -o FILE",
		Short: "write a link trace in another format, or trace records as JSON lines",
		Long: "convert writes a recorded link trace in another format. A file of run --trace is recognised by its begin: its\n" +
			"records are written as the JSON lines that run --events writes.",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, files []string) error {
			if done, err := p.convertRecords(files[0], out, events); done || err != nil {
				return usage(err)
			}
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
	c.Flags().StringVar(&events, "events", "all", "of trace records: all, decisions, or `kinds` separated by commas (mpsim list event)")
	return c
}

// convertRecords writes the file of run --trace as JSON lines, if it is one.
func (p *program) convertRecords(file, out, kinds string) (done bool, err error) {
	f, err := os.Open(file)
	if err != nil {
		return false, nil // readTrace says what is wrong
	}
	defer f.Close()
	begin := make([]byte, 8)
	if _, err := io.ReadFull(f, begin); err != nil || !results.IsRecords(begin) {
		return false, nil
	}
	info, err := f.Stat()
	if err != nil {
		return true, err
	}
	set, err := results.ParseKinds(kinds)
	if err != nil {
		return true, fmt.Errorf("--events: %w", err)
	}
	r, err := results.OpenRecords(f, info.Size())
	if err != nil {
		return true, fmt.Errorf("%s: %w", file, err)
	}
	if out == "-" {
		return true, execute.WriteEvents(p.out, r, set)
	}
	return true, writeAtOnce(out, func(w io.Writer) error { return execute.WriteEvents(w, r, set) })
}

// writeAtOnce writes a file that may be large under another name beside it, which it has
// when all is written; if that fails, what was there stays.
func writeAtOnce(file string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".writing-*")
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
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
