package simnet

// For tests of the classes of queue lengths.
var (
	SameClass     = sameClass
	ClassOfLength = classOfLength
)
