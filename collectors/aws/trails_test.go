package aws

import (
	"errors"
	"testing"

	"github.com/evidenced/evidenced/collectors"
)

const (
	mainTrail = `{"Name":"main","TrailARN":"arn:aws:cloudtrail:us-east-1:111122223333:trail/main","HomeRegion":"us-east-1","IsMultiRegionTrail":true,"IsOrganizationTrail":false,"LogFileValidationEnabled":true,"S3BucketName":"logs","KmsKeyId":"arn:aws:kms:k"}`
	euTrail   = `{"Name":"eu","TrailARN":"arn:aws:cloudtrail:eu-west-1:111122223333:trail/eu","HomeRegion":"eu-west-1","IsMultiRegionTrail":false,"LogFileValidationEnabled":false}`
	mainID    = "arn:aws:cloudtrail:us-east-1:111122223333:trail/main"
	euID      = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/eu"
	mainRow   = mainID + ` main [111122223333/us-east-1] {"all_management_events":true,"bucket":"logs","data_events":false,"home_region":"us-east-1","is_logging":true,"kms_key_id":"arn:aws:kms:k","latest_delivery_at":"2026-07-01T05:00:00Z","log_validation":true,"management_events":true,"multi_region":true,"organization_trail":false,"started_logging_at":"2020-01-01T00:00:00Z"}` + "\n"
)

func trails() map[string][]reply {
	return map[string][]reply{
		"cloudtrail:DescribeTrails us-east-1": {ok(`{"trailList":[` + mainTrail + `]}`)},
		"cloudtrail:DescribeTrails eu-west-1": {ok(`{"trailList":[` + mainTrail + `,` + euTrail + `]}`)},
		"cloudtrail:GetTrailStatus " + mainID: {ok(`{"IsLogging":true,"LatestDeliveryTime":1782882000,"StartLoggingTime":1577836800}`)},
		"cloudtrail:GetEventSelectors":        {ok(`{"TrailARN":"x","EventSelectors":[{"ReadWriteType":"All","IncludeManagementEvents":true,"DataResources":[],"ExcludeManagementEventSources":[]}]}`)},
		"cloudtrail:GetTrailStatus " + euID:   {ok(`{"IsLogging":false,"LatestDeliveryError":"AccessDenied","LatestDigestDeliveryError":"NoSuchBucket","StopLoggingTime":1577836800}`)},
	}
}

func TestTrails(t *testing.T) {
	expect(t, capture(t, trails(), kindTrail), true,
		euID+` eu [111122223333/eu-west-1] {"all_management_events":true,"data_events":false,"home_region":"eu-west-1","is_logging":false,"latest_delivery_error":"AccessDenied","latest_digest_delivery_error":"NoSuchBucket","log_validation":false,"management_events":true,"multi_region":false,"stopped_logging_at":"2020-01-01T00:00:00Z"}
`+mainRow+`111122223333/eu-west-1 read
111122223333/us-east-1 read`)
}

func TestTrailsOfARegionDenied(t *testing.T) {
	replies := trails()
	replies["cloudtrail:DescribeTrails eu-west-1"] = []reply{jsonError(400, "AccessDeniedException")}
	expect(t, capture(t, replies, kindTrail), false, mainRow+`111122223333/eu-west-1 denied denied
111122223333/us-east-1 read`)
}

func TestTrailStatusDenied(t *testing.T) {
	replies := trails()
	// A denial in XML, as some servers give it for a JSON service.
	replies["cloudtrail:GetTrailStatus "+euID] = []reply{{status: 403, body: queryError(403, "AccessDenied").body}}
	expect(t, capture(t, replies, kindTrail), false,
		euID+` eu [111122223333/eu-west-1] {"all_management_events":true,"data_events":false,"home_region":"eu-west-1","log_validation":false,"management_events":true,"multi_region":false}
`+mainRow+`111122223333/eu-west-1 denied denied
111122223333/us-east-1 read`)
}

func TestTrailsUnread(t *testing.T) {
	for name, change := range map[string]func(map[string][]reply){
		"no ARN": func(r map[string][]reply) {
			r["cloudtrail:DescribeTrails us-east-1"] = []reply{ok(`{"trailList":[{"Name":"x"}]}`)}
		},
		"status silent":   func(r map[string][]reply) { r["cloudtrail:GetTrailStatus "+mainID] = []reply{ok(`{}`)} },
		"list not JSON":   func(r map[string][]reply) { r["cloudtrail:DescribeTrails us-east-1"] = []reply{ok(`<html>`)} },
		"status an array": func(r map[string][]reply) { r["cloudtrail:GetTrailStatus "+mainID] = []reply{ok(`[]`)} },
	} {
		replies := trails()
		change(replies)
		if s := capture(t, replies, kindTrail); !errors.Is(s.Err, collectors.ErrIncomplete) {
			t.Errorf("%s: %v", name, s.Err)
		}
	}
}
