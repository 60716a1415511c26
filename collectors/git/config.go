package git

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/collectors"
)

// Config is the configuration of the source "git".
type Config struct {
	Common collectors.Base `yaml:",inline"`
	// Repositories are the paths of bare repositories, of work trees, or of their .git folders.
	Repositories []string `yaml:"repositories"`
	// Owners are users, by name or id, whose repositories may be read, beside those of this user and of root.
	Owners []string `yaml:"owners"`
	// Branch is the protected branch of each, without refs/heads/. Default: the one that HEAD names.
	Branch string `yaml:"branch"`
	// TicketPattern is a regular expression (RE2) for ticket keys in messages.
	// Default \b[A-Z][A-Z0-9]{1,9}-[0-9]+\b.
	TicketPattern string `yaml:"ticket_pattern"`
}

const defaultTickets = `\b[A-Z][A-Z0-9]{1,9}-[0-9]+\b`

func newConfig() *Config {
	return &Config{Common: collectors.Base{Schedule: "0 * * * *"}, TicketPattern: defaultTickets}
}

// Base implements collectors.Config.
func (c *Config) Base() *collectors.Base { return &c.Common }

// Validate implements collectors.Config.
func (c *Config) Validate() error {
	if len(c.Repositories) == 0 {
		return errors.New(`repositories is missing: paths such as ["/srv/git/product.git"]`)
	}
	for i, r := range c.Repositories {
		switch {
		case !filepath.IsAbs(r) || filepath.Clean(r) != r || strings.ContainsAny(r, "\x00\n"):
			return fmt.Errorf("repository %q: want an absolute, clean path, such as /srv/git/product.git", r)
		case slices.Contains(c.Repositories[:i], r):
			return fmt.Errorf("repository %q stands there twice", r)
		}
	}
	if c.Common.Endpoint != "" {
		return errors.New("endpoint: local repositories have none; name them in repositories")
	}
	_, err := regexp.Compile(c.TicketPattern)
	if err != nil {
		return fmt.Errorf("ticket_pattern: %w", err)
	}
	return nil
}

// Prepare implements collectors.Preparing.
func (c *Config) Prepare(args []string) ([]string, error) {
	return vetter{trusted(c.Owners)}.prepare(args)
}

// Hosts implements collectors.Config: no host is asked.
func (c *Config) Hosts() []string { return nil }

// Open implements collectors.Config.
func (c *Config) Open(env collectors.Env) (collectors.Collector, error) {
	tickets, err := regexp.Compile(c.TicketPattern)
	if err != nil {
		return nil, fmt.Errorf("ticket_pattern: %w", err)
	}
	return &collector{run: env.Run, paths: c.Repositories, branch: c.Branch, tickets: tickets}, nil
}
