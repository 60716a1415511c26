package simulator

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"time"
)

// node is an XML element: text, or children, or empty.
type node struct {
	name string
	text string
	kids []node
}

// el makes an element of children.
func el(name string, kids ...node) node { return node{name: name, kids: kids} }

// leaf makes an element of text.
func leaf(name string, value any) node {
	if t, ok := value.(time.Time); ok {
		value = t.UTC().Format(time.RFC3339)
	}
	return node{name: name, text: fmt.Sprint(value)}
}

func (n node) write(b *bytes.Buffer) {
	b.WriteByte('<')
	b.WriteString(n.name)
	b.WriteByte('>')
	_ = xml.EscapeText(b, []byte(n.text)) // a buffer takes everything
	for _, k := range n.kids {
		k.write(b)
	}
	name := n.name
	for i := range name {
		if name[i] == ' ' { // attributes follow
			name = name[:i]
			break
		}
	}
	b.WriteString("</")
	b.WriteString(name)
	b.WriteByte('>')
}

// document gives the element as a document.
func (n node) document() []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	n.write(&b)
	return b.Bytes()
}
