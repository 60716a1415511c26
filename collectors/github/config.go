package github

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/evidenced/evidenced/collectors"
)

const defaultTickets = `\b[A-Z][A-Z0-9]{1,9}-[0-9]+\b`

// Config is the configuration of the source "github".
type Config struct {
	Common collectors.Base `yaml:",inline"`
	// Organization is the login of the organisation.
	Organization string `yaml:"organization"`
	// Token is a fine-grained token, a classic one, or an installation token of a GitHub App.
	Token collectors.Secret `yaml:"token"`
	// AppID is the id of a GitHub App of which the private key is here, instead of a token.
	AppID int64 `yaml:"app_id"`
	// InstallationID is the id of the App's installation in the organisation.
	InstallationID int64 `yaml:"installation_id"`
	// PrivateKey is the private key of the App, in PEM.
	PrivateKey collectors.Secret `yaml:"private_key"`
	// TicketPattern is a regular expression (RE2) for ticket keys in titles,
	// branch names and descriptions. Default \b[A-Z][A-Z0-9]{1,9}-[0-9]+\b.
	TicketPattern string `yaml:"ticket_pattern"`
	// TicketProjects are the keys of the projects whose tickets count, such as ENG.
	// Where there are none, every key counts that is not the name of a standard, as UTF-8 is.
	TicketProjects []string `yaml:"ticket_projects"`
	// ProtectedBranches are patterns of branches that changes reach production from,
	// beside the default branch; * stands for any text.
	ProtectedBranches []string `yaml:"protected_branches"`
	// SuggestionsContribute counts who made a suggestion that was accepted as one who wrote the change. Default false.
	SuggestionsContribute bool `yaml:"suggestions_contribute"`
	// ToolTrailers are addresses, or patterns of them, of tools that name themselves as
	// co-authors; they are no people. The list takes the place of the built-in one.
	ToolTrailers []string `yaml:"tool_trailers"`
	// Parallel is how many repositories are read at a time. Default 4.
	Parallel int `yaml:"parallel"`
}

func newConfig() *Config {
	return &Config{Common: collectors.Base{Schedule: "30 */6 * * *"}, TicketPattern: defaultTickets, ToolTrailers: defaultTools(), Parallel: 4}
}

var project = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,30}$`) })

var login = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`) })

// Base implements collectors.Config.
func (c *Config) Base() *collectors.Base { return &c.Common }

// Validate implements collectors.Config.
func (c *Config) Validate() error {
	switch {
	case c.Organization == "":
		return fmt.Errorf("organization is missing: the login of the organisation, such as acme")
	case !login().MatchString(c.Organization):
		return fmt.Errorf("organization %q is not a login: letters, digits and hyphens", c.Organization)
	case c.AppID < 0 || c.InstallationID < 0 || (c.AppID == 0) != (c.InstallationID == 0):
		return fmt.Errorf("app_id is %d and installation_id is %d: an App needs both, and its private_key", c.AppID, c.InstallationID)
	case c.AppID != 0 && c.Token != "":
		return fmt.Errorf("token and app_id are both there: one of them must go")
	case c.AppID == 0 && c.PrivateKey != "":
		return fmt.Errorf("private_key is there without app_id and installation_id")
	case c.Parallel < 1 || c.Parallel > 32:
		return fmt.Errorf("parallel is %d: want 1 to 32", c.Parallel)
	}
	if _, err := regexp.Compile(c.TicketPattern); err != nil {
		return fmt.Errorf("ticket_pattern: %w", err)
	}
	if err := c.validPatterns(); err != nil {
		return err
	}
	return collectors.ValidEndpoint(c.Common.Endpoint)
}

// validPatterns holds patterns to their form: one that is empty or names everything is a mistake.
func (c *Config) validPatterns() error {
	for name, all := range map[string][]string{"protected_branches": c.ProtectedBranches, "tool_trailers": c.ToolTrailers} {
		for _, p := range all {
			if _, err := path.Match(p, ""); err != nil || strings.Trim(p, "*") == "" {
				return fmt.Errorf("%s: %q is no pattern: want a name in which * may stand for any text", name, p)
			}
		}
	}
	for _, p := range c.TicketProjects {
		if !project().MatchString(p) {
			return fmt.Errorf("ticket_projects: %q is no key of a project, such as ENG", p)
		}
	}
	return nil
}

// Hosts implements collectors.Config.
func (c *Config) Hosts() []string {
	if c.Common.Endpoint != "" {
		return []string{collectors.EndpointHost(c.Common.Endpoint)}
	}
	return []string{"api.github.com"}
}

// Open implements collectors.Config.
func (c *Config) Open(env collectors.Env) (collectors.Collector, error) {
	tickets, err := regexp.Compile(c.TicketPattern)
	if err != nil {
		return nil, fmt.Errorf("ticket_pattern: %w", err)
	}
	col := &collector{cfg: c, env: env, org: c.Organization, tickets: tickets, parallel: c.Parallel,
		projects: c.TicketProjects, protected: c.ProtectedBranches, tools: c.ToolTrailers, suggestionsContribute: c.SuggestionsContribute}
	if col.api, err = newClient(c, env, fixed(c.Token)); err != nil {
		return nil, err
	}
	return col, nil
}
