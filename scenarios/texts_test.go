package scenarios

import "fmt"

// Pieces of scenario files from which tests make networks.

// hostText is a host, routerText a router.
func hostText(name string) string   { return fmt.Sprintf("[[node]]\nname = %q\n", name) }
func routerText(name string) string { return hostText(name) + "router = true\n" }

// linkText is a link from a to b ("node.interface").
func linkText(name, a, b, rate, delay string) string {
	return fmt.Sprintf("[[link]]\nname = %q\na = %q\nb = %q\nrate = %q\ndelay = %q\n", name, a, b, rate, delay)
}
