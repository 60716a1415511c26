// Package graphql answers queries of GraphQL from objects in memory: as much
// of the language as reading needs, with fragments, aliases, variables,
// @include, @skip and connections.
//
// It may import the standard library only. What never enters: a schema, which
// tests hold queries to, mutations, and the network.
package graphql
