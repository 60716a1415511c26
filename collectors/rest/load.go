package rest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/evidenced/evidenced/evidence"
)

// maxSize bounds a definition.
const maxSize = 256 << 10

// Load reads every definition at the top of fsys: NAME.yaml describes the
// source NAME. It is strict; all mistakes of a file that can be told apart are
// reported at once, each as an *Error with file, line and remedy. Errors name
// the files below folder.
func Load(fsys fs.FS, folder string) ([]*Definition, error) {
	files, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, err
	}
	var out []*Definition
	errs := misnamed(fsys, folder)
	for _, file := range files {
		b, err := fs.ReadFile(fsys, file)
		if err != nil {
			errs = append(errs, &Error{File: path.Join(folder, file), Message: err.Error()})
			continue
		}
		d, err := Parse(path.Join(folder, file), b)
		out, errs = append(out, d), append(errs, err)
	}
	return out, errors.Join(errs...)
}

// misnamed reports files that would be passed over, and were meant.
func misnamed(fsys fs.FS, folder string) (errs []error) {
	for _, pattern := range []string{"*.yml", "*.YAML", "*.YML"} {
		files, _ := fs.Glob(fsys, pattern) // the pattern is a good one
		for _, file := range files {
			want := strings.TrimSuffix(file, path.Ext(file)) + ".yaml"
			errs = append(errs, &Error{File: path.Join(folder, file), Message: "the file would be passed over: name it " + want})
		}
	}
	return errs
}

// Parse reads one definition.
func Parse(file string, b []byte) (*Definition, error) {
	if len(b) > maxSize {
		return nil, &Error{File: file, Message: fmt.Sprintf("larger than %d bytes", maxSize)}
	}
	d := &Definition{}
	if err := decodeYAML(b, d); err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = &Error{Message: err.Error()}
		}
		e.File = file
		return nil, e
	}
	d.digest = evidence.HashOf(b).String()
	d.defaults()
	c := &checker{file: file, def: d}
	c.check(strings.TrimSuffix(path.Base(file), ".yaml"))
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	return d, nil
}

func decodeYAML(b []byte, d *Definition) (err error) {
	// The YAML library panics at some texts that are none.
	defer func() {
		if p := recover(); p != nil {
			err = &Error{Message: fmt.Sprintf("this is not YAML: %v", p)}
		}
	}()
	tree, err := parser.ParseBytes(b, 0)
	if err != nil {
		return syntax(err, b)
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		return &Error{Message: "want one YAML document"}
	}
	r := &refuser{}
	if ast.Walk(r, tree.Docs[0].Body); r.err != nil {
		return r.err
	}
	return d.UnmarshalYAML(tree.Docs[0].Body)
}

// refuser finds what no definition may hold, wherever it stands.
type refuser struct{ err error }

// Visit implements ast.Visitor.
func (r *refuser) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case *ast.MappingNode:
		if name, ok := bareName(n); ok && r.err == nil {
			r.err = mistake(n, "{%s} must be in quotes here: \"{%s}\"", name, name)
			return nil
		}
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		r.err = mistake(n, "anchors and aliases are not taken here: write the value out")
	case *ast.NullNode:
		r.err = mistake(n, "there is nothing here: give a value, or leave the key out")
	}
	return r
}

// bareName returns the name of a map such as {from}, which YAML makes of a placeholder
// without quotes.
func bareName(n *ast.MappingNode) (string, bool) {
	if !n.IsFlowStyle || len(n.Values) != 1 {
		return "", false
	}
	_, null := n.Values[0].Value.(*ast.NullNode)
	return n.Values[0].Key.String(), null
}

// defaults fills in what need not be said.
func (d *Definition) defaults() {
	if d.Version == 0 {
		d.Version = 1
	}
	if d.Schedule == "" {
		d.Schedule = "0 7 * * *"
	}
	if d.Parallel == 0 {
		d.Parallel = 8
	}
	for _, a := range d.Auth {
		if a.Token != nil && a.Token.Value == nil {
			a.Token.Value = constant(".access_token")
			if a.Token.Expires == nil {
				a.Token.Expires = constant(".expires_in")
			}
		}
	}
	d.sayOnce()
}

func constant(text string) *expression {
	e, _ := parseExpression(text, 0) // the texts are ours
	return e
}

// sayOnce carries over why and permissions to the other uses of a call.
func (d *Definition) sayOnce() {
	present := map[string]*listing{}
	each := func(l *listing, _ *kind) {
		if l.Call == nil {
			return
		}
		if first := present[l.Call.name]; first == nil {
			present[l.Call.name] = l
		} else if l.Why == "" {
			l.Why = first.Why
			if l.Permissions == nil {
				l.Permissions = first.Permissions
			}
		}
	}
	d.eachListing(each)
}

// eachListing visits every listing; the kind is nil for that of the account.
func (d *Definition) eachListing(visit func(*listing, *kind)) {
	if d.Account != nil {
		if d.Account.Who != nil {
			visit(d.Account.Who, nil)
		}
		visit(&d.Account.Request, nil)
	}
	for _, k := range d.Kinds {
		k.eachListing(func(l *listing) { visit(l, k) })
	}
}

func (k *kind) eachListing(visit func(*listing)) {
	var walk func(l *listing)
	walk = func(l *listing) {
		if l == nil {
			return
		}
		visit(l)
		for _, name := range names(l.With) {
			walk(l.With[name])
		}
		walk(l.Then)
	}
	for _, name := range names(k.Tables) {
		walk(k.Tables[name])
	}
	for _, l := range k.Read {
		walk(l)
	}
}

// vars are the variables of every expression of the kind.
func (k *kind) vars() []string {
	all := slices.Concat(accountVars, []string{"account", "each", "parent"}, names(k.Tables))
	k.eachListing(func(l *listing) { all = append(all, names(l.With)...) })
	slices.Sort(all)
	return slices.Compact(all)
}

var accountVars = []string{"settings"}
