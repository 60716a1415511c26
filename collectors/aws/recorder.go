package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	"github.com/aws/aws-sdk-go-v2/service/configservice/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const kindRecorder evidence.Kind = "aws.config.recorder"

func recorderKinds() []kind {
	return []kind{{state(kindRecorder, "AWS Config in a region: its recorder, whether it records and delivers. A region without one has a record that says so.",
		"delivered_at"), []call{
		{name: "config:DescribeConfigurationRecorders", why: "what AWS Config records"},
		{name: "config:DescribeConfigurationRecorderStatus", why: "whether it records"},
		{name: "config:DescribeDeliveryChannelStatus", why: "whether it delivers"},
	}, inRegions(collectRecorders)}}
}

// collectRecorders emits the customer's recorder of a region; there is at most
// one. Those that services keep for themselves are not listed without being asked for.
// https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeConfigurationRecorders.html
func collectRecorders(ctx context.Context, p *regionReader) error {
	client, a := recorderClient(p.aws), collectors.Attributes{"exists": false}
	resp, err := client.DescribeConfigurationRecorders(ctx, &configservice.DescribeConfigurationRecordersInput{})
	if err != nil {
		return err
	}
	p.out.Page()
	var errs []error
	for _, r := range resp.ConfigurationRecorders {
		if r.ServicePrincipal != nil {
			continue
		}
		describeRecorder(r, a)
		errs = append(errs, p.addRecording(ctx, r, a), p.addDelivery(ctx, a))
	}
	return first(append(errs, p.emit(p.region, p.region, a)))
}

func describeRecorder(r types.ConfigurationRecorder, a collectors.Attributes) {
	a["exists"] = true
	a.Text("name", r.Name)
	if g := r.RecordingGroup; g != nil {
		a["all_supported"], a["global_resources"] = g.AllSupported, g.IncludeGlobalResourceTypes
		if g.RecordingStrategy != nil {
			word(a, "strategy", g.RecordingStrategy.UseOnly)
		}
		a["resource_types"] = int64(len(g.ResourceTypes))
		if g.ExclusionByResourceTypes != nil {
			a["excluded_types"] = texts(g.ExclusionByResourceTypes.ResourceTypes)
		}
	}
}

// https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeConfigurationRecorderStatus.html
func (p *regionReader) addRecording(ctx context.Context, r types.ConfigurationRecorder, a collectors.Attributes) error {
	resp, err := recorderClient(p.aws).DescribeConfigurationRecorderStatus(ctx, &configservice.DescribeConfigurationRecorderStatusInput{ConfigurationRecorderNames: []string{aws.ToString(r.Name)}})
	if err != nil {
		return p.markIncomplete("recorder-status", err)
	}
	p.out.Page()
	if len(resp.ConfigurationRecordersStatus) != 1 {
		return p.markIncomplete("recorder-status", collectors.Incomplete("config:DescribeConfigurationRecorderStatus gives %d for one recorder", len(resp.ConfigurationRecordersStatus)))
	}
	st := resp.ConfigurationRecordersStatus[0]
	a["recording"] = st.Recording
	word(a, "last_status", st.LastStatus)
	a.Text("last_error", st.LastErrorCode)
	a.Time("started_at", st.LastStartTime)
	a.Time("stopped_at", st.LastStopTime)
	return nil
}

// https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeDeliveryChannelStatus.html
func (p *regionReader) addDelivery(ctx context.Context, a collectors.Attributes) error {
	resp, err := recorderClient(p.aws).DescribeDeliveryChannelStatus(ctx, &configservice.DescribeDeliveryChannelStatusInput{})
	if err != nil {
		return p.markIncomplete("delivery-status", err)
	}
	p.out.Page()
	a["delivery_channel"] = len(resp.DeliveryChannelsStatus) > 0
	for _, ch := range resp.DeliveryChannelsStatus {
		if h := ch.ConfigHistoryDeliveryInfo; h != nil {
			word(a, "delivery", h.LastStatus)
			a.Text("delivery_error", h.LastErrorCode)
			a.Time("delivered_at", h.LastSuccessfulTime)
		}
	}
	return nil
}
