package roster

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
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

// iso is how dates are stored, and how they are read unless said otherwise.
const iso = time.DateOnly

// login begins the fields that are logins at other sources.
const login = "login."

// fields are what a column may say, but for logins.
var fields = []string{"id", "email", "other_emails", "name", "first_name", "last_name", "type", "status", "start", "end",
	"title", "department", "manager", "owner", "purpose", "reviewed"}

// words are those that a field may hold.
var words = map[string][]string{
	"type":   {"employee", "contractor", "service"},
	"status": {"active", "leave", "ended"},
}

var loginField = regexp.MustCompile(`^login\.[a-z][a-z0-9]*$`)

func isField(name string) bool { return slices.Contains(fields, name) || loginField.MatchString(name) }

func newConfig() *Config {
	return &Config{Common: collectors.Base{Schedule: "30 5 * * *"}, Dates: iso}
}

// Base implements collectors.Config.
func (c *Config) Base() *collectors.Base { return &c.Common }

// Hosts implements collectors.Config: no host is asked.
func (c *Config) Hosts() []string { return nil }

// Beside implements collectors.Files.
func (c *Config) Beside(folder string) { c.folder = folder }

// Files implements collectors.Files.
func (c *Config) Files() map[string]string {
	path := c.File
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.folder, path)
	}
	return map[string]string{c.File: path}
}

// Validate implements collectors.Config.
func (c *Config) Validate() error {
	switch {
	case c.File == "":
		return errors.New("file is missing: the path of a CSV file, such as people.csv")
	case strings.ContainsAny(c.File, "\x00\n") || filepath.Clean(c.File) != c.File || c.File == ".":
		return fmt.Errorf("file %q: want a clean path, such as people.csv", c.File)
	case c.Common.Endpoint != "":
		return errors.New("endpoint: a file has none; name it in file")
	}
	return errors.Join(c.checkColumns(), c.checkValues(), c.checkDates())
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
		seen := map[string]bool{}
		for _, v := range slices.Sorted(maps.Keys(c.Values[f])) {
			if seen[plain(v)] {
				return fmt.Errorf("values: %s %q stands there twice", f, v)
			}
			seen[plain(v)] = true
			if !slices.Contains(words[f], c.Values[f][v]) {
				return fmt.Errorf("values: %s %q means %q: want one of %s", f, v, c.Values[f][v], strings.Join(words[f], ", "))
			}
		}
	}
	return nil
}

// word gives our word for one of the file.
func (c *Config) word(field, theirs string) string {
	for t, ours := range c.Values[field] {
		if plain(t) == plain(theirs) {
			return ours
		}
	}
	return plain(theirs)
}

// checkDates tries the layout on a day no two parts of which share a number.
func (c *Config) checkDates() error {
	day := time.Date(2031, 11, 23, 0, 0, 0, 0, time.UTC)
	if got, err := time.Parse(c.Dates, day.Format(c.Dates)); err != nil || !got.Equal(day) {
		return fmt.Errorf(`dates %q: want the 2nd of January 2006 as the file writes it, such as "02.01.2006" or "1/2/2006"`, c.Dates)
	}
	return nil
}

// Open implements collectors.Config.
func (c *Config) Open(env collectors.Env) (collectors.Collector, error) {
	return &collector{read: env.ReadFile, cfg: c}, nil
}
