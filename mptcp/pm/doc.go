// Package pm holds the path managers of MPTCP.
//
// A path manager is a state machine of one connection: it learns of events
// (connection established, subflow up or down, address gained or lost, timer)
// and orders actions (open, close or demote a subflow). It never touches a
// subflow, and knows neither the network nor segments.
package pm
