package trace

// A run that several partitions carry out has one Run in each, with the same nodes in
// the same order; every node belongs to one of them.

// Mute keeps the records of a node from all sinks, present and later ones: it belongs
// to another partition.
func (r *Run) Mute(id uint32) {
	r.nodes[id].muted = true
	r.nodes[id].wants = 0
}

// Nodes returns how many nodes were declared; their ids count from 0.
func (r *Run) Nodes() int { return len(r.nodes) }

// Merged returns the run hash of the partitions together: the chain of each node is
// taken from the one that owner names.
func Merged(parts []*Run, owner func(id uint32) int) Hash {
	all := make([]*Node, len(parts[0].nodes))
	for i := range all {
		all[i] = parts[owner(uint32(i))].nodes[i]
	}
	return hashOf(all)
}
