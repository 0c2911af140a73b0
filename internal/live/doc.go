// Package live is a bridge from an endpoint to the real kernel: the very
// [mptcp.Endpoint] that simulations use, on TUN devices in a network namespace
// of its own, against the sockets of the kernel of this machine.
//
// It is the only impure driver of an endpoint. A [Bridge] reads packets from the
// devices, takes the time from the monotonic clock, and gives both to a
// [Machine], which is pure: the endpoint and the application on it, whose
// outputs are a function of the inputs. The bridge records the inputs, so that
// [Recording.Replay] repeats what happened, byte for byte and without a kernel.
//
// What is here: namespaces, devices, the in-kernel path manager (family mptcp_pm
// of generic netlink), sysctls and the MPTcpExt counters of a namespace, loss and
// delay between the endpoint and the kernel, captures. What is not: speed (each
// packet is one system call) and other systems than Linux, where [Supported]
// says so.
package live

import "errors"

// ErrUnsupported is what live mode says on systems other than Linux.
var ErrUnsupported = errors.New("live mode needs Linux: TUN devices, network namespaces and MPTCP sockets")
