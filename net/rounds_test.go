//go:build !long

package simnet_test

// rounds is how often a property is checked with a hundred random inputs.
const rounds = 5
