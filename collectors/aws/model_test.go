package aws

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/evidenced/evidenced/collectors/collectortest"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/mototest"
)

// described are the names that AWS's descriptions have for our services, where
// they have others.
var described = map[string]string{
	"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch", "access-analyzer": "accessanalyzer", "sso": "sso-admin",
}

// models reads the descriptions of the APIs, each once.
type models struct {
	t   *testing.T
	mu  sync.Mutex
	all map[string]*mototest.Model
	// looped are the calls whose answers were made endless.
	looped map[string]bool
}

// newModels skips the test where the descriptions are not here; in a collection,
// which has a goroutine of its own, that would come too late.
func newModels(t *testing.T) *models {
	ms := &models{t: t, all: map[string]*mototest.Model{}, looped: map[string]bool{}}
	ms.of("sts:GetCallerIdentity")
	return ms
}

// of returns the description of a call's API, and the operation's name.
func (ms *models) of(call string) (*mototest.Model, string) {
	name, operation, _ := strings.Cut(call, ":")
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if ms.all[name] == nil {
		file := name
		if other, ok := described[name]; ok {
			file = other
		}
		ms.all[name] = mototest.ReadModel(ms.t, file)
	}
	return ms.all[name], operation
}

// TestAnswersAreAsDescribed: what the fake answers has the members, and the
// types, that AWS describes; and every declared call is an operation of AWS.
func TestAnswersAreAsDescribed(t *testing.T) {
	ms, checked := newModels(t), map[string]bool{}
	for key, replies := range wholeOrganization(t).replies {
		call, _, _ := strings.Cut(key, " ")
		for _, r := range replies {
			if r.status >= 300 || call == "s3:GetBucketPolicy" { // errors are of another shape, a policy is any text
				continue
			}
			checked[call] = true
			m, operation := ms.of(call)
			if err := m.Check(operation, []byte(strings.NewReplacer("REGION", "eu-west-1", "ACCOUNT", own).Replace(r.body)), false); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		}
	}
	for _, c := range calls() {
		if m, operation := ms.of(c.Name); !slices.Contains(keysOf(m.Operations), operation) {
			t.Errorf("AWS has no %s", c.Name)
		} else if !checked[c.Name] && !slices.Contains([]string{"s3:GetBucketPolicy", "iam:GetAccountPasswordPolicy", "s3control:GetPublicAccessBlock"}, c.Name) {
			t.Errorf("no answer of %s was checked", c.Name)
		}
	}
}

func keysOf[V any](m map[string]V) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

// loops makes every listing of AWS endless, by the member that its description
// names: each page leads to the same next one.
func (ms *models) loops(x evidence.Exchange, a *collectortest.Answer) bool {
	m, operation := ms.of(x.Call)
	p, paged := m.Pages[operation]
	if !paged || a.Status != http.StatusOK || len(p.OutputToken) != 1 {
		return false
	}
	ms.mu.Lock()
	ms.looped[x.Call] = true
	ms.mu.Unlock()
	token := p.OutputToken[0]
	body, isJSON := bytes.CutPrefix(bytes.TrimSpace(a.Body), []byte("{"))
	if isJSON {
		more := ""
		if p.MoreResults != "" {
			more = `"` + p.MoreResults + `":true,`
			body = bytes.ReplaceAll(body, []byte(`"`+p.MoreResults+`":false`), []byte(`"`+p.MoreResults+`":true`))
			if bytes.Contains(body, []byte(`"`+p.MoreResults+`"`)) {
				more = ""
			}
		}
		a.Body = slices.Concat([]byte("{"+more+`"`+m.NameInBody(operation, token)+`":"again",`), body)
		return true
	}
	return loopXML(a, m.NameInBody(operation, token), operation, p.MoreResults)
}

// loopXML puts the token into the result, or into the root where there is none.
func loopXML(a *collectortest.Answer, token, operation, more string) bool {
	body := string(a.Body)
	if more != "" {
		body = strings.ReplaceAll(body, "<"+more+">false<", "<"+more+">true<")
	}
	end := strings.LastIndex(body, "</"+operation+"Result>")
	if end < 0 {
		end = strings.LastIndex(body, "</")
	}
	if end < 0 {
		return false // an element without content: a list of nothing
	}
	if i := strings.Index(body, "<"+token+">"); i >= 0 { // it has one: let it be ours
		rest := body[i+len(token)+2:]
		body = body[:i] + rest[strings.Index(rest, ">")+1:]
		end = strings.LastIndex(body, "</"+operation+"Result>")
		if end < 0 {
			end = strings.LastIndex(body, "</")
		}
	}
	a.Body = []byte(body[:end] + "<" + token + ">again</" + token + ">" + body[end:])
	return true
}
