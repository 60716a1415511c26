package register

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/sheet"
	"github.com/evidenced/evidenced/evidence"
)

// Config is the configuration of the source "register".
type Config struct {
	Common collectors.Base `yaml:",inline"`
	// Registers are those that are kept, by name: vendor, training, ….
	Registers map[string]Kept `yaml:"registers"`

	folder string
}

// Kept is how one register is kept.
type Kept struct {
	// File is the path of the CSV file; a relative one starts at the folder of the configuration.
	File string `yaml:"file"`
	// Columns names the column of each attribute. Without it, those columns are
	// taken that are named as attributes are.
	Columns map[string]string `yaml:"columns,omitempty"`
	// Values says, for the attributes that hold certain words, which of ours a word of the file means.
	Values map[string]map[string]string `yaml:"values,omitempty"`
	// Dates is the layout of dates in the words of Go's package time. Default 2006-01-02.
	Dates string `yaml:"dates,omitempty"`
}

func newConfig() *Config { return &Config{Common: collectors.Base{Schedule: "45 5 * * *"}} }

// Base implements collectors.Config.
func (c *Config) Base() *collectors.Base { return &c.Common }

// Hosts implements collectors.Config: no host is asked.
func (c *Config) Hosts() []string { return nil }

// RelativeTo implements collectors.Files.
func (c *Config) RelativeTo(folder string) { c.folder = folder }

// Files implements collectors.Files.
func (c *Config) Files() map[string]string {
	all := map[string]string{}
	for name, k := range c.Registers {
		all[k.File] = c.sheet(name).Path(c.folder)
	}
	return all
}

// EnabledKinds implements collectors.Partial: the registers that have a file.
func (c *Config) EnabledKinds() (kinds []evidence.Kind) {
	for _, g := range registers {
		if _, kept := c.Registers[g.name]; kept {
			kinds = append(kinds, g.kind())
		}
	}
	return kinds
}

// sheet is the file of a register as it is read.
func (c *Config) sheet(name string) sheet.File {
	g, _ := named(name)
	k := c.Registers[name]
	f := sheet.File{Name: k.File, Columns: k.Columns, IsField: g.isField, Missing: g.missing, Dates: k.Dates}
	if f.Dates == "" {
		f.Dates = sheet.ISO
	}
	return f
}

// Validate implements collectors.Config.
func (c *Config) Validate() error {
	if c.Common.Endpoint != "" {
		return errors.New("endpoint: files have none; name them under registers")
	}
	if len(c.Registers) == 0 {
		return fmt.Errorf("registers is missing: the registers that are kept, of %s", strings.Join(names(), ", "))
	}
	for _, k := range c.Common.Kinds {
		if k != kindFile && !slices.Contains(c.EnabledKinds(), k) {
			return fmt.Errorf("kinds: %s has no file under registers", k)
		}
	}
	files := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Registers)) {
		if err := c.check(name); err != nil {
			return fmt.Errorf("registers: %s: %w", name, err)
		}
		file := c.Registers[name].File
		if other := files[file]; other != "" {
			return fmt.Errorf("registers: %s and %s are the same file, %s", other, name, file)
		}
		files[file] = name
	}
	return nil
}

func names() (all []string) {
	for _, g := range registers {
		all = append(all, g.name)
	}
	return all
}

func (c *Config) check(name string) error {
	g, known := named(name)
	if !known {
		return fmt.Errorf("there is no such register; there are %s", strings.Join(names(), ", "))
	}
	f, k := c.sheet(name), c.Registers[name]
	return errors.Join(f.Check(), g.checkColumns(k.Columns), g.checkValues(k.Values), f.CheckDates())
}

func (g register) checkColumns(columns map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		switch {
		case !g.isField(name):
			return fmt.Errorf("columns: %q is none of its attributes; there are %s", name, strings.Join(g.attributes(), ", "))
		case strings.TrimSpace(columns[name]) == "":
			return fmt.Errorf("columns: %s names no column", name)
		}
	}
	if len(columns) == 0 {
		return nil
	}
	if why := g.missing(slices.Collect(maps.Keys(columns))); why != "" {
		return fmt.Errorf("columns: %s", why)
	}
	return nil
}

func (g register) checkValues(values map[string]map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		c, _ := g.column(name)
		if c.ours() == nil {
			return fmt.Errorf("values: %q holds no certain words", name)
		}
		if err := sheet.Words(values).Check(name, c.ours()); err != nil {
			return err
		}
	}
	return nil
}

// attributes returns the names of the columns.
func (g register) attributes() (all []string) {
	for _, c := range g.columns {
		all = append(all, c.name)
	}
	return all
}

// Open implements collectors.Config.
func (c *Config) Open(env collectors.Env) (collectors.Collector, error) {
	return &collector{door: env.ReadFile, cfg: c}, nil
}
