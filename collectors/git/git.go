package git

import (
	_ "embed"
	"os"
	"strconv"
	"strings"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// The kinds of this source.
const (
	kindRepository evidence.Kind = "git.repository"
	kindCommit     evidence.Kind = "git.commit"
	kindUpdate     evidence.Kind = "git.update"
	kindTag        evidence.Kind = "git.tag"
)

//go:embed sample.yaml
var sample []byte

// Spec declares the source "git".
func Spec() collectors.Spec {
	return collectors.Spec{
		Name:        "git",
		Version:     1,
		Doc:         "Local git repositories: branches, tags, and all that reached the protected branch.",
		Root:        kindRepository,
		Kinds:       kinds(),
		Calls:       calls(),
		Environment: environment(),
		Complaints:  complaints(),
		Redact:      []string{"password", "token", "secret", "private_key"},
		NewConfig:   func() collectors.Config { return newConfig() },
		Sample:      sample,
		Policy:      policy,
	}
}

func kinds() []collectors.KindSpec {
	return []collectors.KindSpec{
		{Kind: kindRepository, Mode: evidence.State, Doc: "A repository, with its branches and what they name."},
		{Kind: kindCommit, Mode: evidence.Event, Doc: "A commit that reached the protected branch, along first parents."},
		{Kind: kindUpdate, Mode: evidence.Event, Doc: "A move of the protected branch between two readings, and what it left behind."},
		{Kind: kindTag, Mode: evidence.State, Doc: "A tag and what it names."},
	}
}

// The calls. All but the first two are about one repository; its path, names of
// objects and how many are wanted are the only arguments that vary.
const (
	inRepository = "RUN git --git-dir={repository} "

	callUser      = "RUN id -u"
	callVersion   = "RUN git version"
	callShape     = inRepository + "rev-parse --is-shallow-repository --is-bare-repository"
	callHead      = inRepository + "rev-parse --symbolic-full-name HEAD"
	callBranches  = inRepository + "for-each-ref --format=%(objectname)%00%(refname) refs/heads"
	callTags      = inRepository + "for-each-ref --format=" + tagFormat + " refs/tags"
	callOrigin    = inRepository + "config --get remote.origin.url"
	callAncestor  = inRepository + "merge-base --is-ancestor {old} {new}"
	firstParents  = inRepository + "rev-list --first-parent --exclude-first-parent-only "
	callList      = firstParents + "--timestamp {tip}"
	callListAfter = firstParents + "--timestamp {tip} ^{old}"
	callCommits   = firstParents + "--header --max-count={count} {tip}"
)

func calls() []collectors.Call {
	files := []string{"read access to the repository's files"}
	events, commits, updates := []evidence.Kind{kindCommit, kindUpdate}, []evidence.Kind{kindCommit}, []evidence.Kind{kindUpdate}
	return []collectors.Call{
		{Name: callUser, Why: "who asks; needs no permission"},
		{Name: callVersion, Why: "which git; needs no permission"},
		{Name: callShape, Permissions: files, Kinds: append([]evidence.Kind{kindRepository}, events...), Why: "whether its history is whole"},
		{Name: callHead, Permissions: files, Kinds: append([]evidence.Kind{kindRepository}, events...), Why: "the branch that HEAD names"},
		{Name: callBranches, Permissions: files, Kinds: append([]evidence.Kind{kindRepository}, events...), Why: "branches and what they name"},
		{Name: callOrigin, Permissions: files, Kinds: append([]evidence.Kind{kindRepository}, events...), Why: "of which repository it is a clone"},
		{Name: callTags, Permissions: files, Kinds: []evidence.Kind{kindTag}, Why: "tags and what they name"},
		{Name: callList, Permissions: files, Kinds: commits, Why: "which commits there are"},
		{Name: callListAfter, Permissions: files, Kinds: events, Why: "which commits are new, which are gone"},
		{Name: callCommits, Permissions: files, Kinds: commits, Why: "the commits themselves"},
		{Name: callAncestor, Permissions: files, Kinds: updates, Why: "whether history was rewritten"},
	}
}

// environment leaves git nothing but the repository: no settings of the machine
// or the user, no network, no questions, no replaced or grafted history, and no
// program that the repository's own settings name.
func environment() []string {
	env := []string{
		"HOME=" + os.DevNull, "XDG_CONFIG_HOME=" + os.DevNull, "LC_ALL=C", "TZ=UTC",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_SYSTEM=" + os.DevNull, "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "GIT_ALLOW_PROTOCOL=none", "GIT_NO_LAZY_FETCH=1",
		"GIT_OPTIONAL_LOCKS=0", "GIT_NO_REPLACE_OBJECTS=1", "GIT_GRAFT_FILE=" + os.DevNull, "GIT_PAGER=",
	}
	settings := []string{
		"advice.graftFileDeprecated=false", "core.commitGraph=false", // a cache that may be wrong
		"core.fsmonitor=false", "core.hooksPath=" + os.DevNull, "core.alternateRefsCommand=",
		"gc.auto=0", "i18n.logOutputEncoding=UTF-8", "log.showSignature=false", "maintenance.auto=false",
	}
	env = append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(settings)))
	return append(env, numbered(settings)...)
}

// numbered returns settings "name=value" as git reads them from its environment.
func numbered(settings []string) (env []string) {
	for i, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		n := strconv.Itoa(i)
		env = append(env, "GIT_CONFIG_KEY_"+n+"="+name, "GIT_CONFIG_VALUE_"+n+"="+value)
	}
	return env
}
