package github

import (
	"path"
	"slices"
	"strings"
)

// defaultTools are addresses under which tools name themselves in trailers. A
// pattern may hold *. Whoever commits as the author under one of them is not known.
func defaultTools() []string {
	return []string{
		"noreply@anthropic.com", "198982749+copilot@users.noreply.github.com", "copilot@github.com", "cursoragent@cursor.com", "noreply@aider.chat", "aider@aider.chat",
		"noreply@openai.com", "codex@openai.com", "amp@ampcode.com", "noreply@opencode.ai",
		"openhands@all-hands.dev", "noreply@windsurf.com", "jules@google.com",
	}
}

// isTool reports whether an address, in lower case, is that of a known tool.
func (c *collector) isTool(address string) bool {
	return slices.ContainsFunc(c.tools, func(pattern string) bool { return matches(pattern, address) })
}

// protects reports whether a branch is one of those that the configuration names.
func (c *collector) protects(branch string) bool {
	return slices.ContainsFunc(c.protected, func(pattern string) bool { return matches(pattern, branch) })
}

// matches holds a text to a pattern in which * stands for any text, also for one with slashes.
func matches(pattern, text string) bool {
	flat := strings.NewReplacer("/", "\x00")
	ok, err := path.Match(flat.Replace(pattern), flat.Replace(text))
	return err == nil && ok
}

// noProjects are what looks like the key of a project in a ticket's key and is
// none: names of standards, algorithms and registers, as in UTF-8 and CVE-2024.
var noProjects = strings.Fields("AES ANSI ASCII ATX AVX BASE CC CP CVE CWE COVID CRC CSS CVSS DES DSA EC ECDSA ECMA ED EN ES FIPS GB GHSA GMT GPT H HMAC HS HTML HTTP IEC IEEE IP IPV ISO " +
	"KB LATIN LTS MB MD MP NIST OAUTH P PCI PEP PKCS PS Q RC RFC RS RSA SHA SHAKE SOC SSE SSL TLS TS UCS US UTC UTF V VT WCAG WIN X")

// isTicket reports whether a key is one of the configured projects; where none
// are configured, whether its project is not the name of something else.
func (c *collector) isTicket(key string) bool {
	project, _, _ := strings.Cut(key, "-")
	if len(c.projects) > 0 {
		return slices.ContainsFunc(c.projects, func(p string) bool { return strings.EqualFold(p, project) })
	}
	return !slices.Contains(noProjects, strings.ToUpper(project))
}
