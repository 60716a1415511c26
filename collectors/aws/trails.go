package aws

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const kindTrail evidence.Kind = "aws.cloudtrail.trail"

func trailKinds() []kind {
	return []kind{{state(kindTrail, "A trail of CloudTrail, with its status.", "latest_delivery_at"), []call{
		{name: "cloudtrail:DescribeTrails", why: "trails and their settings"},
		{name: "cloudtrail:GetTrailStatus", why: "whether a trail logs and delivers"},
		{name: "cloudtrail:GetEventSelectors", why: "which events a trail logs"},
	}, inAccount((*session).collectTrails)}}
}

// collectTrails reads the trails of every region, then the status of each
// where it is at home. A trail of several regions is listed in each of them.
func (s *session) collectTrails(ctx context.Context, out *collectors.Output) error {
	regions, err := s.regions(ctx)
	if err != nil {
		return err
	}
	lists := &found[string, []types.Trail]{m: map[string][]types.Trail{}}
	unread := s.eachRegion(ctx, out, regions, func(ctx context.Context, p *regionReader) error {
		trails, err := p.describeTrails(ctx)
		lists.set(p.region, trails)
		return err
	})
	trails, err := distinct(lists.m)
	if err != nil {
		return err
	}
	if err := s.collectStatus(ctx, out, trails); err != nil {
		return err
	}
	return unread
}

// describeTrails lists the trails of a region, those at home elsewhere included.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DescribeTrails.html
func (p *regionReader) describeTrails(ctx context.Context) ([]types.Trail, error) {
	resp, err := trailClient(p.aws).DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{IncludeShadowTrails: aws.Bool(true)})
	if err != nil {
		return nil, classify(err)
	}
	p.out.Page()
	return resp.TrailList, nil
}

// distinct returns each trail once, in order of ARN. The list of its home region
// has the last word.
func distinct(lists map[string][]types.Trail) ([]types.Trail, error) {
	byARN := map[string]types.Trail{}
	for _, region := range slices.Sorted(maps.Keys(lists)) {
		for _, t := range lists[region] {
			id, home := aws.ToString(t.TrailARN), aws.ToString(t.HomeRegion)
			if id == "" || home == "" {
				return nil, collectors.Incomplete("cloudtrail:DescribeTrails in %s lists a trail without ARN or home region", region)
			}
			if _, known := byARN[id]; !known || home == region {
				byARN[id] = t
			}
		}
	}
	var trails []types.Trail
	for _, id := range slices.Sorted(maps.Keys(byARN)) {
		trails = append(trails, byARN[id])
	}
	return trails, nil
}

// collectStatus emits each trail with its status. A status that cannot be read
// leaves its attributes out, and makes the trail's home region an unread scope.
func (s *session) collectStatus(ctx context.Context, out *collectors.Output, trails []types.Trail) error {
	var unread error
	for _, t := range trails {
		a := s.settings(t)
		if err := first([]error{s.addStatus(ctx, out, t, a), s.addSelectors(ctx, out, t, a)}); err != nil {
			out.Scope(s.scope(*t.HomeRegion), err)
			if unread == nil {
				unread = err
			}
		}
		name := aws.ToString(t.Name)
		if name == "" {
			name = *t.TrailARN
		}
		if err := out.Emit(evidence.Record{ID: *t.TrailARN, Name: name, Scope: s.scope(*t.HomeRegion), Attributes: a}); err != nil {
			return err
		}
	}
	return unread
}

func (s *session) settings(t types.Trail) collectors.Attributes {
	a := collectors.Attributes{}
	if owner := s.ownerOf(t); owner != "" {
		a["owner"] = owner
	}
	a.Text("home_region", t.HomeRegion)
	a.Bool("multi_region", t.IsMultiRegionTrail)
	a.Bool("organization_trail", t.IsOrganizationTrail)
	a.Bool("log_validation", t.LogFileValidationEnabled)
	a.Text("kms_key_id", t.KmsKeyId)
	a.Text("bucket", t.S3BucketName)
	return a
}

// ownerOf returns the account of a trail of the organization that is not this one.
func (s *session) ownerOf(t types.Trail) string {
	if id, err := arn.Parse(aws.ToString(t.TrailARN)); err == nil && id.AccountID != s.account && aws.ToBool(t.IsOrganizationTrail) {
		return id.AccountID
	}
	return ""
}

// ofOthers reports the refusal by which AWS tells a member that a trail of the
// organization is another account's: its status and selectors are read there.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html
func (s *session) ofOthers(t types.Trail, err error) bool {
	return s.ownerOf(t) != "" && (notThere(err, "TrailNotFoundException", "CloudTrailARNInvalidException") || errors.Is(classify(err), collectors.ErrDenied))
}

// addStatus asks the trail's home region by ARN; a name is not enough for the
// trail of an organisation.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html
func (s *session) addStatus(ctx context.Context, out *collectors.Output, t types.Trail, a collectors.Attributes) error {
	st, err := trailClient(in(s.aws, *t.HomeRegion)).GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: t.TrailARN})
	if s.ofOthers(t, err) {
		return nil
	}
	if err != nil {
		return classify(err)
	}
	out.Page()
	if st.IsLogging == nil {
		return collectors.Incomplete("cloudtrail:GetTrailStatus does not say whether %s logs", *t.TrailARN)
	}
	a.Bool("is_logging", st.IsLogging)
	a.Time("latest_delivery_at", st.LatestDeliveryTime)
	a.Time("latest_digest_at", st.LatestDigestDeliveryTime)
	a.Text("latest_delivery_error", st.LatestDeliveryError)
	a.Text("latest_digest_delivery_error", st.LatestDigestDeliveryError)
	a.Time("started_logging_at", st.StartLoggingTime)
	a.Time("stopped_logging_at", st.StopLoggingTime)
	return nil
}

// addSelectors says which management events a trail logs. A trail without
// selectors of either kind is one of which nothing is known: AWS states the
// default as a selector.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetEventSelectors.html
func (s *session) addSelectors(ctx context.Context, out *collectors.Output, t types.Trail, a collectors.Attributes) error {
	resp, err := trailClient(in(s.aws, *t.HomeRegion)).GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: t.TrailARN})
	if s.ofOthers(t, err) {
		return nil
	}
	if err != nil {
		return classify(err)
	}
	out.Page()
	if len(resp.EventSelectors)+len(resp.AdvancedEventSelectors) == 0 {
		return collectors.Incomplete("cloudtrail:GetEventSelectors states no selector of %s", *t.TrailARN)
	}
	read, write, data, some := false, false, false, false
	for _, sel := range resp.EventSelectors {
		some = some || aws.ToBool(sel.IncludeManagementEvents)
		if aws.ToBool(sel.IncludeManagementEvents) && len(sel.ExcludeManagementEventSources) == 0 {
			read = read || sel.ReadWriteType != types.ReadWriteTypeWriteOnly && sel.ReadWriteType != ""
			write = write || sel.ReadWriteType != types.ReadWriteTypeReadOnly && sel.ReadWriteType != ""
		}
		data = data || len(sel.DataResources) > 0
	}
	for _, sel := range resp.AdvancedEventSelectors {
		category := selected(sel, "eventCategory")
		if slices.Contains(category, "Management") {
			some = true
			r, w := managementOf(sel)
			read, write = read || r, write || w
		}
		data = data || slices.Contains(category, "Data")
	}
	a["all_management_events"], a["management_events"], a["data_events"] = read && write, some, data
	return nil
}

// managementOf says whether an advanced selector of management events takes all
// that read, and all that write. One that narrows by anything else takes neither.
func managementOf(sel types.AdvancedEventSelector) (read, write bool) {
	only := selected(sel, "readOnly")
	if len(sel.FieldSelectors) == 1 {
		return true, true
	}
	if len(sel.FieldSelectors) != 2 || len(only) == 0 {
		return false, false
	}
	return slices.Contains(only, "true"), slices.Contains(only, "false")
}

// selected returns the values that an advanced selector demands of a field.
func selected(sel types.AdvancedEventSelector, field string) []string {
	for _, f := range sel.FieldSelectors {
		if aws.ToString(f.Field) == field {
			return f.Equals
		}
	}
	return nil
}
