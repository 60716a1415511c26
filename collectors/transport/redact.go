package transport

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// credential is the entry of Exchange.Redacted for a known secret that was found by its text.
const credential = "credential"

// minSecret is the shortest text that is removed wherever it stands; shorter
// ones would tear ordinary words. Real credentials are longer.
const minSecret = 8

// redactor removes credentials from what is stored: the values of declared
// fields, and the text of every known secret in each of its usual encodings.
type redactor struct {
	fields fieldSet

	now func() time.Time

	mu       sync.Mutex
	secrets  map[string]knownSecret
	replacer atomic.Pointer[strings.Replacer]
	knowsAny atomic.Bool // there is a secret
}

// knownSecret is a secret that is removed.
type knownSecret struct {
	forms  []string
	forget time.Time // when it need not be known any more; zero for never
}

// secretRetention is for how long a secret is removed that has expired: far longer
// than anything takes from being read to being written.
const secretRetention = 24 * time.Hour

func newRedactor(names []string, now func() time.Time) *redactor {
	r := &redactor{fields: newFieldSet(names), now: now, secrets: map[string]knownSecret{}}
	r.replacer.Store(strings.NewReplacer())
	return r
}

// conceal adds a secret that is good until then, for ever if that is zero, and
// forgets those that expired long ago: a token is learnt each hour. How long ago
// is reckoned by the time that goes by, which nobody can set.
func (r *redactor) conceal(secret string, until time.Time) {
	if len(secret) < minSecret {
		return
	}
	now := r.now()
	var forget time.Time
	if !until.IsZero() {
		forget = now.Add(max(until.Sub(now), 0) + secretRetention)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old, there := r.secrets[secret]
	before := len(r.secrets)
	maps.DeleteFunc(r.secrets, func(s string, k knownSecret) bool { return s != secret && !k.forget.IsZero() && now.After(k.forget) })
	gone := len(r.secrets) < before
	switch {
	case !there:
		r.secrets[secret] = knownSecret{secretForms(secret), forget}
	case !old.forget.IsZero() && (forget.IsZero() || forget.After(old.forget)):
		r.secrets[secret] = knownSecret{old.forms, forget}
	}
	if !there || gone {
		r.rebuild()
	}
}

// rebuild makes the replacer of what is known.
func (r *redactor) rebuild() {
	var forms []string
	for _, k := range r.secrets {
		forms = append(forms, k.forms...)
	}
	forms = slices.DeleteFunc(union(forms, nil), func(f string) bool { return len(f) < minSecret })
	// The longest first: an escaped form may hold the plain one.
	slices.SortStableFunc(forms, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(forms))
	for _, s := range forms {
		pairs = append(pairs, s, collectors.Redacted)
	}
	r.replacer.Store(strings.NewReplacer(pairs...))
	r.knowsAny.Store(len(pairs) > 0)
}

// text removes every known secret from s.
func (r *redactor) text(s string) string { return r.clean(s, maxNesting) }

// findsSecretIn reports a known secret in an answer.
func (r *redactor) findsSecretIn(a answer) bool {
	for _, values := range a.resp.Header {
		if slices.ContainsFunc(values, func(v string) bool { return r.text(v) != v }) {
			return true
		}
	}
	return r.text(string(a.body)) != string(a.body)
}

// body returns b as it may be stored, and the names of what was removed.
func (r *redactor) body(contentType string, b []byte) ([]byte, []string) {
	if len(b) == 0 {
		return nil, nil
	}
	out, removed := r.fields.remove(contentType, b)
	if clean := r.text(string(out)); clean != string(out) {
		return []byte(clean), union(removed, []string{credential})
	}
	return out, removed
}

// fillRequest fills in the forms of address and body that are kept.
func (r *redactor) fillRequest(q *admittedRequest) {
	address, removed := cleanURL(q.req.URL)
	q.url = r.text(address)
	if q.url != address {
		removed = append(removed, credential)
	}
	body, more := r.body(q.req.Header.Get("Content-Type"), q.body)
	q.text = strings.ToValidUTF8(string(body), "\uFFFD")
	q.redacted = union(removed, more)
}

// value removes known secrets from the texts of an attribute: a source may
// repeat what it was given. It changes lists and maps in place.
func (r *redactor) value(v any) any {
	switch v := v.(type) {
	case string:
		return r.text(v)
	case []string:
		for i := range v {
			v[i] = r.text(v[i])
		}
	case []any:
		for i := range v {
			v[i] = r.value(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = r.value(v[k])
		}
	}
	return v
}

// secretsIn returns the text of every Secret in a configuration.
func secretsIn(v any) []string {
	var found []string
	walkSecrets(reflect.ValueOf(v), 0, func(s string) { found = append(found, s) })
	return found
}

var secretType = reflect.TypeFor[collectors.Secret]()

// walkSecrets bounds its depth, so that a configuration that points at itself ends.
func walkSecrets(v reflect.Value, depth int, found func(string)) {
	if !v.IsValid() || depth > 16 {
		return
	}
	if v.Type() == secretType {
		found(v.String())
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		walkSecrets(v.Elem(), depth+1, found)
	case reflect.Struct:
		for i := range v.NumField() {
			walkSecrets(v.Field(i), depth+1, found)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			walkSecrets(v.Index(i), depth+1, found)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			walkSecrets(it.Value(), depth+1, found)
		}
	}
}
