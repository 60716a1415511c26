package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"
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
		{state(kindAlarm, "An alarm of CloudWatch, on a metric or composed of others: what it watches, and whether it tells anyone.", "state"),
			[]call{{name: "monitoring:DescribeAlarms", permission: "cloudwatch:DescribeAlarms", why: "alarms, and whether they tell anyone"}}, inRegions(collectAlarms)},
		{state(kindLogGroup, "A log group: how long it keeps, and with which key.", "stored_bytes"),
			[]call{{name: "logs:DescribeLogGroups", why: "log groups and their retention"}}, inRegions(collectLogGroups)},
	}
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
func collectAlarms(ctx context.Context, p *regionReader) error {
	client := alarmClient(p.aws)
	p.out.Filter("AlarmTypes", string(alarmtypes.AlarmTypeMetricAlarm)+", "+string(alarmtypes.AlarmTypeCompositeAlarm))
	var composites []alarmtypes.CompositeAlarm
	all, err := list(ctx, p.out, func(ctx context.Context, token *string) ([]alarmtypes.MetricAlarm, *string, error) {
		page, err := client.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{NextToken: token, MaxRecords: aws.Int32(100), AlarmTypes: []alarmtypes.AlarmType{alarmtypes.AlarmTypeMetricAlarm, alarmtypes.AlarmTypeCompositeAlarm}})
		if err != nil {
			return nil, nil, err
		}
		composites = append(composites, page.CompositeAlarms...)
		return page.MetricAlarms, page.NextToken, nil
	})
	errs := []error{err}
	for _, m := range all {
		a := collectors.Attributes{"in_composite": inComposite(composites, m.AlarmName, m.AlarmArn)}
		a.Bool("actions_enabled", m.ActionsEnabled)
		a.Set("alarm_actions", m.AlarmActions)
		a.Text("metric", m.MetricName)
		a.Text("namespace", m.Namespace)
		a.Text("description", m.AlarmDescription)
		word(a, "state", m.StateValue)
		a.Time("configured_at", m.AlarmConfigurationUpdatedTimestamp)
		errs = append(errs, p.emit(aws.ToString(m.AlarmArn), aws.ToString(m.AlarmName), a))
	}
	for _, c := range composites {
		a := collectors.Attributes{"composite": true, "in_composite": inComposite(composites, c.AlarmName, c.AlarmArn)}
		a.Bool("actions_enabled", c.ActionsEnabled)
		a.Set("alarm_actions", c.AlarmActions)
		a.Text("description", c.AlarmDescription)
		word(a, "state", c.StateValue)
		a.Time("configured_at", c.AlarmConfigurationUpdatedTimestamp)
		errs = append(errs, p.emit(aws.ToString(c.AlarmArn), aws.ToString(c.AlarmName), a))
	}
	return first(errs)
}

// inComposite reports an alarm that the rule of another one reads, which tells in its place.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
func inComposite(composites []alarmtypes.CompositeAlarm, name, id *string) bool {
	return slices.ContainsFunc(composites, func(c alarmtypes.CompositeAlarm) bool {
		rule := aws.ToString(c.AlarmRule)
		for _, who := range []string{aws.ToString(name), aws.ToString(id)} {
			for _, form := range []string{"(%s)", "(\"%s\")", "('%s')"} {
				if who != "" && strings.Contains(strings.ReplaceAll(rule, " ", ""), strings.ReplaceAll(fmt.Sprintf(form, who), " ", "")) {
					return true
				}
			}
		}
		return false
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
