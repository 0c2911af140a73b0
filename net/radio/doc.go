// Package radio holds time-varying links: recorded link traces in the formats
// that the field exchanges, and seeded generators of rate processes.
//
// A [Trace] is one direction of one link over time. It comes in two kinds:
// delivery opportunities as mahimahi records them (each lets 1500 bytes of IP
// pass at a millisecond), or a rate that changes at given times. [Read] takes
// any known format, [Trace.PerSecond] and [Trace.ToOpportunities] turn one kind
// into the other without losing bytes, and [Trace.Opportunities] or
// [Trace.Steps] is what a link runs on.
//
// A [Profile] is a named kind of access link (see [Profiles]): delays, queues
// and the parameters of a stochastic rate, out of which [Profile.Generate]
// makes traces. A profile reads nothing but named random streams, so links that
// ask for the same stream name follow the same rates.
//
// Neither has single frames, retransmissions of the link layer with the delay they
// add, or contention: a recorded trace already contains their effect on capacity, a
// profile imitates that effect. A [Medium] has them: a channel of 802.11 that
// stations share; an [LTE] has those of one device. A [Mobile] is a host that moves
// past access points or base stations, a [Meter] what its radio takes of the battery.
package radio
