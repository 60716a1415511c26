// Package deploy holds what is needed to run evidenced somewhere: units of
// systemd, an image, a chart, modules of Terraform; and the least-privilege
// policies of the sources, generated from the collectors' declarations. Every file
// is loaded by a test. It may import nothing. What never enters: code that runs,
// secrets.
package deploy
