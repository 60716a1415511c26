package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const (
	kindEvent   evidence.Kind = "aws.cloudtrail.event"
	kindOwnRead evidence.Kind = "aws.cloudtrail.own_read"
	// eventLate: CloudTrail shows most events within 15 minutes, and promises none.
	eventLate = time.Hour
)

func eventKinds() []kind {
	lookup := []call{{name: "cloudtrail:LookupEvents", why: "who changed access and logging, and what was read by us"}}
	return []kind{
		{event(kindEvent, "A management event that matters to access and change: sign-ins, users, policies, keys, trails, detectors.", eventLate), lookup, inEventRegions(collectEvents)},
		{event(kindOwnRead, "One of our own reads, as CloudTrail saw it: AWS's word that it happened, and when.", eventLate), lookup, inEventRegions(collectOwnReads)},
	}
}

// watched are the management events that are looked up, by where they are kept:
// those of global services in the first region of the partition alone.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
var watched = struct{ global, regional []string }{
	global: []string{
		"CreateUser", "DeleteUser", "CreateLoginProfile", "UpdateLoginProfile", "CreateAccessKey", "DeactivateMFADevice", "DeleteVirtualMFADevice",
		"AttachUserPolicy", "AttachGroupPolicy", "AttachRolePolicy", "PutUserPolicy", "PutGroupPolicy", "PutRolePolicy", "AddUserToGroup",
		"CreatePolicyVersion", "CreateRole", "UpdateAssumeRolePolicy", "DeleteAccountPasswordPolicy", "UpdateAccountPasswordPolicy",
		"CreateSAMLProvider", "UpdateSAMLProvider", "CreateOpenIDConnectProvider", "LeaveOrganization", "DetachPolicy", "DeletePolicy",
	},
	regional: []string{
		"ConsoleLogin", "StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors", "StopConfigurationRecorder", "DeleteConfigurationRecorder", "DeleteDeliveryChannel",
		"DeleteDetector", "UpdateDetector", "DisableSecurityHub", "DisableKey", "ScheduleKeyDeletion", "DisableKeyRotation", "PutKeyPolicy",
		"DeleteFlowLogs", "DisableEbsEncryptionByDefault", "DeleteAnalyzer", "DeleteLogGroup",
		"CreateAccountAssignment", "DeleteAccountAssignment", "PutInlinePolicyToPermissionSet", "AttachManagedPolicyToPermissionSet",
	},
}

// globalRegion is where a partition keeps the events of its global services.
var globalRegion = map[string]string{"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}

// quietPages is how many pages of all events that change something are read before a
// region counts as busy, and is asked name by name.
const quietPages = 20

var errBusy = errors.New("more events than a quiet region has")

// collectEvents looks up everything that changed something, and keeps what is
// watched: in most regions one answer says that there was nothing. Where too
// much happens it looks up one name at a time, as CloudTrail takes one attribute,
// and returns two answers a second for an account in a region.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
func collectEvents(ctx context.Context, p *regionReader) error {
	names := watched.regional
	if p.region == globalRegion[p.partition] {
		names = slices.Concat(watched.global, watched.regional)
	}
	p.out.Filter("EventName", fmt.Sprintf("the %d names that are watched", len(watched.global)+len(watched.regional)))
	var changes []types.Event
	pages := 0
	err := p.lookup(ctx, types.LookupAttributeKeyReadOnly, "false", func(page []types.Event) error {
		if pages++; pages > quietPages {
			return errBusy
		}
		changes = append(changes, page...)
		return nil
	})
	switch {
	case errors.Is(err, errBusy):
		return p.collectByName(ctx, names)
	case err != nil:
		return err
	}
	return p.emitTrailEvents(slices.DeleteFunc(changes, func(e types.Event) bool { return !slices.Contains(names, aws.ToString(e.EventName)) }))
}

func (p *regionReader) collectByName(ctx context.Context, names []string) error {
	for _, name := range names {
		if err := p.lookup(ctx, types.LookupAttributeKeyEventName, name, p.emitTrailEvents); err != nil {
			return err
		}
	}
	return nil
}

func (p *regionReader) emitTrailEvents(page []types.Event) error {
	for _, e := range page {
		if err := p.emitTrailEvent(e); err != nil {
			return err
		}
	}
	return nil
}

// collectOwnReads looks up what was done under the name that CloudTrail gives
// our principal.
func collectOwnReads(ctx context.Context, p *regionReader) error {
	return p.lookup(ctx, types.LookupAttributeKeyUsername, userName(p.principal), func(page []types.Event) error {
		for _, e := range page {
			if err := p.emitOwnRead(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// userName is the last part of the ARN of a user or a session; the root user is
// called by that name.
func userName(principal string) string {
	return principal[strings.LastIndexAny(principal, "/:")+1:]
}

// lookup hands every page of the events with one attribute to take.
func (p *regionReader) lookup(ctx context.Context, key types.LookupAttributeKey, value string, take func([]types.Event) error) error {
	client := trailClient(p.aws)
	by := []types.LookupAttribute{{AttributeKey: key, AttributeValue: &value}}
	return p.out.Pages(ctx, func(ctx context.Context, token string) (string, error) {
		page, err := client.LookupEvents(ctx, &cloudtrail.LookupEventsInput{
			LookupAttributes: by, StartTime: p.from(), EndTime: p.until(), NextToken: optional(token), MaxResults: aws.Int32(50),
		})
		if err != nil {
			return "", classify(err)
		}
		return aws.ToString(page.NextToken), take(page.Events)
	})
}

// detail is what is kept of an event's own text.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
type detail struct {
	RequestID    string `json:"requestID"`
	SourceIP     string `json:"sourceIPAddress"`
	UserAgent    string `json:"userAgent"`
	ErrorCode    string `json:"errorCode"`
	UserIdentity struct {
		Type string `json:"type"`
		ARN  string `json:"arn"`
	} `json:"userIdentity"`
	AdditionalEventData struct {
		MFAUsed string `json:"MFAUsed"`
	} `json:"additionalEventData"`
	ResponseElements struct {
		ConsoleLogin string `json:"ConsoleLogin"`
	} `json:"responseElements"`
}

func detailOf(e types.Event) (d detail, err error) {
	if err := json.Unmarshal([]byte(aws.ToString(e.CloudTrailEvent)), &d); err != nil {
		return d, collectors.Incomplete("the text of event %s cannot be read: %v", aws.ToString(e.EventId), err)
	}
	return d, nil
}

func (p *regionReader) emitTrailEvent(e types.Event) error {
	d, err := detailOf(e)
	if err != nil {
		return err
	}
	a := collectors.Attributes{"event": aws.ToString(e.EventName)}
	a.Text("service", e.EventSource)
	a.Text("user_name", e.Username)
	a.Text("user_type", &d.UserIdentity.Type)
	a.Text("user_arn", &d.UserIdentity.ARN)
	a.Text("source_ip", &d.SourceIP)
	a.Text("error", &d.ErrorCode)
	a.Text("request_id", &d.RequestID)
	if d.AdditionalEventData.MFAUsed != "" {
		a["mfa_used"] = d.AdditionalEventData.MFAUsed == "Yes"
	}
	a.Text("login", &d.ResponseElements.ConsoleLogin)
	var of []string
	for _, r := range e.Resources {
		of = append(of, aws.ToString(r.ResourceName))
	}
	a.Set("resources", of)
	return p.emitEvent(aws.ToString(e.EventId), aws.ToString(e.EventName), e.EventTime, a)
}

func (p *regionReader) emitOwnRead(e types.Event) error {
	d, err := detailOf(e)
	if err != nil {
		return err
	}
	a := collectors.Attributes{"event": aws.ToString(e.EventName)}
	a.Text("service", e.EventSource)
	a.Text("user_arn", &d.UserIdentity.ARN)
	a.Text("source_ip", &d.SourceIP)
	a.Text("user_agent", &d.UserAgent)
	a.Text("error", &d.ErrorCode)
	a.Text("request_id", &d.RequestID)
	return p.emitEvent(aws.ToString(e.EventId), aws.ToString(e.EventName), e.EventTime, a)
}
