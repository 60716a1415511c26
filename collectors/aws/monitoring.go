package aws

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	alarmtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const (
	kindAlarm    evidence.Kind = "aws.cloudwatch.alarm"
	kindLogGroup evidence.Kind = "aws.logs.log_group"
)

func monitoringKinds() []kind {
	return []kind{
		{state(kindAlarm, "An alarm of CloudWatch on a metric: what it watches, and whether it tells anyone.", "state"),
			[]call{{name: "monitoring:DescribeAlarms", permission: "cloudwatch:DescribeAlarms", why: "alarms, and whether they tell anyone"}}, inRegions(collectAlarms)},
		{state(kindLogGroup, "A log group: how long it keeps, and with which key.", "stored_bytes"),
			[]call{{name: "logs:DescribeLogGroups", why: "log groups and their retention"}}, inRegions(collectLogGroups)},
	}
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
func collectAlarms(ctx context.Context, p *regionReader) error {
	client := alarmClient(p.aws)
	p.out.Filter("AlarmTypes", string(alarmtypes.AlarmTypeMetricAlarm))
	return rows(ctx, p.out, func(ctx context.Context, token *string) ([]alarmtypes.MetricAlarm, *string, error) {
		page, err := client.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{NextToken: token, MaxRecords: aws.Int32(100), AlarmTypes: []alarmtypes.AlarmType{alarmtypes.AlarmTypeMetricAlarm}})
		if err != nil {
			return nil, nil, err
		}
		return page.MetricAlarms, page.NextToken, nil
	}, func(m alarmtypes.MetricAlarm) error {
		a := collectors.Attributes{}
		a.Bool("actions_enabled", m.ActionsEnabled)
		a.Set("alarm_actions", m.AlarmActions)
		a.Text("metric", m.MetricName)
		a.Text("namespace", m.Namespace)
		a.Text("description", m.AlarmDescription)
		word(a, "state", m.StateValue)
		a.Time("configured_at", m.AlarmConfigurationUpdatedTimestamp)
		return p.emit(aws.ToString(m.AlarmArn), aws.ToString(m.AlarmName), a)
	})
}

// collectLogGroups: a group without a number of days keeps for ever, unless a
// policy of the account says otherwise, which the group then names.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html
func collectLogGroups(ctx context.Context, p *regionReader) error {
	client := logsClient(p.aws)
	return rows(ctx, p.out, func(ctx context.Context, token *string) ([]logtypes.LogGroup, *string, error) {
		page, err := client.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{NextToken: token, Limit: aws.Int32(50)})
		if err != nil {
			return nil, nil, err
		}
		return page.LogGroups, page.NextToken, nil
	}, func(g logtypes.LogGroup) error {
		a := collectors.Attributes{"never_expires": g.RetentionInDays == nil && aws.ToString(g.RetentionPolicyName) == ""}
		count(a, "retention_days", g.RetentionInDays)
		a.Text("retention_policy", g.RetentionPolicyName)
		a.Text("kms_key_id", g.KmsKeyId)
		word(a, "class", g.LogGroupClass)
		count(a, "stored_bytes", g.StoredBytes)
		if g.CreationTime != nil {
			at := time.UnixMilli(*g.CreationTime)
			a.Time("created_at", &at)
		}
		return p.emit(aws.ToString(g.Arn), aws.ToString(g.LogGroupName), a)
	})
}
