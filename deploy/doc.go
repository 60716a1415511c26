// Package deploy holds what is needed to run evidenced somewhere: the
// least-privilege policies of the sources, generated from the collectors'
// declarations and checked against them by a test. It may import nothing. What
// never enters: code that runs, secrets.
package deploy
