package topo

// ShortestPaths returns the number of paths with the fewest links from one node to
// another: those among which ECMP chooses. It is 0 if there is none, and at most
// 65536.
func (g *Graph) ShortestPaths(from, to int) int {
	const most = 1 << 16
	g.index()
	distance, ways := make([]int32, len(g.Nodes)), make([]int, len(g.Nodes))
	distance[from], ways[from] = 1, 1
	queue := []int{from}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if distance[to] > 0 && distance[at] >= distance[to] {
			break
		}
		if n := &g.Nodes[at]; at != from && !n.Router && !n.Forward {
			continue
		}
		for _, next := range g.near[at] {
			if distance[next] == 0 {
				distance[next] = distance[at] + 1
				queue = append(queue, int(next))
			}
			if distance[next] == distance[at]+1 {
				ways[next] = min(ways[next]+ways[at], most)
			}
		}
	}
	return ways[to]
}

// index lists the neighbours of each node, once.
func (g *Graph) index() {
	if g.near != nil {
		return
	}
	g.near = make([][]int32, len(g.Nodes))
	for i := range g.Links {
		a, b := g.Links[i].A.Node, g.Links[i].B.Node
		g.near[a], g.near[b] = append(g.near[a], int32(b)), append(g.near[b], int32(a))
	}
}
