package simulator

import (
	"net/http"
	"strings"
	"time"
)

// calm are the operations of services in which nothing ever goes wrong here:
// what is to be on is on, and what could be listed is in order, or not there.
// They make a collection of every kind whole.
var calm = map[string]func(*Company, *awsRequest) reply{
	"iam:GetAccountAuthorizationDetails": (*Company).authorizationDetails,

	"ec2:GetEbsEncryptionByDefault":         fixedEC2(leaf("ebsEncryptionByDefault", true)),
	"ec2:GetSnapshotBlockPublicAccessState": fixedEC2(leaf("state", "block-all-sharing")),
	"ec2:GetInstanceMetadataDefaults":       fixedEC2(el("accountLevel", leaf("httpTokens", "required"))),
	"ec2:DescribeInstances":                 fixedEC2(el("reservationSet")),
	"ec2:DescribeVolumes":                   fixedEC2(el("volumeSet")),
	"ec2:DescribeSnapshots":                 fixedEC2(el("snapshotSet")),
	"ec2:DescribeImages":                    fixedEC2(el("imagesSet")),
	"ec2:DescribeVpcs":                      (*Company).describeVPCs,
	"ec2:DescribeFlowLogs":                  (*Company).describeFlowLogs,

	"rds:DescribeDBClusters":                     fixedQuery(rdsNamespace, el("DBClusters")),
	"rds:DescribeDBSnapshots":                    fixedQuery(rdsNamespace, el("DBSnapshots")),
	"rds:DescribeDBClusterSnapshots":             fixedQuery(rdsNamespace, el("DBClusterSnapshots")),
	"elasticloadbalancing:DescribeLoadBalancers": fixedQuery("http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/", el("LoadBalancers")),
	"monitoring:DescribeAlarms":                  fixedQuery("http://monitoring.amazonaws.com/doc/2010-08-01/", el("CompositeAlarms"), el("MetricAlarms")),

	"cloudtrail:LookupEvents":         fixedJSON("Events"),
	"acm:ListCertificates":            fixedJSON("CertificateSummaryList"),
	"dynamodb:ListTables":             fixedJSON("TableNames"),
	"ecr:DescribeRepositories":        fixedJSON("repositories"),
	"logs:DescribeLogGroups":          fixedJSON("logGroups"),
	"secretsmanager:ListSecrets":      fixedJSON("SecretList"),
	"ssm:DescribeInstanceInformation": fixedJSON("InstanceInformationList"),
	"sso:ListInstances":               fixedJSON("Instances"),

	"guardduty:ListFindings":           fixedJSON("findingIds"),
	"access-analyzer:ListAnalyzers":    (*Company).listAnalyzers,
	"access-analyzer:ListFindingsV2":   fixedJSON("findings"),
	"securityhub:DescribeHub":          (*Company).describeHub,
	"securityhub:GetEnabledStandards":  (*Company).enabledStandards,
	"inspector2:BatchGetAccountStatus": (*Company).inspectorStatus,
	"inspector2:ListFindings":          fixedJSON("findings"),
	"lambda:ListFunctions":             fixedJSON("Functions"),
	"backup:ListBackupPlans":           fixedJSON("BackupPlansList"),
	"backup:ListBackupVaults":          fixedJSON("BackupVaultList"),
	"backup:ListProtectedResources":    fixedJSON("Results"),
	"backup:ListBackupJobs":            fixedJSON("BackupJobs"),
	"backup:ListRestoreJobs":           fixedJSON("RestoreJobs"),

	"ecr:GetRegistryScanningConfiguration": (*Company).registryScanning,
}

// calmPaths are the paths of the services that are told apart by them.
var calmPaths = map[string]string{
	"access-analyzer GET /analyzer": "ListAnalyzers", "access-analyzer POST /findingv2": "ListFindingsV2",
	"securityhub GET /accounts": "DescribeHub", "securityhub POST /standards/get": "GetEnabledStandards",
	"inspector2 POST /status/batch/get": "BatchGetAccountStatus", "inspector2 POST /findings/list": "ListFindings",
	"lambda GET /2015-03-31/functions": "ListFunctions", "backup GET /backup/plans": "ListBackupPlans", "backup GET /backup-vaults": "ListBackupVaults",
	"backup GET /resources": "ListProtectedResources", "backup GET /backup-jobs": "ListBackupJobs", "backup GET /restore-jobs": "ListRestoreJobs",
}

// pathAction names the operation of a request by its path, if the service is
// told apart by them.
func pathAction(service string, r *http.Request) (string, bool) {
	path := strings.TrimSuffix(r.URL.Path, "/")
	if service == "guardduty" {
		if r.Method == http.MethodPost && strings.HasSuffix(path, "/findings") {
			return "ListFindings", true
		}
		return detectorAction(r), true
	}
	action, ok := calmPaths[service+" "+r.Method+" "+path]
	return action, ok
}

func fixedEC2(members ...node) func(*Company, *awsRequest) reply {
	return func(_ *Company, q *awsRequest) reply { return q.ec2(members...) }
}

func fixedQuery(namespace string, result ...node) func(*Company, *awsRequest) reply {
	return func(_ *Company, q *awsRequest) reply { return q.query(namespace, result...) }
}

// fixedJSON answers with an empty list.
func fixedJSON(list string) func(*Company, *awsRequest) reply {
	return func(*Company, *awsRequest) reply { return jsonReply(map[string]any{list: []any{}}) }
}

// authorizationDetails gives the users, who have no rights of their own.
func (c *Company) authorizationDetails(q *awsRequest) reply {
	var users []node
	for _, u := range q.account.users {
		if u.life.holds(q.now) && strings.Contains(string(q.body), "=User") {
			users = append(users, el("member", leaf("Path", "/"), leaf("UserName", u.name), leaf("UserId", "AIDASIM"+u.name), leaf("Arn", u.arn), leaf("CreateDate", u.life.from),
				el("UserPolicyList"), el("GroupList"), el("AttachedManagedPolicies")))
		}
	}
	return q.query(iamNamespace, leaf("IsTruncated", false), el("UserDetailList", users...), el("GroupDetailList"), el("RoleDetailList"), el("Policies"))
}

func (c *Company) describeVPCs(q *awsRequest) reply {
	e := q.estate()
	return q.ec2(el("vpcSet", el("item", leaf("vpcId", e.id("vpc-")), leaf("ownerId", e.owner.id), leaf("state", "available"), leaf("cidrBlock", "10.0.0.0/16"), leaf("isDefault", false))))
}

func (c *Company) describeFlowLogs(q *awsRequest) reply {
	e := q.estate()
	return q.ec2(el("flowLogSet", el("item", leaf("flowLogId", e.id("fl-")), leaf("resourceId", e.id("vpc-")), leaf("flowLogStatus", "ACTIVE"), leaf("deliverLogsStatus", "SUCCESS"),
		leaf("trafficType", "ALL"), leaf("logDestinationType", "s3"), leaf("logDestination", "arn:aws:s3:::logs-"+e.owner.id), leaf("creationTime", e.made()))))
}

func (c *Company) listAnalyzers(q *awsRequest) reply {
	e := q.estate()
	return plainJSON(map[string]any{"analyzers": []any{map[string]any{
		"arn": e.arn("access-analyzer", "analyzer/outside"), "name": "outside", "type": "ACCOUNT", "status": "ACTIVE", "createdAt": e.made().Format(time.RFC3339),
	}}})
}

func (c *Company) describeHub(q *awsRequest) reply {
	e := q.estate()
	return plainJSON(map[string]any{"HubArn": e.arn("securityhub", "hub/default"), "SubscribedAt": e.made().Format(time.RFC3339), "AutoEnableControls": true, "ControlFindingGenerator": "SECURITY_CONTROL"})
}

func (c *Company) enabledStandards(q *awsRequest) reply {
	e := q.estate()
	return plainJSON(map[string]any{"StandardsSubscriptions": []any{map[string]any{
		"StandardsSubscriptionArn": e.arn("securityhub", "subscription/aws-foundational-security-best-practices/v/1.0.0"), "StandardsInput": map[string]string{}, "StandardsStatus": "READY",
		"StandardsArn": "arn:aws:securityhub:" + e.region + "::standards/aws-foundational-security-best-practices/v/1.0.0",
	}}})
}

func (c *Company) inspectorStatus(q *awsRequest) reply {
	state := map[string]any{"status": "ENABLED", "errorCode": "ALREADY_ENABLED", "errorMessage": ""}
	return plainJSON(map[string]any{"failedAccounts": []any{}, "accounts": []any{map[string]any{
		"accountId": q.account.id, "state": state, "resourceState": map[string]any{"ec2": state, "ecr": state, "lambda": state},
	}}})
}

func (c *Company) registryScanning(q *awsRequest) reply {
	return jsonReply(map[string]any{"registryId": q.account.id, "scanningConfiguration": map[string]any{"scanType": "BASIC", "rules": []any{}}})
}
