// Package proxy holds the boxes that contain endpoints, or parts of them: what ends
// a connection in the middle of its path and goes on with another one. Each is a
// mbox.Box at an interface and has the same keys as other boxes.
//
//	proxy      terminates connections and relays their bytes over connections of
//	           its own; either side may speak MPTCP (converter)
//	pep        acknowledges data early, keeps it, and sends it again itself
//	syn-proxy  answers SYNs by cookies and opens the server's side afterwards
//
// They take no time. Which connections they take is said by the conditions that all
// boxes have, which choose SYNs; direction is that of the data for pep, else that of
// the SYN.
package proxy
