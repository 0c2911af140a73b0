package explain

import (
	"fmt"
	"strings"
)

// meanings says in words what a limit is.
var meanings = [numLimits]string{
	Handshake:        "the connection was being opened",
	Application:      "the application had given nothing more to send",
	SendBuffer:       "the send buffer was full of data in flight, and the application had more",
	CongestionWindow: "data waited for the congestion windows of the subflows",
	Pacing:           "data waited because the controller spaces segments",
	ReceiveWindow:    "data waited for the peer's receive window",
	HeadOfLine:       "the peer's receive window was taken up by data behind a gap",
	SchedulerWait:    "a subflow could have taken data, and the scheduler kept it back",
	LossRecovery:     "the subflows repaired losses",
	NoSubflow:        "no subflow could carry data",
	Closing:          "everything was sent, and the last of it was on its way",
	Other:            "none of the other limits held",
}

// subjects begin a verdict.
var subjects = [numLimits]string{
	Handshake:        "The handshake",
	Application:      "The application",
	SendBuffer:       "The send buffer",
	CongestionWindow: "Congestion control",
	Pacing:           "The controller's pacing",
	ReceiveWindow:    "The receive buffer",
	HeadOfLine:       "Head-of-line blocking",
	SchedulerWait:    "The scheduler",
	LossRecovery:     "Loss recovery",
	NoSubflow:        "The lack of a subflow",
	Closing:          "The delay of the last data",
	Other:            "Something else",
}

func limitByName(name string) Limit {
	for l, n := range limitNames {
		if n == name {
			return Limit(l)
		}
	}
	return Other
}

// verdict says in a sentence or two what limits the flow: what took most of its
// time, and what stands behind it.
func verdict(a *Attribution) string {
	if len(a.Limits) == 0 {
		return "The flow has not begun."
	}
	first := limitByName(a.Limits[0].Limit)
	mostly := "limits the flow"
	if a.Limits[0].Share < 0.5 {
		mostly = "limits the flow more than anything else"
	}
	s := fmt.Sprintf("%s %s: for %s of its time %s.", subjects[first], mostly, percent(a.Limits[0].Share), meanings[first])
	if more := behind(a, first); more != "" {
		s += " " + more
	}
	var rest []string
	for _, x := range a.Limits[1:] {
		if x.Share >= 0.1 {
			rest = append(rest, fmt.Sprintf("for %s %s", percent(x.Share), meanings[limitByName(x.Limit)]))
		}
	}
	if len(rest) > 0 {
		s += " Beside that, " + strings.Join(rest, ", and ") + "."
	}
	return s
}

// behind says what stands behind a limit.
func behind(a *Attribution, l Limit) string {
	switch l {
	case CongestionWindow, Pacing, LossRecovery:
		if used := usedUp(a); used != "" {
			return "The network is used up: " + used + "."
		}
		if l == CongestionWindow {
			return "No link is used for nine tenths, so it is losses or round-trip times that keep the windows small."
		}
	case SendBuffer:
		if used := usedUp(a); used != "" {
			return "Yet the network is used up: " + used + "."
		}
	case HeadOfLine, ReceiveWindow:
		if used := usedUp(a); used != "" {
			return "Yet the network is used up: " + used + "."
		}
		most := -1
		for i := range a.Blocking.By {
			if most < 0 || a.Blocking.By[i].Time > a.Blocking.By[most].Time {
				most = i
			}
		}
		if most >= 0 && a.Blocking.Share >= 0.1 {
			b := &a.Blocking.By[most]
			if b.Subflow >= 0 {
				return fmt.Sprintf("The receiver held %.0f bytes behind gaps on average, mostly for want of data of subflow %d (%s).", a.Blocking.MeanBytes, b.Subflow, b.Over)
			}
		}
	case SchedulerWait:
		if len(a.Waits) > 0 {
			return fmt.Sprintf("The reason that it gives most: %s", a.Waits[0].Sentence)
		}
	}
	return ""
}

// usedUp lists the links that are used for at least nine tenths.
func usedUp(a *Attribution) string {
	var names []string
	for i := range a.Links {
		x := &a.Links[i]
		names = append(names, fmt.Sprintf("%s.%s (%s)", x.Name, x.Direction, percent(float64(x.Utilisation))))
	}
	return strings.Join(names, ", ")
}

func percent(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }
