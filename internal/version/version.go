// Package version holds the one version of mpsim. It is a constant, so that two
// builds of the same source write the same bytes into their results.
package version

// Version is the version of the module, as manifests and captures name it. It
// changes with every release, see CHANGELOG.md.
const Version = "0.1.0"
