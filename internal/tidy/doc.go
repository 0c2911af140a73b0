// Package tidy checks the rules of this repository that no compiler checks: the
// import law, determinism, size, naming, documentation, the tags that say which
// test shows which row of the coverage table, and the tests and files that pages
// name. Its test fails while the tree breaks one of them.
package tidy
