// Package report makes one HTML file of a run or a sweep, which needs no network, no server
// and no other file: the verdict, figures with zoom and a common cursor, the life of each
// subflow, the packets between hosts, the decisions of the scheduler, counters, the
// configuration and the hashes. docs/REPORT.md describes it.
//
// What a page shows is read from the files of a run or sweep directory and nothing else; the
// same files give the same bytes. The policy of a page (Content-Security-Policy) lets it load
// nothing: its scripts and styles stand in it and are named by their hashes. Figures of
// series are drawn by uPlot 1.6.32 (MIT; its licence is in uplot/LICENSE and in each page).
package report
