package rest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Definition is one source as its file describes it.
type Definition struct {
	// Name is the name of the file, the key in the configuration and the prefix of every kind.
	Name string `yaml:"name"`
	// Version counts the changes of the file that change records. 1 if not said.
	Version int `yaml:"version"`
	// Doc says in one sentence what the source is.
	Doc string `yaml:"doc"`
	// Documentation is the address of the vendor's reference.
	Documentation string `yaml:"documentation"`
	// Checked says against what the file was checked, and against what it was not.
	Checked string `yaml:"checked"`
	// Grant says where the vendor's administrator gives the permissions.
	Grant string `yaml:"grant"`
	// Schedule is the default one.
	Schedule string `yaml:"schedule"`
	// Settings are what the configuration takes, in the order of the sample.
	Settings []*setting `yaml:"settings"`
	// Base is the root of the API: a URL, or "{setting}" where a setting gives one whole.
	Base *template `yaml:"base"`
	// Scope names the tenant; the host of Base if not said.
	Scope *template `yaml:"scope"`
	// Headers go with every request.
	Headers map[string]*template `yaml:"headers"`
	// Auth are the ways to sign in; the first whose settings are given is taken.
	Auth []*auth `yaml:"auth"`
	// Throttle tells how the source slows callers down, beside 429 and Retry-After.
	Throttle throttle `yaml:"throttle"`
	// Parallel is how many rows are asked about at a time, 8 if not said.
	Parallel int `yaml:"parallel"`
	// Redact names members of answers that are never stored.
	Redact []string `yaml:"redact"`
	// Account is the root kind: the tenant, and who asks.
	Account *account `yaml:"account"`
	// Kinds are all others.
	Kinds []*kind `yaml:"kinds"`

	digest string
}

// setting is one key of the configuration.
type setting struct {
	Name string `yaml:"name"`
	Doc  string `yaml:"doc"`
	// Secret makes it a credential: it stands in no address, record or log.
	Secret bool `yaml:"secret"`
	// Default makes it optional; so does Optional.
	Default  string `yaml:"default"`
	Optional bool   `yaml:"optional"`
	// Example stands in the sample.
	Example string `yaml:"example"`
	// Choices are all values it may have.
	Choices []string `yaml:"choices"`
	line    int
}

// throttle tells how a source slows callers down.
type throttle struct {
	// Status and Contains tell a refusal that means "slow down".
	Status   int      `yaml:"status"`
	Contains []string `yaml:"contains"`
	// Limit, Remaining and Reset are headers; see collectors.Quota.
	Limit     string `yaml:"limit"`
	Remaining string `yaml:"remaining"`
	Reset     string `yaml:"reset"`
	// Left says that Reset holds the seconds left, not a time.
	Left  bool    `yaml:"left"`
	Share float64 `yaml:"share"`
	// Lanes is "call" where each call has a limit of its own.
	Lanes string `yaml:"lanes"`
}

// account reads the tenant. Its answer also says who asks.
type account struct {
	Kind    string  `yaml:"kind"`
	Doc     string  `yaml:"doc"`
	Request listing `yaml:"request"`
	// Who is asked for the principal, where the request does not say it.
	Who        *listing               `yaml:"who"`
	ID         *expression            `yaml:"id"`
	Principal  *expression            `yaml:"principal"`
	Attributes map[string]*expression `yaml:"attributes"`
	Required   []string               `yaml:"required"`
	Volatile   []string               `yaml:"volatile"`
	line       int
}

// kind is one kind of records.
type kind struct {
	Kind string `yaml:"kind"`
	Doc  string `yaml:"doc"`
	// Events is there for a kind of events.
	Events *events `yaml:"events"`
	// Tables are read once, before the rows; $NAME is the list of their rows.
	Tables map[string]*listing `yaml:"tables"`
	// Read are the listings whose rows become records.
	Read []*listing `yaml:"read"`
	// ID, Name and Time are those of the record, Name is ID and Time is not stated if not said.
	ID   *expression `yaml:"id"`
	Name *expression `yaml:"name"`
	Time *expression `yaml:"time"`
	// Attributes are the facts; one that gives null is not said.
	Attributes map[string]*expression `yaml:"attributes"`
	// Required are the attributes that every record says; where one is missing, the
	// source has changed, and nothing it says is the whole.
	Required []string `yaml:"required"`
	Volatile []string `yaml:"volatile"`
	line     int
}

// events says how a kind of events is read.
type events struct {
	// Late is how long after the fact the source may add events, Kept how long it keeps them.
	Late span `yaml:"late"`
	Kept span `yaml:"kept"`
	// Format of {from} and {to}: rfc3339 (the default), unix, unix_ms, date.
	Format string `yaml:"format"`
}

// listing is one request, its pages, and what is asked for each of its rows.
type listing struct {
	// Call is the method and the pattern of the path, on another host where it is a URL.
	Call        *call    `yaml:"call"`
	Why         string   `yaml:"why"`
	Permissions []string `yaml:"permissions"`
	// Path returns variables of the pattern that are neither settings nor members of the row.
	Path  map[string]*expression `yaml:"path"`
	Query map[string]texts       `yaml:"query"`
	// Body is what a POST sends, a JSON object.
	Body map[string]any `yaml:"body"`
	// For repeats the request for each of these values of {each} and $each.
	For []string `yaml:"for"`
	// Filter names the parameters of the query that leave something out.
	Filter []string `yaml:"filter"`
	Page   *page    `yaml:"page"`
	// Items returns the rows of a page; the elements of the answer if not said.
	Items *expression `yaml:"items"`
	// Expect must be true of every answer, or it is not the one that was asked for.
	Expect *expression `yaml:"expect"`
	// Total is the source's own count of the rows.
	Total *expression `yaml:"total"`
	// Answers say what refusals mean here.
	Answers []*meaning `yaml:"answers"`
	// When tells the rows of the parent for which it is asked, all if not said.
	When *expression `yaml:"when"`
	// With are asked for each row; $NAME is the list of their rows.
	With map[string]*listing `yaml:"with"`
	// Then is asked for each row; its rows take the place of the row, which is $parent.
	Then *listing `yaml:"then"`
	line int
	body map[string]*template
}

// meaning says what one refusal means.
type meaning struct {
	Status   int    `yaml:"status"`
	Contains string `yaml:"contains"`
	Means    string `yaml:"means"`
	line     int
}

// The meanings of a refusal.
const (
	absent      = "absent"       // there is nothing: no rows
	unsaid      = "unsaid"       // the source does not say it of this row: null
	denied      = "denied"       // a right is missing
	notLicensed = "not_licensed" // the plan of the tenant does not have it
)

// page says how the pages of a listing follow one another.
type page struct {
	// By is link (header Link), next (an address in the body), token (a text in the
	// body), offset or number.
	By string `yaml:"by"`
	// At returns the address or the token, null or "" after the last page.
	At *expression `yaml:"at"`
	// As is the parameter that takes token, offset or number.
	As string `yaml:"as"`
	// In is "body" where As is a member of the body; the others are then left out
	// where Alone is set.
	In    string `yaml:"in"`
	Alone bool   `yaml:"alone"`
	// First is the number of the first page, Step how far an offset goes each time:
	// as far as there were rows if not said.
	First int `yaml:"first"`
	Step  int `yaml:"step"`
	// More tells whether a page follows. Without it, and without a total, the
	// listing by offset or number ends with an empty page.
	More *expression `yaml:"more"`
	line int
}

// call is a method and a pattern.
type call struct {
	// name is how the door knows it: "GET /users/{id}".
	name   string
	method string
	base   *template // nil for that of the definition
	path   string
	vars   []string
}

// UnmarshalYAML reads "GET /users/{id}" or "POST https://host/token".
func (c *call) UnmarshalYAML(n ast.Node) error {
	text, err := textOf(n)
	if err != nil {
		return err
	}
	method, rest, ok := strings.Cut(text, " ")
	if scheme, after, absolute := strings.Cut(rest, "://"); absolute {
		host, path, _ := strings.Cut(after, "/")
		if c.base, err = parseTemplate(scheme+"://"+host, lineOf(n)); err != nil {
			return err
		}
		rest = "/" + path
	}
	if !ok || !strings.HasPrefix(rest, "/") || strings.ContainsAny(rest, "? ") {
		return mistake(n, "call %q: want a method and a path without a query, such as GET /api/v1/users/{id}", text)
	}
	// {$} ends the pattern of a path that ends in a slash (net/http.ServeMux).
	c.method, c.path, c.name = method, strings.TrimSuffix(rest, "{$}"), method+" "+rest
	for part := range strings.SplitSeq(c.path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			c.vars = append(c.vars, strings.TrimSuffix(name, "}"))
		}
	}
	return nil
}

// span is a duration that knows days: "90d", "1h".
type span time.Duration

// UnmarshalYAML reads it.
func (s *span) UnmarshalYAML(n ast.Node) error {
	text, err := textOf(n)
	if err != nil {
		return err
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if v, err := strconv.Atoi(days); err == nil && v > 0 {
			*s = span(time.Duration(v) * 24 * time.Hour)
			return nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return mistake(n, "%q: want a time such as 90d, 1h or 30m", text)
	}
	*s = span(d)
	return nil
}

// String names the kind in errors.
func (k *kind) String() string { return fmt.Sprintf("kind %s", k.Kind) }
