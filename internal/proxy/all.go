package proxy

import "mpsim/net/mbox"

// Specs returns the rows of proxies in the table of boxes.
func Specs() []mbox.Spec { return []mbox.Spec{terminatingSpec, pepSpec, synProxySpec} }
