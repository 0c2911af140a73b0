package scenarios
type view struct{}
type arguments struct{}
func flowMetrics() []Metric { return []Metric{{Name: "goodput", Params: params(pFlow, pFrom, pTo), result: dimRate},{Name:"corrupt_bytes",Params:params(pFlow),result:dimSize}} }
func multipathMetrics() []Metric { return nil }
func linkMetrics() []Metric { return nil }
func otherMetrics() []Metric { return nil }
type Run struct{Seed uint64; DataDir string; Plugins *Plugins}
func Build(*Scenario, Run) (any, error) { return nil, nil }
func libraryPath(string) string { return "" }
