package github

import (
	"context"
	"strconv"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

func installationKind() kind {
	return kind{
		KindSpec: state(kindInstallation, "An app that is installed in the organisation, and its rights."),
		calls:    []collectors.Call{reads("GET /orgs/{org}/installations", "organization_administration: read", "installed apps and their rights")},
		read:     (*session).collectInstallations,
	}
}

// installation is one installed app.
// https://docs.github.com/en/rest/orgs/orgs#list-app-installations-for-an-organization
type installation struct {
	ID          int64             `json:"id"`
	App         *string           `json:"app_slug"`
	Selection   *string           `json:"repository_selection"`
	Permissions map[string]string `json:"permissions"`
	CreatedAt   *time.Time        `json:"created_at"`
	SuspendedAt *time.Time        `json:"suspended_at"`
}

func (s *session) collectInstallations(ctx context.Context, _ evidence.Window, out *collectors.Output) error {
	type page struct {
		Total         *int            `json:"total_count"`
		Installations *[]installation `json:"installations"`
	}
	var total *int
	err := list(ctx, s.api, out, "orgs/"+s.org+"/installations", func(p page) error {
		if p.Installations == nil || p.Total == nil {
			return collectors.Incomplete("the answer holds no installations or does not count them")
		}
		total = p.Total
		for _, in := range *p.Installations {
			if err := out.Emit(in.record()); err != nil {
				return err
			}
		}
		return nil
	})
	if total != nil {
		out.Total(*total)
	}
	return err
}

func (in installation) record() evidence.Record {
	permissions := map[string]any{}
	for name, level := range in.Permissions {
		permissions[name] = level
	}
	a := collectors.Attributes{"permissions": permissions, "suspended": in.SuspendedAt != nil}
	a.Text("app", in.App)
	a.Text("repository_selection", in.Selection)
	a.Time("created_at", in.CreatedAt)
	a.Time("suspended_at", in.SuspendedAt)
	name := strconv.FormatInt(in.ID, 10)
	r := evidence.Record{ID: name, Name: name, Attributes: a}
	if in.App != nil {
		r.Name = *in.App
	}
	return r
}
