package aws

import (
	"fmt"
	"regexp"
	"slices"
	"sync"

	"github.com/evidenced/evidenced/collectors"
)

// The words that a Choice may be instead of a list.
const (
	single       = "single"
	organization = "organization"
	enabled      = "enabled"
)

// Choice is one word, or a list of names.
type Choice struct {
	Word string
	List []string
}

// UnmarshalYAML takes a text or a list of texts. An account id keeps its
// leading zeros, with or without quotes.
func (c *Choice) UnmarshalYAML(decode func(any) error) error {
	*c = Choice{}
	var list []string
	if err := decode(&list); err == nil {
		c.List = list
		return nil
	}
	return decode(&c.Word)
}

// MarshalYAML returns the word or the list.
func (c Choice) MarshalYAML() (any, error) {
	if c.Word != "" {
		return c.Word, nil
	}
	return c.List, nil
}

// Config is the configuration of the source "aws".
type Config struct {
	Common collectors.Base `yaml:",inline"`
	// Accounts is "single" (default), "organization" or a list of account ids.
	Accounts Choice `yaml:"accounts"`
	// RoleName is the role to take in every account but the credential's own.
	RoleName string `yaml:"role_name"`
	// ExternalID is what the role's trust policy demands, if anything.
	ExternalID string `yaml:"external_id"`
	// Regions is "enabled" (default) or a list of regions.
	Regions Choice `yaml:"regions"`
	// Region is where global things are asked for. Default us-east-1.
	Region string `yaml:"region"`
	// Profile names a profile of the shared AWS configuration.
	Profile string `yaml:"profile"`
}

func newConfig() *Config {
	return &Config{
		Common:   collectors.Base{Schedule: "0 6 * * *"},
		Accounts: Choice{Word: single}, Regions: Choice{Word: enabled}, Region: "us-east-1",
	}
}

var (
	accountID  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]{12}$`) })
	regionName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+$`) })
	roleName   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9+=,.@_/-]{1,128}$`) })
)

// Base implements collectors.Config.
func (c *Config) Base() *collectors.Base { return &c.Common }

// Validate implements collectors.Config.
func (c *Config) Validate() error {
	if err := c.Accounts.check("accounts", accountID(), "an account id of 12 digits", single, organization); err != nil {
		return err
	}
	if err := c.Regions.check("regions", regionName(), "a region such as eu-west-1", enabled); err != nil {
		return err
	}
	switch {
	case !regionName().MatchString(c.Region):
		return fmt.Errorf("region %q: want one such as us-east-1", c.Region)
	case c.RoleName != "" && !roleName().MatchString(c.RoleName):
		return fmt.Errorf("role_name %q is not the name of a role; the account is put before it", c.RoleName)
	case c.RoleName != "" && c.Accounts.Word == single:
		return fmt.Errorf("role_name has no effect with accounts: single")
	case c.ExternalID != "" && c.RoleName == "":
		return fmt.Errorf("external_id has no effect without role_name")
	}
	return collectors.ValidEndpoint(c.Common.Endpoint)
}

// check allows one of words, or a list of names without repetition.
func (c Choice) check(key string, name *regexp.Regexp, want string, words ...string) error {
	if len(c.List) == 0 && !slices.Contains(words, c.Word) {
		return fmt.Errorf("%s is %q: want %v or a list", key, c.Word, words)
	}
	seen := map[string]bool{}
	for _, n := range c.List {
		if !name.MatchString(n) {
			return fmt.Errorf("%s holds %q: want %s", key, n, want)
		}
		if seen[n] {
			return fmt.Errorf("%s holds %q twice", key, n)
		}
		seen[n] = true
	}
	return nil
}

// Hosts implements collectors.Config.
func (c *Config) Hosts() []string {
	if c.Common.Endpoint != "" {
		return []string{collectors.EndpointHost(c.Common.Endpoint)}
	}
	return serviceHosts()
}

// Open implements collectors.Config. It reads the AWS configuration of the
// environment, not the network.
func (c *Config) Open(env collectors.Env) (collectors.Collector, error) {
	base, err := c.load(env)
	if err != nil {
		return nil, err
	}
	return &collector{cfg: c, env: env, aws: base, kinds: allKinds()}, nil
}
