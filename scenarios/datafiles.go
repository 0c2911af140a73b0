package scenarios

// DataFile is a file of the data directory that a run of a scenario reads.
type DataFile struct {
	Name string // as the scenario gives it, relative to the data directory
	Path string // where it is
	Pos  Pos    // of the first mention; of files of a topology or of traffic only the file is known
}

// DataFiles returns the recorded traces that a run reads and the files that its
// topology and traffic were made from, each once, in the order of their first mention.
// The directory is that of Options.DataDir. Whether they exist is not looked at.
func (sc *Scenario) DataFiles(dataDir string) []DataFile {
	var out []DataFile
	seen := make(map[string]bool)
	add := func(name string, at Pos) {
		if !seen[name] {
			seen[name] = true
			out = append(out, DataFile{name, dataPath(dataDir, name), at})
		}
	}
	for _, name := range sc.opened {
		add(name, Pos{File: sc.path})
	}
	for _, l := range sc.Links {
		for _, d := range []*Direction{l.Up, l.Down} {
			if t := d.Trace; t != nil {
				add(t.File, t.valuePos("file"))
			}
		}
	}
	return out
}
