// Package app holds the traffic applications: state machines that a host calls
// with the events of their connections and with alarms.
//
//	bulk     one side writes a given number of bytes, or until told to stop
//	request  a client asks again and again over one connection
//	ftp      files by the File Transfer Protocol, with its control connection
//	cbr      datagrams at a constant rate
//	onoff    datagrams at a constant rate in random bursts
//
// Whoever receives checks the true offset of every byte against its place in
// the stream, and the content of literal bytes, and keeps exact statistics in a [Record].
package app
