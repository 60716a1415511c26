package config

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/evidenced/evidenced/collectors"
)

// Notify is one channel in which people are told. Exactly one of Slack, SMTP,
// Webhook, PagerDuty, Jira and GitHub is set. Secrets in it may be missing: then
// what is sent fails, and says so.
type Notify struct {
	// Name tells it from the others; what it is, unless configured.
	Name string
	// Severity is the least that is told: low, medium, high or critical.
	Severity string
	// Digest says whether the weekly digest is told.
	Digest bool

	Slack     collectors.Secret
	SMTP      *NotifySMTP
	Webhook   *NotifyWebhook
	PagerDuty *NotifyPagerDuty
	Jira      *NotifyJira
	GitHub    *NotifyGitHub
}

// NotifySMTP is a mail server and the people who get the mail.
type NotifySMTP struct {
	// Host is "name:port", 587 if no port is named.
	Host     string            `yaml:"host"`
	From     string            `yaml:"from"`
	To       []string          `yaml:"to"`
	Username string            `yaml:"username"`
	Password collectors.Secret `yaml:"password"`
}

// NotifyWebhook is an address that takes a signed JSON document.
type NotifyWebhook struct {
	URL    collectors.Secret `yaml:"url"`
	Secret collectors.Secret `yaml:"secret"`
}

// NotifyPagerDuty is a service of PagerDuty.
type NotifyPagerDuty struct {
	Key collectors.Secret `yaml:"key"`
	// Endpoint is another address than the vendor's; may be empty.
	Endpoint string `yaml:"endpoint"`
}

// NotifyJira is a project of Jira Cloud.
type NotifyJira struct {
	URL     string            `yaml:"url"`
	Email   string            `yaml:"email"`
	Token   collectors.Secret `yaml:"token"`
	Project string            `yaml:"project"`
	// Type is the name of an issue type, Task unless configured.
	Type string `yaml:"type"`
}

// NotifyGitHub is a repository.
type NotifyGitHub struct {
	Repository string            `yaml:"repository"`
	Token      collectors.Secret `yaml:"token"`
	// Endpoint is another address than the vendor's; may be empty.
	Endpoint string `yaml:"endpoint"`
}

// fileNotify is a Notify as it is written.
type fileNotify struct {
	Name      string            `yaml:"name"`
	Severity  string            `yaml:"severity"`
	Digest    *bool             `yaml:"digest"`
	Slack     collectors.Secret `yaml:"slack"`
	SMTP      *NotifySMTP       `yaml:"smtp"`
	Webhook   *NotifyWebhook    `yaml:"webhook"`
	PagerDuty *NotifyPagerDuty  `yaml:"pagerduty"`
	Jira      *NotifyJira       `yaml:"jira"`
	GitHub    *NotifyGitHub     `yaml:"github"`
}

var severities = []string{"low", "medium", "high", "critical"}

// notify reads all of them; a mistake is reported at the line of its channel.
func (p *parse) notify(files []fileNotify) (out []Notify) {
	lines := map[string]int{}
	for i, f := range files {
		line := p.itemLine(i, "notify")
		n, err := f.channel()
		if err != nil {
			p.fail(line, "notify: %v", err)
			continue
		}
		if first, twice := lines[n.Name]; twice {
			p.fail(line, "notify: there are two called %s, the first in line %d: give one a name", n.Name, first)
		}
		lines[n.Name] = line
		out = append(out, n)
	}
	return out
}

func (f fileNotify) channel() (n Notify, err error) {
	n = Notify{Name: f.Name, Severity: f.Severity, Slack: f.Slack, SMTP: f.SMTP, Webhook: f.Webhook, PagerDuty: f.PagerDuty, Jira: f.Jira, GitHub: f.GitHub}
	kinds := f.kinds()
	if len(kinds) != 1 {
		return n, fmt.Errorf("it is %d channels: want exactly one of slack, smtp, webhook, pagerduty, jira and github", len(kinds))
	}
	if n.Name == "" {
		n.Name = kinds[0]
	}
	if n.Severity == "" {
		n.Severity = "low"
	}
	n.Digest = slices.Contains([]string{"slack", "smtp", "webhook"}, kinds[0])
	if f.Digest != nil {
		n.Digest = *f.Digest
	}
	switch {
	case !anchorName().MatchString(n.Name):
		return n, fmt.Errorf("name is %q: want a short name of a-z, 0-9, - and _", n.Name)
	case !slices.Contains(severities, n.Severity):
		return n, fmt.Errorf("%s: severity is %q: want one of %s", n.Name, n.Severity, strings.Join(severities, ", "))
	}
	if err := n.check(); err != nil {
		return n, fmt.Errorf("%s: %w", n.Name, err)
	}
	return n, nil
}

func (f fileNotify) kinds() (out []string) {
	for _, k := range []struct {
		name string
		set  bool
	}{{"slack", f.Slack != ""}, {"smtp", f.SMTP != nil}, {"webhook", f.Webhook != nil}, {"pagerduty", f.PagerDuty != nil}, {"jira", f.Jira != nil}, {"github", f.GitHub != nil}} {
		if k.set {
			out = append(out, k.name)
		}
	}
	return out
}

var (
	repositoryName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$`) })
	projectKey     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Z][A-Z0-9_]+$`) })
)

// check looks at one channel. A secret that could not be had is no mistake of
// the file.
func (n Notify) check() error {
	switch {
	case n.Slack != "":
		return secretURL("slack", n.Slack)
	case n.SMTP != nil:
		return n.SMTP.check()
	case n.Webhook != nil:
		if n.Webhook.Secret == "" {
			return errors.New("webhook.secret is missing: what is sent is signed with it")
		}
		return secretURL("webhook.url", n.Webhook.URL)
	case n.PagerDuty != nil:
		return errors.Join(present("pagerduty.key", n.PagerDuty.Key), optionalURL("pagerduty.endpoint", n.PagerDuty.Endpoint))
	case n.GitHub != nil:
		if !repositoryName().MatchString(n.GitHub.Repository) {
			return fmt.Errorf("github.repository is %q: want owner/name", n.GitHub.Repository)
		}
		return errors.Join(present("github.token", n.GitHub.Token), optionalURL("github.endpoint", n.GitHub.Endpoint))
	}
	return n.Jira.check()
}

func (j *NotifyJira) check() error {
	if j.Type == "" {
		j.Type = "Task"
	}
	switch {
	case !projectKey().MatchString(j.Project):
		return fmt.Errorf("jira.project is %q: want the key of a project, such as SEC", j.Project)
	case j.Email == "":
		return errors.New("jira.email is missing: the account that owns the token")
	case j.URL == "":
		return errors.New("jira.url is missing: the site, such as https://acme.atlassian.net")
	}
	return errors.Join(present("jira.token", j.Token), optionalURL("jira.url", j.URL))
}

func (s *NotifySMTP) check() error {
	if _, _, err := net.SplitHostPort(s.Host); err != nil && s.Host != "" {
		s.Host = net.JoinHostPort(s.Host, "587")
	}
	if s.Host == "" || len(s.To) == 0 {
		return errors.New("smtp needs host, from and to")
	}
	for _, address := range append([]string{s.From}, s.To...) {
		if a, err := mail.ParseAddress(address); err != nil || a.Address != address {
			return fmt.Errorf("smtp: %q is no address such as security@example.com", address)
		}
	}
	if s.Username != "" {
		return present("smtp.password", s.Password)
	}
	return nil
}

func present(key string, s collectors.Secret) error {
	if s == "" {
		return fmt.Errorf("%s is missing: write ${env:NAME} or ${file:PATH}", key)
	}
	return nil
}

// secretURL checks an address that is a secret itself, and shows nothing of it.
func secretURL(key string, s collectors.Secret) error {
	if s == "" || s.Check() != nil {
		return present(key, s)
	}
	if validURL(s.Reveal()) != nil {
		return fmt.Errorf("%s is no address such as https://host/path, with neither credentials nor a fragment", key)
	}
	return nil
}

func optionalURL(key, url string) error {
	if url == "" {
		return nil
	}
	if err := validURL(url); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}
