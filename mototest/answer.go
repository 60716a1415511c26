package mototest

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Check holds the body of an answer to the description of its operation: every
// member must be a known one, of the type that is described. If whole, no
// member that is always there may be missing.
func (m *Model) Check(operation string, body []byte, whole bool) error {
	op, known := m.Operations[operation]
	if !known {
		return fmt.Errorf("the API has no operation %s", operation)
	}
	if op.Output == nil {
		return nil
	}
	c := &check{m: m, whole: whole}
	if strings.Contains(m.Metadata.Protocol, "json") || strings.Contains(m.Metadata.Protocol, "cbor") && strings.HasPrefix(strings.TrimSpace(string(body)), "{") {
		c.json(operation, *op.Output, body)
	} else {
		c.xml(operation, *op.Output, body)
	}
	return errors.Join(c.found...)
}

// check collects what does not fit.
type check struct {
	m     *Model
	whole bool
	found []error
}

func (c *check) fail(path, format string, args ...any) {
	c.found = append(c.found, fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...)))
}

// inBody are the members that the body holds, by the names they have in it.
func (c *check) inBody(s shape) map[string]shapeRef {
	out := map[string]shapeRef{}
	for name, r := range s.Members {
		if r.Location == "" {
			out[orElse(r.LocationName, name)] = r
		}
	}
	return out
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// missing names the members that are always there, and are not.
func (c *check) missing(path string, s shape, has func(name string) bool) {
	for _, name := range s.Required {
		if r := s.Members[name]; c.whole && r.Location == "" && !has(orElse(r.LocationName, name)) {
			c.fail(path, "%s is missing", name)
		}
	}
}

func (c *check) json(operation string, out shapeRef, body []byte) {
	s := c.m.Shapes[out.Shape]
	if s.Payload != "" {
		p := s.Members[s.Payload]
		if t := c.m.Shapes[p.Shape].Type; t == "string" || t == "blob" {
			return // any text
		}
		out = p
	}
	var v any
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		c.fail(operation, "no JSON: %v", err)
		return
	}
	c.value(operation, out, v)
}

// value holds a JSON value to its shape; null is a member that is not there.
func (c *check) value(path string, r shapeRef, v any) {
	s := c.m.Shapes[r.Shape]
	if v == nil {
		return
	}
	switch x := v.(type) {
	case map[string]any:
		c.object(path, s, x)
	case []any:
		if s.Type != "list" {
			c.fail(path, "a list for a %s", s.Type)
			return
		}
		for i, e := range x {
			c.value(fmt.Sprintf("%s[%d]", path, i), s.Member, e)
		}
	case bool:
		if s.Type != "boolean" {
			c.fail(path, "%v for a %s", x, s.Type)
		}
	case json.Number:
		if !slices.Contains([]string{"integer", "long", "float", "double", "timestamp"}, s.Type) {
			c.fail(path, "%v for a %s", x, s.Type)
		}
	case string:
		c.text(path, s, x, "string", "blob", "timestamp")
	}
}

func (c *check) object(path string, s shape, x map[string]any) {
	if s.Type == "map" {
		for k, e := range x {
			c.value(path+"."+k, s.Value, e)
		}
		return
	}
	if s.Type != "structure" {
		c.fail(path, "an object for a %s", s.Type)
		return
	}
	members := c.inBody(s)
	for k, e := range x {
		r, known := members[k]
		if !known {
			c.fail(path, "there is no member %s", k)
			continue
		}
		c.value(path+"."+k, r, e)
	}
	c.missing(path, s, func(name string) bool { return x[name] != nil })
}

// text holds a text to a shape that is one of the types.
func (c *check) text(path string, s shape, text string, types ...string) {
	if !slices.Contains(types, s.Type) {
		c.fail(path, "the text %q for a %s", text, s.Type)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
		c.fail(path, "%q is none of %v", text, s.Enum)
	}
}

// element is a node of an XML document.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []element  `xml:",any"`
}

func (c *check) xml(operation string, out shapeRef, body []byte) {
	s := c.m.Shapes[out.Shape]
	if s.Payload != "" {
		p := s.Members[s.Payload]
		if c.m.Shapes[p.Shape].Type != "structure" {
			return // any text
		}
		out = p
	}
	var doc element
	if err := xml.Unmarshal(body, &doc); err != nil && !errors.Is(err, io.EOF) {
		c.fail(operation, "no XML: %v", err)
		return
	}
	if out.ResultWrapper != "" {
		i := slices.IndexFunc(doc.Children, func(e element) bool { return e.XMLName.Local == out.ResultWrapper })
		if i < 0 {
			c.fail(operation, "there is no %s", out.ResultWrapper)
			return
		}
		doc = doc.Children[i]
	}
	c.element(operation, out, doc)
}

// beside the result, the protocols put the id of the request.
var besides = []string{"requestId", "ResponseMetadata"}

func (c *check) element(path string, r shapeRef, e element) {
	s := c.m.Shapes[r.Shape]
	switch s.Type {
	case "structure":
		c.members(path, s, e)
	case "list":
		for _, child := range e.Children {
			if want := orElse(s.Member.LocationName, "member"); child.XMLName.Local != want {
				c.fail(path, "an element %s where each is %s", child.XMLName.Local, want)
				continue
			}
			c.element(path+"[]", s.Member, child)
		}
	case "map":
		for _, entry := range e.Children {
			for _, kv := range entry.Children {
				if part := map[string]shapeRef{orElse(s.Key.LocationName, "key"): s.Key, orElse(s.Value.LocationName, "value"): s.Value}[kv.XMLName.Local]; part.Shape != "" {
					c.element(path+"."+kv.XMLName.Local, part, kv)
				}
			}
		}
	default:
		c.leaf(path, s, strings.TrimSpace(e.Text))
	}
}

func (c *check) members(path string, s shape, e element) {
	members, seen := c.inBody(s), map[string]bool{}
	for _, child := range e.Children {
		name := child.XMLName.Local
		seen[name] = true
		r, known := members[name]
		flat := false
		if !known {
			r, known = c.flattened(s, name)
			flat = known
		}
		switch {
		case !known && !slices.Contains(besides, name):
			c.fail(path, "there is no member %s", name)
		case known && (flat || r.Flattened || c.m.Shapes[r.Shape].Flattened) && c.m.Shapes[r.Shape].Type == "list":
			c.element(path+"."+name, c.m.Shapes[r.Shape].Member, child)
		case known:
			c.element(path+"."+name, r, child)
		}
	}
	c.missing(path, s, func(name string) bool { return seen[name] })
}

// flattened finds the list whose elements stand in the structure itself, each
// under the name of one.
func (c *check) flattened(s shape, name string) (shapeRef, bool) {
	for _, r := range s.Members {
		if list := c.m.Shapes[r.Shape]; list.Type == "list" && (r.Flattened || list.Flattened) && list.Member.LocationName == name {
			return r, true
		}
	}
	return shapeRef{}, false
}

func (c *check) leaf(path string, s shape, text string) {
	switch s.Type {
	case "boolean":
		if text != "true" && text != "false" {
			c.fail(path, "%q is no boolean", text)
		}
	case "integer", "long":
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			c.fail(path, "%q is no number", text)
		}
	default:
		c.text(path, s, text, "string", "blob", "timestamp", "double", "float")
	}
}
