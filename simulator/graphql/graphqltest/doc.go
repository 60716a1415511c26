// Package graphqltest holds queries of GraphQL, and the answers to them, to a
// vendor's own schema.
//
// It may import simulator/graphql and a parser of schemas. What never enters:
// the program; only tests import it.
package graphqltest
