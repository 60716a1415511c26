package roster

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/sheet"
)

// Config is the configuration of the source "roster".
type Config struct {
	Common collectors.Base `yaml:",inline"`
	// File is the path of the CSV file; a relative one starts at the folder of the configuration.
	File string `yaml:"file"`
	// Columns names the column of each field. Without it, the columns are taken
	// that are named as fields are.
	Columns map[string]string `yaml:"columns"`
	// Values says, for type and status, which of our words a word of the file means.
	Values map[string]map[string]string `yaml:"values"`
	// Dates is the layout of dates in the words of Go's package time. Default 2006-01-02.
	Dates string `yaml:"dates"`

	folder string
}

// login begins the fields that are logins at other sources.
const login = "login."

// fields are what a column may say, but for logins.
var fields = []string{"id", "email", "other_emails", "name", "first_name", "last_name", "type", "status", "start", "end",
	"title", "department", "manager", "owner", "purpose", "reviewed", "changed"}

// words are those that a field may hold.
var words = map[string][]string{
	"type":   {"employee", "contractor", "service"},
	"status": {"active", "leave", "ended"},
}

var loginField = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^login\.[a-z][a-z0-9]*$`) })

func isField(name string) bool {
	return slices.Contains(fields, name) || loginField().MatchString(name)
}

func newConfig() *Config {
	return &Config{Common: collectors.Base{Schedule: "30 5 * * *"}, Dates: sheet.ISO}
}

// Base implements collectors.Config.
func (c *Config) Base() *collectors.Base { return &c.Common }

// Hosts implements collectors.Config: no host is asked.
func (c *Config) Hosts() []string { return nil }

// RelativeTo implements collectors.Files.
func (c *Config) RelativeTo(folder string) { c.folder = folder }

// Files implements collectors.Files.
func (c *Config) Files() map[string]string {
	return map[string]string{c.File: c.sheet().Path(c.folder)}
}

// sheet is the file as it is read.
func (c *Config) sheet() sheet.File {
	return sheet.File{Name: c.File, Columns: c.Columns, IsField: isField, Missing: nobody, Dates: c.Dates}
}

// nobody says why nobody could be told from another.
func nobody(fields []string) string {
	if slices.Contains(fields, "id") || slices.Contains(fields, "email") {
		return ""
	}
	return "there is neither a column id nor a column email: name them under columns"
}

// Validate implements collectors.Config.
func (c *Config) Validate() error {
	if err := c.sheet().Check(); err != nil {
		return err
	}
	if c.Common.Endpoint != "" {
		return errors.New("endpoint: a file has none; name it in file")
	}
	return errors.Join(c.checkColumns(), c.checkValues(), c.sheet().CheckDates())
}

func (c *Config) checkColumns() error {
	for _, f := range slices.Sorted(maps.Keys(c.Columns)) {
		switch {
		case !isField(f):
			return fmt.Errorf("columns: %q is no field; there are %s and login.NAME", f, strings.Join(fields, ", "))
		case strings.TrimSpace(c.Columns[f]) == "":
			return fmt.Errorf("columns: %s names no column", f)
		}
	}
	if len(c.Columns) > 0 && c.Columns["id"] == "" && c.Columns["email"] == "" {
		return errors.New("columns: neither id nor email is among them, so nobody could be told from another")
	}
	return nil
}

func (c *Config) checkValues() error {
	for _, f := range slices.Sorted(maps.Keys(c.Values)) {
		if words[f] == nil {
			return fmt.Errorf("values: %q has no words of its own; type and status have", f)
		}
		if err := sheet.Words(c.Values).Check(f, words[f]); err != nil {
			return err
		}
	}
	return nil
}

// Open implements collectors.Config.
func (c *Config) Open(env collectors.Env) (collectors.Collector, error) {
	return &collector{read: env.ReadFile, cfg: c}, nil
}
