package aws

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// collectUsers reads the credential report. AWS makes one every four hours at
// most: its GeneratedTime is when its facts were true.
func (s *session) collectUsers(ctx context.Context, out *collectors.Output) error {
	report, err := s.credentialReport(ctx)
	if err != nil {
		return err
	}
	out.Page()
	rows, err := parseReport(report.Content)
	if err != nil {
		return err
	}
	rooted, generated := false, moment(report.GeneratedTime)
	for _, r := range rows {
		r.Effective = within(generated, r)
		rooted = rooted || r.Name == rootUser
		if err := out.Emit(r); err != nil {
			return err
		}
	}
	return first([]error{s.noteRoot(out, rooted), s.noteAge(out, generated)})
}

// within returns the time of the report, nil if it lies before the user was
// made: then it is not when the row was true.
func within(generated *time.Time, row evidence.Record) *time.Time {
	created, present := row.Attributes["created_at"].(string)
	if generated != nil && present && generated.Format(time.RFC3339) < created {
		return nil
	}
	return generated
}

// noteRoot: every report of AWS has a row of the root user. In one without it,
// the root user is a part that was not read.
func (s *session) noteRoot(out *collectors.Output, rooted bool) error {
	if rooted {
		return nil
	}
	return s.lacks(out, "root", collectors.Incomplete("the credential report of %s has no row of the root user", s.account))
}

// reportAge is how old a report may be. AWS makes a new one if the last is
// older than four hours; the rest is room for clocks.
const reportAge = 24 * time.Hour

// noteAge: an older report is not the one that was asked for. What it says
// may have changed.
func (s *session) noteAge(out *collectors.Output, generated *time.Time) error {
	if generated == nil || s.env.Now().Sub(*generated) <= reportAge {
		return nil
	}
	return s.lacks(out, "report", collectors.Incomplete("the credential report of %s is of %s, and AWS gives none that old", s.account, generated.Format(time.RFC3339)))
}

// lacks notes a part of the report that cannot be relied on; its rows can.
func (s *session) lacks(out *collectors.Output, part string, err error) error {
	out.Scope(evidence.Scope(s.account), nil)
	out.Scope(s.scope(part), err)
	return err
}

func moment(t *time.Time) *time.Time {
	if t == nil || t.IsZero() {
		return nil
	}
	u := t.UTC()
	return &u
}

// A report is asked for this often, with this pause, which is beyond what the
// largest accounts need.
const (
	reportTries = 60
	reportPause = 5 * time.Second
)

// notReady are the answers to a report that was asked for too early, or too late.
var notReady = []string{"ReportNotPresent", "ReportExpired", "ReportInProgress"}

// credentialReport has a report made and fetches it.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateCredentialReport.html
func (s *session) credentialReport(ctx context.Context) (*iam.GetCredentialReportOutput, error) {
	client := iamClient(s.aws)
	for range reportTries {
		made, err := client.GenerateCredentialReport(ctx, &iam.GenerateCredentialReportInput{})
		if err != nil {
			return nil, classify(err)
		}
		if made.State == types.ReportStateTypeComplete {
			report, err := client.GetCredentialReport(ctx, &iam.GetCredentialReportInput{})
			if err == nil {
				return report, nil
			}
			if !slices.Contains(notReady, code(err)) {
				return nil, classify(err)
			}
		}
		if err := s.env.Sleep(ctx, reportPause); err != nil {
			return nil, err
		}
	}
	return nil, collectors.Incomplete("the credential report was not ready after %s", reportTries*reportPause)
}
