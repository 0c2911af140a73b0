package mptcp

import "mpsim/sim/trace"

// Counter is one counter of an endpoint under the name that Linux gives it in
// MPTcpExt (/proc/net/netstat), without the prefix.
type Counter struct {
	Name  string
	Value uint64
}

// counter numbers the counters in the order in which Counters lists them.
type counter uint8

const (
	mpCapableSYNRX counter = iota
	mpCapableSYNTX
	mpCapableSYNACKRX
	mpCapableACKRX
	mpCapableFallbackACK
	mpCapableFallbackSYNACK
	mpCapableSYNTXDrop
	mpCapableDataFallback
	mpFallbackTokenInit
	mptcpRetrans
	subflowStale
	subflowRecover
	mpJoinNoTokenFound
	mpJoinSynRx
	mpJoinSynBackupRx
	mpJoinSynAckRx
	mpJoinSynAckBackupRx
	mpJoinSynAckHMacFailure
	mpJoinAckRx
	mpJoinAckHMacFailure
	mpJoinRejected
	mpJoinSynTx
	mpJoinSynTxConnectErr
	dssNotMatching
	dssFallback
	infiniteMapRx
	noDSSInWindow
	infiniteMapTx
	dataCsumErr
	mpFailTx
	mpFailRx
	mpPrioTx
	mpPrioRx
	mpFastcloseTx
	mpFastcloseRx
	mpRstTx
	mpRstRx
	dataFinTx
	dataFinRetrans
	winProbe
	// Those of TCP itself (TcpExt).
	tcpFastOpenActive
	tcpFastOpenActiveFail
	tcpFastOpenPassive
	tcpFastOpenPassiveFail
	tcpFastOpenListenOverflow
	tcpFastOpenCookieReqd
	fastOpenUseless
	syncookiesSent
	syncookiesRecv
	syncookiesFailed
	listenOverflows
	tcpReqQFullDrop
	addAddr
	addAddrTx
	addAddrTxDrop
	addAddrDrop
	echoAdd
	echoAddTx
	echoAddTxDrop
	portAdd
	mpJoinPortSynRx
	mpJoinPortSynAckRx
	mpJoinPortAckRx
	mismatchPortSynRx
	rmAddr
	rmAddrDrop
	rmAddrTx
	rmAddrTxDrop
	rmSubflow
	mpCapableSYNTXDisabled
	mpCapableEndpAttempt
	blackhole
	simultConnectFallback
	joinBlocked   // joins dropped because the host's failed before; not of Linux
	signalLimited // signals that waited for the limit of two in a row; not of Linux
	numCounters
)

var counterNames = [numCounters]string{
	mpCapableSYNRX: "MPCapableSYNRX", mpCapableSYNTX: "MPCapableSYNTX",
	mpCapableSYNACKRX: "MPCapableSYNACKRX", mpCapableACKRX: "MPCapableACKRX",
	mpCapableFallbackACK: "MPCapableFallbackACK", mpCapableFallbackSYNACK: "MPCapableFallbackSYNACK",
	mpCapableSYNTXDrop: "MPCapableSYNTXDrop", mpCapableDataFallback: "MPCapableDataFallback",
	mpFallbackTokenInit: "MPFallbackTokenInit", mptcpRetrans: "MPTCPRetrans",
	subflowStale: "SubflowStale", subflowRecover: "SubflowRecover",
	mpJoinNoTokenFound: "MPJoinNoTokenFound", mpJoinSynRx: "MPJoinSynRx",
	mpJoinSynBackupRx: "MPJoinSynBackupRx", mpJoinSynAckRx: "MPJoinSynAckRx",
	mpJoinSynAckBackupRx: "MPJoinSynAckBackupRx", mpJoinSynAckHMacFailure: "MPJoinSynAckHMacFailure",
	mpJoinAckRx: "MPJoinAckRx", mpJoinAckHMacFailure: "MPJoinAckHMacFailure",
	mpJoinRejected: "MPJoinRejected", mpJoinSynTx: "MPJoinSynTx",
	mpJoinSynTxConnectErr: "MPJoinSynTxConnectErr", dssNotMatching: "DSSNotMatching",
	dssFallback: "DssFallback", infiniteMapRx: "InfiniteMapRx",
	noDSSInWindow: "NoDSSInWindow",
	mpPrioTx:      "MPPrioTx", mpPrioRx: "MPPrioRx",
	infiniteMapTx: "InfiniteMapTx", dataCsumErr: "DataCsumErr",
	mpFailTx: "MPFailTx", mpFailRx: "MPFailRx",
	mpFastcloseTx: "MPFastcloseTx", mpFastcloseRx: "MPFastcloseRx",
	mpRstTx: "MPRstTx", mpRstRx: "MPRstRx",
	dataFinTx: "DataFinTx", dataFinRetrans: "DataFinRetrans", winProbe: "WinProbe",
	tcpFastOpenActive: "TCPFastOpenActive", tcpFastOpenActiveFail: "TCPFastOpenActiveFail",
	tcpFastOpenPassive: "TCPFastOpenPassive", tcpFastOpenPassiveFail: "TCPFastOpenPassiveFail",
	tcpFastOpenListenOverflow: "TCPFastOpenListenOverflow", tcpFastOpenCookieReqd: "TCPFastOpenCookieReqd",
	fastOpenUseless: "FastOpenUselessContexts",
	syncookiesSent:  "SyncookiesSent", syncookiesRecv: "SyncookiesRecv", syncookiesFailed: "SyncookiesFailed",
	listenOverflows:        "ListenOverflows",
	tcpReqQFullDrop:        "TCPReqQFullDrop",
	addAddr:                "AddAddr",
	addAddrTx:              "AddAddrTx",
	addAddrTxDrop:          "AddAddrTxDrop",
	addAddrDrop:            "AddAddrDrop",
	echoAdd:                "EchoAdd",
	echoAddTx:              "EchoAddTx",
	echoAddTxDrop:          "EchoAddTxDrop",
	portAdd:                "PortAdd",
	mpJoinPortSynRx:        "MPJoinPortSynRx",
	mpJoinPortSynAckRx:     "MPJoinPortSynAckRx",
	mpJoinPortAckRx:        "MPJoinPortAckRx",
	mismatchPortSynRx:      "MismatchPortSynRx",
	rmAddr:                 "RmAddr",
	rmAddrDrop:             "RmAddrDrop",
	rmAddrTx:               "RmAddrTx",
	rmAddrTxDrop:           "RmAddrTxDrop",
	rmSubflow:              "RmSubflow",
	mpCapableSYNTXDisabled: "MPCapableSYNTXDisabled",
	mpCapableEndpAttempt:   "MPCapableEndpAttempt",
	blackhole:              "Blackhole",
	simultConnectFallback:  "SimultConnectFallback",
	joinBlocked:            "JoinBlocked",
	signalLimited:          "SignalLimited",
}

// counterKeys is how the run hash knows the counters, whatever their numbers.
var counterKeys = func() (keys [numCounters]uint32) {
	for c, name := range counterNames {
		keys[c] = trace.Key(name)
	}
	return keys
}()

// count increments a counter of the socket.
func (s *socket) count(c counter) {
	if s.counts == nil {
		s.counts = new([numCounters]uint32)
	}
	s.counts[c]++
}

// ConnCounters returns what was counted on behalf of one connection, in the order
// of Counters and under the same names; nil if there is no such connection. What
// cannot be attributed, such as a join with an unknown token, is in Counters
// only.
func (e *Endpoint) ConnCounters(id ConnID) []Counter {
	s := e.socks.get(id)
	if s == nil || s.listen != nil {
		return nil
	}
	out := make([]Counter, numCounters)
	for i := range out {
		out[i].Name = counterNames[i]
		if s.counts != nil {
			out[i].Value = uint64(s.counts[i])
		}
	}
	return out
}
