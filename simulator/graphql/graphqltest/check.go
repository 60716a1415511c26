package graphqltest

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/evidenced/evidenced/simulator/graphql"
)

// Schema is a vendor's schema.
type Schema struct {
	*ast.Schema

	mu      sync.Mutex
	queries map[string]*ast.QueryDocument // that were found valid
}

// twice are two fields that @octokit/graphql-schema 15.26.1 defines twice, of a
// type that nobody here asks for.
var twice = []string{"  repositoryDeployKeySetting:", "  repositoryDeployKeySettingOrganizations("}

// Load reads a schema that was packed with gzip.
func Load(file string) (*Schema, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was read
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	text := string(b)
	for _, field := range twice {
		text = strings.Replace(text, field, strings.Replace(field, "Setting", "SettingOnce", 1), 1)
	}
	s, err := gqlparser.LoadSchema(&ast.Source{Name: file, Input: text})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &Schema{Schema: s, queries: map[string]*ast.QueryDocument{}}, nil
}

// Query parses a document, and reports what the schema does not allow in it.
func (s *Schema) Query(text string) (*ast.QueryDocument, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if doc := s.queries[text]; doc != nil {
		return doc, nil
	}
	doc, errs := gqlparser.LoadQueryWithRules(s.Schema, text, rules.NewDefaultRules())
	if len(errs) > 0 {
		return nil, errs
	}
	s.queries[text] = doc
	return doc, nil
}

// Check reports what the vendor would refuse of a request, and what of the data
// that it was answered with, as JSON, the vendor would not give.
func (s *Schema) Check(r graphql.Request, answer []byte) error {
	doc, err := s.Query(r.Query)
	if err != nil {
		return fmt.Errorf("the query: %w", err)
	}
	op := doc.Operations.ForName(r.Operation)
	if op == nil {
		return fmt.Errorf("there is no operation %s", r.Operation)
	}
	if _, err := validator.VariableValues(s.Schema, op, r.Variables); err != nil {
		return fmt.Errorf("the variables of %s: %w", r.Operation, err)
	}
	var a struct {
		Data   map[string]any `json:"data"`
		Errors []graphql.Error
	}
	if err := json.Unmarshal(answer, &a); err != nil || a.Data == nil {
		return err
	}
	return s.object(a.Data, "Query", op.SelectionSet, len(a.Errors) > 0, r.Operation)
}

// object holds the fields of an object to their types.
func (s *Schema) object(o map[string]any, typ string, set ast.SelectionSet, failed bool, path string) error {
	if name, ok := o["__typename"].(string); ok {
		typ = name
	}
	for _, sel := range set {
		var err error
		switch sel := sel.(type) {
		case *ast.Field:
			if v, there := o[sel.Alias]; there {
				err = s.value(v, sel.Definition.Type, sel.SelectionSet, failed, path+"."+sel.Alias)
			} else if len(sel.Directives) == 0 {
				err = fmt.Errorf("%s.%s is not there", path, sel.Alias)
			}
		case *ast.InlineFragment:
			if s.is(typ, sel.TypeCondition) {
				err = s.object(o, typ, sel.SelectionSet, failed, path)
			}
		case *ast.FragmentSpread:
			if s.is(typ, sel.Definition.TypeCondition) {
				err = s.object(o, typ, sel.Definition.SelectionSet, failed, path)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// is reports whether an object of a type is one of another, an interface or a union, as well.
func (s *Schema) is(typ, other string) bool {
	return typ == other || slices.ContainsFunc(s.PossibleTypes[other], func(d *ast.Definition) bool { return d.Name == typ })
}

// value holds a value to its type. What may not be null is null where there are errors.
func (s *Schema) value(v any, typ *ast.Type, set ast.SelectionSet, failed bool, path string) error {
	if v == nil {
		if typ.NonNull && !failed {
			return fmt.Errorf("%s is null", path)
		}
		return nil
	}
	if typ.Elem != nil {
		list, ok := v.([]any)
		if !ok {
			return fmt.Errorf("%s is no list", path)
		}
		for i, item := range list {
			if err := s.value(item, typ.Elem, set, failed, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	}
	if o, ok := v.(map[string]any); ok {
		return s.object(o, typ.NamedType, set, failed, path)
	}
	if !s.leaf(v, typ.NamedType) {
		return fmt.Errorf("%s is %v, and no %s", path, v, typ.NamedType)
	}
	return nil
}

// leaf reports whether a value is one of an enumeration, or of a scalar type.
func (s *Schema) leaf(v any, typ string) bool {
	if d := s.Types[typ]; d.Kind == ast.Enum {
		text, _ := v.(string)
		return d.EnumValues.ForName(text) != nil
	}
	switch v := v.(type) {
	case bool:
		return typ == "Boolean"
	case float64:
		return typ == "Float" || typ == "Int" && v == math.Trunc(v) && math.Abs(v) <= math.MaxInt32
	case string:
		return !slices.Contains([]string{"Boolean", "Int", "Float"}, typ)
	}
	return false
}
