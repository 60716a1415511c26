// Package config is what the user asked for: one strict YAML file, with
// references to secrets in place of secrets.
//
// It may import collectors and evidence. What never enters: network, storage,
// defaults that only one source knows.
package config
