// Package topo generates topologies: graphs of hosts, switches and links with
// names and addresses. A graph is data only; whoever builds a network of it decides
// what links are like where the graph does not say.
//
// Modelled: the wiring, the names, the addresses of hosts, and, where a file or a
// formula gives them, rates and delays of links. Not modelled: cabling in space,
// costs, switches with internal structure.
//
// Names are systematic, so that scenarios can name what was generated: see the
// documentation of each kind in [Specs]. The order of nodes and links is fixed; a
// generator that draws (Jellyfish) draws from the stream that it is given.
package topo
