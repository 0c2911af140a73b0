package lab_test

import (
	"fmt"

	"mpsim/scenarios/lab"
	"mpsim/sim"
)

// A download of 20 MB over two paths loses one of them after five seconds.
func Example() {
	l := lab.New(lab.Config{Seed: 1, CC: "lia", Scheduler: "minrtt"},
		lab.Path{Name: "wifi", Rate: 10 * sim.MegabitPerSecond, Delay: 10 * sim.Millisecond},
		lab.Path{Name: "lte", Rate: 10 * sim.MegabitPerSecond, Delay: 30 * sim.Millisecond})
	client, server := l.Connect()

	const size = 20_000_000
	server.Send(size)
	l.Run(5 * sim.Second)
	l.Path("wifi").Blackhole()
	l.RunUntil(func() bool { return client.Received() == size })

	fmt.Println("bytes:", client.Received(), "corrupt:", client.Corrupt())
	for _, s := range server.Subflows() {
		fmt.Println(s.Tuple.Src.Addr(), "->", s.Tuple.Dst.Addr(), "carried data:", s.Delivered > 0)
	}
	fmt.Println("in time:", l.Now() < sim.Time(20*sim.Second))
	// Output:
	// bytes: 20000000 corrupt: 0
	// 10.0.1.2 -> 10.0.1.1 carried data: true
	// 10.0.1.2 -> 10.0.2.1 carried data: true
	// in time: true
}
