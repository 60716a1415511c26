// Package api holds the requests and answers of every operation, who asks
// (Actor), and the codes of errors. The command line, the socket, web pages and
// workers on other hosts all speak in these types; their JSON is what
// docs/api.yaml describes.
//
// It may import evidence and the engine's results. What never enters: a store,
// a network, flags, text for a person.
package api
