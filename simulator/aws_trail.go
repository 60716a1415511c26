package simulator

import (
	"encoding/json"
	"net/http"
	"time"
)

// describeTrails gives the trails of the region, with the shadows of those
// that live elsewhere if they are wanted.
func (c *Company) describeTrails(q *awsRequest) reply {
	in := struct{ IncludeShadowTrails *bool }{}
	if err := json.Unmarshal(q.body, &in); err != nil {
		return q.fail(http.StatusBadRequest, "SerializationException", err.Error())
	}
	shadows := in.IncludeShadowTrails == nil || *in.IncludeShadowTrails
	list := []any{}
	for _, t := range q.account.trails {
		own := t.home == q.region && t.owner == q.account
		if own || shadows && t.multi || shadows && t.home == q.region {
			list = append(list, t.describe(q.now))
		}
	}
	return jsonReply(map[string]any{"trailList": list})
}

func (t *trail) describe(now time.Time) any {
	out := map[string]any{
		"Name": t.name, "TrailARN": t.arn, "HomeRegion": t.home, "S3BucketName": t.bucket,
		"IsMultiRegionTrail": t.multi, "IsOrganizationTrail": t.org, "IncludeGlobalServiceEvents": t.multi,
		"LogFileValidationEnabled": t.validation.at(now), "HasCustomEventSelectors": false, "HasInsightSelectors": false,
	}
	if t.encrypted.at(now) {
		out["KmsKeyId"] = t.kms
	}
	return out
}

// getTrailStatus takes an ARN anywhere, a bare name only at the trail's home.
func (c *Company) getTrailStatus(q *awsRequest) reply {
	var in struct{ Name string }
	if err := json.Unmarshal(q.body, &in); err != nil {
		return q.fail(http.StatusBadRequest, "SerializationException", err.Error())
	}
	for _, t := range q.account.trails {
		home := t.owner == q.account && t.home == q.region
		if t.arn == in.Name || home && t.name == in.Name {
			return jsonReply(t.status(q.now))
		}
	}
	return q.fail(http.StatusBadRequest, "TrailNotFoundException", "Unknown trail: "+in.Name)
}

// getSelectors gives the default of AWS: every management event, no other.
func (c *Company) getSelectors(q *awsRequest) reply {
	var in struct{ TrailName string }
	if err := json.Unmarshal(q.body, &in); err != nil {
		return q.fail(http.StatusBadRequest, "SerializationException", err.Error())
	}
	return jsonReply(map[string]any{"TrailARN": in.TrailName, "EventSelectors": []any{map[string]any{
		"ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": []any{}, "ExcludeManagementEventSources": []any{},
	}}})
}

// status tells of logging and delivery. Files are delivered every five
// minutes until logging stops or the bucket refuses them.
func (t *trail) status(now time.Time) any {
	logging, trouble := t.logging.at(now), t.deliverError.at(now)
	out := map[string]any{"IsLogging": logging, "StartLoggingTime": t.created.Unix()}
	delivered := now
	if i := t.logging.after(now); i > 1 {
		since := t.logging.steps[i-1].at
		if logging {
			out["StartLoggingTime"] = since.Unix()
			out["StopLoggingTime"] = t.logging.steps[i-2].at.Unix()
		} else {
			out["StopLoggingTime"], delivered = since.Unix(), since
		}
	}
	if trouble != "" {
		out["LatestDeliveryError"] = trouble
		delivered = t.deliverError.steps[t.deliverError.after(now)-1].at
	}
	out["LatestDeliveryTime"] = delivered.Truncate(5 * time.Minute).Unix()
	out["LatestDigestDeliveryTime"] = delivered.Truncate(time.Hour).Unix()
	return out
}
