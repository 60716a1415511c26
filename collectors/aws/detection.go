package aws

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	analyzertypes "github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	guardtypes "github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	hubtypes "github.com/aws/aws-sdk-go-v2/service/securityhub/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const (
	kindDetector       evidence.Kind = "aws.guardduty.detector"
	kindThreat         evidence.Kind = "aws.guardduty.finding"
	kindHub            evidence.Kind = "aws.securityhub.hub"
	kindAnalyzer       evidence.Kind = "aws.accessanalyzer.region"
	kindExternalAccess evidence.Kind = "aws.accessanalyzer.finding"
)

func detectionKinds() []kind {
	detectors := call{name: "guardduty:ListDetectors", why: "whether GuardDuty is on"}
	analyzers := call{name: "access-analyzer:ListAnalyzers", why: "whether Access Analyzer is on"}
	return []kind{
		{state(kindDetector, "GuardDuty in a region: whether it is on, and what it watches."),
			[]call{detectors, {name: "guardduty:GetDetector", why: "features of GuardDuty"}}, inRegions(collectDetectors)},
		{state(kindThreat, "A finding of GuardDuty that nobody has archived.", "count", "last_seen_at", "updated_at"), []call{detectors,
			{name: "guardduty:ListFindings", why: "open findings of GuardDuty"}, {name: "guardduty:GetFindings", why: "open findings of GuardDuty"},
		}, inRegions(collectThreats)},
		{state(kindHub, "Security Hub in a region: whether it is on, and by which standards."), []call{
			{name: "securityhub:DescribeHub", why: "whether Security Hub is on"}, {name: "securityhub:GetEnabledStandards", why: "its standards"},
		}, inRegions(collectHub)},
		{state(kindAnalyzer, "Access Analyzer in a region: which analyzers are on, and whether the account may be covered by one of its organization."),
			[]call{analyzers, {name: "organizations:DescribeOrganization", why: "whether an analyzer of an organization may cover the account"}}, inRegions(collectAnalyzers)},
		{state(kindExternalAccess, "An active finding of Access Analyzer: who outside has access.", "analyzed_at", "updated_at"), []call{analyzers,
			{name: "access-analyzer:ListFindingsV2", permission: "access-analyzer:ListFindings", why: "active findings of Access Analyzer"},
		}, inRegions(collectExternalAccess)},
	}
}

// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListDetectors.html
func (p *regionReader) detectors(ctx context.Context) ([]string, error) {
	return shared(ctx, p, "detectors", listDetectors)
}

func listDetectors(ctx context.Context, p *regionReader) ([]string, error) {
	client := guardClient(p.aws)
	return list(ctx, p.out, func(ctx context.Context, token *string) ([]string, *string, error) {
		page, err := client.ListDetectors(ctx, &guardduty.ListDetectorsInput{NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return page.DetectorIds, page.NextToken, nil
	})
}

// collectDetectors emits one record for the region; there is at most one
// detector in it, and none is what "off" looks like.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetDetector.html
func collectDetectors(ctx context.Context, p *regionReader) error {
	ids, err := p.detectors(ctx)
	if err != nil {
		return err
	}
	a := collectors.Attributes{"enabled": false}
	for _, id := range ids {
		resp, err := guardClient(p.aws).GetDetector(ctx, &guardduty.GetDetectorInput{DetectorId: &id})
		if err != nil {
			delete(a, "enabled")
			return first([]error{p.markIncomplete("detector", err), p.emit(p.region, p.region, a)})
		}
		p.out.Page()
		if resp.Status == "" {
			return collectors.Incomplete("guardduty:GetDetector does not say whether %s is on", id)
		}
		a["detector"], a["enabled"] = id, resp.Status == guardtypes.DetectorStatusEnabled
		word(a, "publishing_frequency", resp.FindingPublishingFrequency)
		var on []string
		for _, f := range resp.Features {
			if f.Status == guardtypes.FeatureStatusEnabled {
				on = append(on, string(f.Name))
			}
		}
		a.Set("features", on)
	}
	return p.emit(p.region, p.region, a)
}

// collectThreats reads the findings that are not archived.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListFindings.html
func collectThreats(ctx context.Context, p *regionReader) error {
	detectors, err := p.detectors(ctx)
	if err != nil {
		return err
	}
	p.out.Filter("service.archived", "false")
	for _, d := range detectors {
		ids, err := p.openThreats(ctx, d)
		if err != nil {
			return err
		}
		for len(ids) > 0 {
			n := min(len(ids), 50) // the most that GetFindings takes
			if err := p.emitThreats(ctx, d, ids[:n]); err != nil {
				return err
			}
			ids = ids[n:]
		}
	}
	return nil
}

func (p *regionReader) openThreats(ctx context.Context, detector string) ([]string, error) {
	client := guardClient(p.aws)
	open := &guardtypes.FindingCriteria{Criterion: map[string]guardtypes.Condition{"service.archived": {Equals: []string{"false"}}}}
	return list(ctx, p.out, func(ctx context.Context, token *string) ([]string, *string, error) {
		page, err := client.ListFindings(ctx, &guardduty.ListFindingsInput{DetectorId: &detector, FindingCriteria: open, NextToken: token, MaxResults: aws.Int32(50)})
		if err != nil {
			return nil, nil, err
		}
		return page.FindingIds, page.NextToken, nil
	})
}

// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetFindings.html
func (p *regionReader) emitThreats(ctx context.Context, detector string, ids []string) error {
	resp, err := guardClient(p.aws).GetFindings(ctx, &guardduty.GetFindingsInput{DetectorId: &detector, FindingIds: ids})
	if err != nil {
		return err
	}
	p.out.Page()
	if len(resp.Findings) != len(ids) {
		return collectors.Incomplete("guardduty:GetFindings gives %d findings of %d", len(resp.Findings), len(ids))
	}
	for _, f := range resp.Findings {
		a := collectors.Attributes{}
		a.Text("account", f.AccountId)
		if f.AccountId != nil {
			a["of_member"] = *f.AccountId != p.account // an administrator sees those of its members as well
		}
		a.Text("type", f.Type)
		a.Text("title", f.Title)
		a.Text("created_at", f.CreatedAt)
		a.Text("updated_at", f.UpdatedAt)
		if f.Severity != nil {
			a["severity"] = severity(*f.Severity)
		}
		if f.Service != nil {
			count(a, "count", f.Service.Count)
			a.Text("last_seen_at", f.Service.EventLastSeen)
		}
		if err := p.emit(aws.ToString(f.Arn), aws.ToString(f.Title), a); err != nil {
			return err
		}
	}
	return nil
}

// severity is GuardDuty's own name for its numbers.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html
func severity(n float64) string {
	switch {
	case n >= 9:
		return "critical"
	case n >= 7:
		return "high"
	case n >= 4:
		return "medium"
	}
	return "low"
}

// collectHub: the account is told that it is not subscribed by an error.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DescribeHub.html
func collectHub(ctx context.Context, p *regionReader) error {
	resp, err := hubClient(p.aws).DescribeHub(ctx, &securityhub.DescribeHubInput{})
	if notThere(err, "InvalidAccessException", "ResourceNotFoundException") {
		return p.emit(p.region, p.region, collectors.Attributes{"enabled": false})
	}
	if err != nil {
		return err
	}
	p.out.Page()
	a := collectors.Attributes{"enabled": true}
	a.Text("subscribed_at", resp.SubscribedAt)
	a.Bool("auto_enable_controls", resp.AutoEnableControls)
	return first([]error{p.addStandards(ctx, a), p.emit(p.region, p.region, a)})
}

// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetEnabledStandards.html
func (p *regionReader) addStandards(ctx context.Context, a collectors.Attributes) error {
	client := hubClient(p.aws)
	all, err := list(ctx, p.out, func(ctx context.Context, token *string) ([]hubtypes.StandardsSubscription, *string, error) {
		page, err := client.GetEnabledStandards(ctx, &securityhub.GetEnabledStandardsInput{NextToken: token, MaxResults: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.StandardsSubscriptions, page.NextToken, nil
	})
	if err != nil {
		return p.markIncomplete("standards", err)
	}
	var ready []string
	for _, s := range all {
		if s.StandardsStatus == hubtypes.StandardsStatusReady {
			ready = append(ready, aws.ToString(s.StandardsArn))
		}
	}
	a.Set("standards", ready)
	return nil
}

// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListAnalyzers.html
func (p *regionReader) analyzers(ctx context.Context) ([]analyzertypes.AnalyzerSummary, error) {
	return shared(ctx, p, "analyzers", listAnalyzers)
}

func listAnalyzers(ctx context.Context, p *regionReader) ([]analyzertypes.AnalyzerSummary, error) {
	client := analyzerClient(p.aws)
	return list(ctx, p.out, func(ctx context.Context, token *string) ([]analyzertypes.AnalyzerSummary, *string, error) {
		page, err := client.ListAnalyzers(ctx, &accessanalyzer.ListAnalyzersInput{NextToken: token, MaxResults: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.Analyzers, page.NextToken, nil
	})
}

// collectAnalyzers emits one record for the region: which types of analyzer work there.
func collectAnalyzers(ctx context.Context, p *regionReader) error {
	all, err := p.analyzers(ctx)
	if err != nil {
		return err
	}
	var active []string
	for _, z := range all {
		if z.Status == analyzertypes.AnalyzerStatusActive {
			active = append(active, string(z.Type))
		}
	}
	a := collectors.Attributes{}
	a.Set("active", active)
	if slices.ContainsFunc(active, external) {
		return p.emit(p.region, p.region, a)
	}
	p.note("organization", p.addMembership(ctx, a))
	return p.emit(p.region, p.region, a)
}

// external tells the types of analyzer that look for access from outside.
func external(kind string) bool {
	return kind == string(analyzertypes.TypeAccount) || kind == string(analyzertypes.TypeOrganization)
}

// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListFindingsV2.html
func collectExternalAccess(ctx context.Context, p *regionReader) error {
	all, err := p.analyzers(ctx)
	if err != nil {
		return err
	}
	p.out.Filter("status", string(analyzertypes.FindingStatusActive))
	client := analyzerClient(p.aws)
	active := map[string]analyzertypes.Criterion{"status": {Eq: []string{string(analyzertypes.FindingStatusActive)}}}
	for _, z := range all {
		err := rows(ctx, p.out, func(ctx context.Context, token *string) ([]analyzertypes.FindingSummaryV2, *string, error) {
			page, err := client.ListFindingsV2(ctx, &accessanalyzer.ListFindingsV2Input{AnalyzerArn: z.Arn, Filter: active, NextToken: token, MaxResults: aws.Int32(100)})
			if err != nil {
				return nil, nil, err
			}
			return page.Findings, page.NextToken, nil
		}, func(f analyzertypes.FindingSummaryV2) error { return p.emitExternal(z, f) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *regionReader) emitExternal(z analyzertypes.AnalyzerSummary, f analyzertypes.FindingSummaryV2) error {
	id := aws.ToString(f.Id)
	if id == "" {
		return p.emit("", "", nil)
	}
	a := collectors.Attributes{}
	a.Text("analyzer", z.Name)
	word(a, "type", f.FindingType)
	word(a, "status", f.Status)
	word(a, "resource_type", f.ResourceType)
	a.Text("resource", f.Resource)
	a.Text("owner", f.ResourceOwnerAccount)
	a.Time("created_at", f.CreatedAt)
	a.Time("updated_at", f.UpdatedAt)
	a.Time("analyzed_at", f.AnalyzedAt)
	return p.emit(aws.ToString(z.Arn)+"/"+id, aws.ToString(f.Resource), a)
}
