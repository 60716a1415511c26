package aws

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

var update = flag.Bool("update", false, "write testdata/records.golden anew")

// query returns the answer of the Query protocol; REGION and ACCOUNT stand for
// where it was asked.
func query(operation, result string) []reply {
	return []reply{ok(fmt.Sprintf(`<%[1]sResponse xmlns="https://example.amazonaws.com/doc/"><%[1]sResult>%[2]s</%[1]sResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></%[1]sResponse>`, operation, result))}
}

func ec2Answer(operation, members string) []reply {
	return []reply{ok(fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><%[1]sResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>%[2]s</%[1]sResponse>`, operation, members))}
}

func js(body string) []reply { return []reply{ok(body)} }

// worldPolicy lets in everyone; adminPolicy allows everything.
const (
	worldPolicy = `{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"*\"}]}`
	keyPolicy   = `{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::ACCOUNT:root\"},\"Action\":\"kms:*\",\"Resource\":\"*\"}]}`
	adminPolicy = `%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22%2A%22%2C%22Resource%22%3A%22%2A%22%7D%7D`
	trustPolicy = `%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22ec2.amazonaws.com%22%2C%22AWS%22%3A%5B%22999988887777%22%5D%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D`
)

// everyService answers the calls of every service, in the words of AWS's own
// descriptions of its APIs.
func everyService() map[string][]reply {
	return map[string][]reply{
		"iam:ListVirtualMFADevices": query("ListVirtualMFADevices", `<IsTruncated>false</IsTruncated><VirtualMFADevices><member><SerialNumber>arn:aws:iam::ACCOUNT:mfa/root-account-mfa-device</SerialNumber><User><Arn>arn:aws:iam::ACCOUNT:root</Arn><UserId>ACCOUNT</UserId><UserName/><Path>/</Path><CreateDate>2020-01-02T03:04:05Z</CreateDate></User></member></VirtualMFADevices>`),
		"iam:GetAccountAuthorizationDetails": query("GetAccountAuthorizationDetails", `<IsTruncated>false</IsTruncated>`+
			`<UserDetailList><member><Arn>arn:aws:iam::ACCOUNT:user/alice</Arn><UserName>alice</UserName><Path>/</Path><CreateDate>2020-01-02T03:04:05Z</CreateDate><GroupList><member>staff</member></GroupList><AttachedManagedPolicies><member><PolicyName>AdministratorAccess</PolicyName><PolicyArn>arn:aws:iam::aws:policy/AdministratorAccess</PolicyArn></member><member><PolicyName>own</PolicyName><PolicyArn>arn:aws:iam::ACCOUNT:policy/own</PolicyArn></member></AttachedManagedPolicies></member></UserDetailList>`+
			`<GroupDetailList><member><Arn>arn:aws:iam::ACCOUNT:group/staff</Arn><GroupName>staff</GroupName><GroupPolicyList><member><PolicyName>all</PolicyName><PolicyDocument>`+adminPolicy+`</PolicyDocument></member></GroupPolicyList></member></GroupDetailList>`+
			`<RoleDetailList><member><Arn>arn:aws:iam::ACCOUNT:role/vendor</Arn><RoleName>vendor</RoleName><Path>/</Path><AssumeRolePolicyDocument>`+trustPolicy+`</AssumeRolePolicyDocument><RoleLastUsed><LastUsedDate>2026-06-01T00:00:00Z</LastUsedDate><Region>eu-west-1</Region></RoleLastUsed></member></RoleDetailList>`+
			`<Policies><member><Arn>arn:aws:iam::ACCOUNT:policy/own</Arn><PolicyName>own</PolicyName><AttachmentCount>1</AttachmentCount><DefaultVersionId>v2</DefaultVersionId><PolicyVersionList><member><VersionId>v1</VersionId><IsDefaultVersion>false</IsDefaultVersion></member><member><VersionId>v2</VersionId><IsDefaultVersion>true</IsDefaultVersion><Document>`+adminPolicy+`</Document></member></PolicyVersionList></member></Policies>`),
		"iam:GetAccountAuthorizationDetails AWSManagedPolicy": query("GetAccountAuthorizationDetails", `<IsTruncated>false</IsTruncated><Policies>`+
			`<member><Arn>arn:aws:iam::aws:policy/AdministratorAccess</Arn><PolicyName>AdministratorAccess</PolicyName><AttachmentCount>1</AttachmentCount></member>`+
			`<member><Arn>arn:aws:iam::aws:policy/ReadOnlyAccess</Arn><PolicyName>ReadOnlyAccess</PolicyName><AttachmentCount>0</AttachmentCount></member></Policies>`),

		"organizations:DescribeOrganization": js(`{"Organization":{"Id":"o-a1b2c3d4e5","Arn":"arn:aws:organizations::ACCOUNT:organization/o-a1b2c3d4e5","FeatureSet":"ALL","MasterAccountId":"ACCOUNT"}}`),

		"sso:ListInstances":                                      js(`{"Instances":[{"InstanceArn":"arn:aws:sso:::instance/ssoins-REGION-ACCOUNT","IdentityStoreId":"d-REGION-ACCOUNT","OwnerAccountId":"ACCOUNT","Status":"ACTIVE","CreatedDate":1577836800}]}`),
		"identitystore:ListUsers":                                js(`{"Users":[{"UserId":"u-1","IdentityStoreId":"d-1","UserName":"alice","DisplayName":"Alice","UserStatus":"ENABLED","Emails":[{"Value":"alice@example.com","Primary":true}]}]}`),
		"identitystore:ListGroups":                               js(`{"Groups":[{"GroupId":"g-1","IdentityStoreId":"d-1","DisplayName":"admins"}]}`),
		"identitystore:ListGroupMemberships":                     js(`{"GroupMemberships":[{"IdentityStoreId":"d-1","MembershipId":"m-1","GroupId":"g-1","MemberId":{"UserId":"u-1"}}]}`),
		"sso:ListPermissionSets":                                 js(`{"PermissionSets":["arn:aws:sso:::permissionSet/ssoins-1/ps-REGION-ACCOUNT"]}`),
		"sso:DescribePermissionSet":                              js(`{"PermissionSet":{"Name":"Admin","PermissionSetArn":"x","SessionDuration":"PT8H","CreatedDate":1577836800}}`),
		"sso:ListManagedPoliciesInPermissionSet":                 js(`{"AttachedManagedPolicies":[{"Name":"AdministratorAccess","Arn":"arn:aws:iam::aws:policy/AdministratorAccess"}]}`),
		"sso:ListCustomerManagedPolicyReferencesInPermissionSet": js(`{"CustomerManagedPolicyReferences":[{"Name":"own","Path":"/"}]}`),
		"sso:GetInlinePolicyForPermissionSet":                    js(`{"InlinePolicy":""}`),
		"sso:ListAccountsForProvisionedPermissionSet":            js(`{"AccountIds":["111122223333"]}`),
		"sso:ListAccountAssignments":                             js(`{"AccountAssignments":[{"AccountId":"111122223333","PermissionSetArn":"x","PrincipalType":"GROUP","PrincipalId":"g-1"}]}`),

		"cloudtrail:LookupEvents":           js(`{"Events":[]}`),
		"cloudtrail:LookupEvents false":     lookedUp("ConsoleLogin"),
		"cloudtrail:LookupEvents auditor":   lookedUp("GetAccountSummary"),
		"cloudtrail:LookupEvents evidenced": lookedUp("GetAccountSummary"),

		"config:DescribeConfigurationRecorders":      js(`{"ConfigurationRecorders":[{"name":"default","recordingGroup":{"allSupported":true,"includeGlobalResourceTypes":true,"recordingStrategy":{"useOnly":"ALL_SUPPORTED_RESOURCE_TYPES"}}},{"name":"AWSConfigurationRecorderForSecurityHub","servicePrincipal":"securityhub.amazonaws.com"}]}`),
		"config:DescribeConfigurationRecorderStatus": js(`{"ConfigurationRecordersStatus":[{"name":"default","recording":true,"lastStatus":"Success","lastStartTime":1577836800}]}`),
		"config:DescribeDeliveryChannelStatus":       js(`{"DeliveryChannelsStatus":[{"name":"default","configHistoryDeliveryInfo":{"lastStatus":"Success","lastSuccessfulTime":1782864000}}]}`),
		"guardduty:ListDetectors":                    js(`{"detectorIds":["12abc34d567e8fa901bc2d34eREGION"]}`),
		"guardduty:GetDetector":                      js(`{"createdAt":"2020-01-01T00:00:00Z","serviceRole":"r","status":"ENABLED","findingPublishingFrequency":"SIX_HOURS","features":[{"name":"S3_DATA_EVENTS","status":"ENABLED"},{"name":"EKS_AUDIT_LOGS","status":"DISABLED"}]}`),
		"guardduty:ListFindings":                     js(`{"findingIds":["f-1"]}`),
		"guardduty:GetFindings":                      js(`{"findings":[{"accountId":"ACCOUNT","arn":"arn:aws:guardduty:REGION:ACCOUNT:detector/d/finding/f-1","id":"f-1","region":"REGION","schemaVersion":"2.0","type":"UnauthorizedAccess:IAMUser/TorIPCaller","title":"Tor","severity":8.0,"createdAt":"2026-06-01T00:00:00Z","updatedAt":"2026-06-02T00:00:00Z","resource":{},"service":{"archived":false,"count":3,"eventLastSeen":"2026-06-02T00:00:00Z"}}]}`),
		"access-analyzer:ListAnalyzers eu-west-1":    js(`{"analyzers":[{"arn":"arn:aws:access-analyzer:REGION:ACCOUNT:analyzer/unused","name":"unused","type":"ORGANIZATION_UNUSED_ACCESS","createdAt":"2020-01-01T00:00:00Z","status":"ACTIVE"}]}`),
		"securityhub:DescribeHub":                    js(`{"HubArn":"arn:aws:securityhub:REGION:ACCOUNT:hub/default","SubscribedAt":"2020-01-01T00:00:00Z","AutoEnableControls":true}`),
		"securityhub:GetEnabledStandards":            js(`{"StandardsSubscriptions":[{"StandardsArn":"arn:aws:securityhub:REGION::standards/aws-foundational-security-best-practices/v/1.0.0","StandardsSubscriptionArn":"x","StandardsInput":{},"StandardsStatus":"READY"}]}`),
		"access-analyzer:ListAnalyzers":              js(`{"analyzers":[{"arn":"arn:aws:access-analyzer:REGION:ACCOUNT:analyzer/outside","name":"outside","type":"ORGANIZATION","createdAt":"2020-01-01T00:00:00Z","status":"ACTIVE"}]}`),
		"access-analyzer:ListFindingsV2":             js(`{"findings":[{"id":"f-1","resource":"arn:aws:s3:::data","resourceType":"AWS::S3::Bucket","resourceOwnerAccount":"ACCOUNT","status":"ACTIVE","findingType":"ExternalAccess","createdAt":"2026-06-01T00:00:00Z","updatedAt":"2026-06-01T00:00:00Z","analyzedAt":"2026-06-30T00:00:00Z"}]}`),
		"inspector2:BatchGetAccountStatus eu-west-1": js(`{"accounts":[{"accountId":"ACCOUNT","state":{"status":"ENABLED","errorCode":"ALREADY_ENABLED","errorMessage":""},"resourceState":{"ec2":{"status":"DISABLED","errorCode":"ALREADY_ENABLED","errorMessage":""},"ecr":{"status":"ENABLED","errorCode":"ALREADY_ENABLED","errorMessage":""}}}],"failedAccounts":[]}`),
		"inspector2:BatchGetAccountStatus":           js(`{"accounts":[{"accountId":"ACCOUNT","state":{"status":"ENABLED","errorCode":"ALREADY_ENABLED","errorMessage":""},"resourceState":{"ec2":{"status":"ENABLED","errorCode":"ALREADY_ENABLED","errorMessage":""},"ecr":{"status":"DISABLED","errorCode":"ALREADY_ENABLED","errorMessage":""}}}],"failedAccounts":[]}`),
		"inspector2:ListFindings":                    js(`{"findings":[{"awsAccountId":"ACCOUNT","findingArn":"arn:aws:inspector2:REGION:ACCOUNT:finding/f-1","severity":"CRITICAL","status":"ACTIVE","type":"PACKAGE_VULNERABILITY","title":"CVE-2026-1 - openssl","description":"d","remediation":{},"firstObservedAt":1780272000,"lastObservedAt":1782864000,"fixAvailable":"YES","exploitAvailable":"NO","resources":[{"type":"AWS_EC2_INSTANCE","id":"i-1"}],"packageVulnerabilityDetails":{"vulnerabilityId":"CVE-2026-1","source":"NVD"}}]}`),

		"kms:ListKeys":             js(`{"Keys":[{"KeyId":"k-1","KeyArn":"arn:aws:kms:REGION:ACCOUNT:key/k-1"},{"KeyId":"k-2","KeyArn":"arn:aws:kms:REGION:ACCOUNT:key/k-2"}],"Truncated":false}`),
		"kms:DescribeKey":          js(`{"KeyMetadata":{"KeyId":"k-1","KeyManager":"CUSTOMER","KeyState":"Enabled","KeySpec":"SYMMETRIC_DEFAULT","KeyUsage":"ENCRYPT_DECRYPT","Origin":"AWS_KMS","Enabled":true,"CreationDate":1577836800,"MultiRegion":false}}`),
		"kms:GetKeyRotationStatus": js(`{"KeyRotationEnabled":true,"RotationPeriodInDays":365}`),
		"kms:GetKeyPolicy":         js(`{"Policy":"` + keyPolicy + `","PolicyName":"default"}`),

		"ec2:GetEbsEncryptionByDefault":           ec2Answer("GetEbsEncryptionByDefault", `<ebsEncryptionByDefault>true</ebsEncryptionByDefault>`),
		"ec2:GetEbsEncryptionByDefault eu-west-1": ec2Answer("GetEbsEncryptionByDefault", `<ebsEncryptionByDefault>false</ebsEncryptionByDefault>`),
		"ec2:DescribeFlowLogs eu-west-1":          ec2Answer("DescribeFlowLogs", `<flowLogSet><item><flowLogId>fl-1</flowLogId><flowLogStatus>ACTIVE</flowLogStatus><deliverLogsStatus>FAILED</deliverLogsStatus><resourceId>vpc-1</resourceId><trafficType>ALL</trafficType></item></flowLogSet>`),
		"ec2:GetSnapshotBlockPublicAccessState":   ec2Answer("GetSnapshotBlockPublicAccessState", `<state>block-all-sharing</state>`),
		"ec2:GetInstanceMetadataDefaults":         ec2Answer("GetInstanceMetadataDefaults", `<accountLevel><httpTokens>required</httpTokens></accountLevel>`),
		"ec2:DescribeInstances":                   ec2Answer("DescribeInstances", `<reservationSet><item><reservationId>r-1</reservationId><instancesSet><item><instanceId>i-1</instanceId><imageId>ami-1</imageId><instanceState><code>16</code><name>running</name></instanceState><launchTime>2026-01-01T00:00:00.000Z</launchTime><ipAddress>203.0.113.1</ipAddress><metadataOptions><httpTokens>optional</httpTokens><httpEndpoint>enabled</httpEndpoint></metadataOptions><groupSet><item><groupId>sg-1</groupId><groupName>web</groupName></item></groupSet><tagSet><item><key>Name</key><value>web-1</value></item></tagSet></item></instancesSet></item></reservationSet>`),
		"ec2:DescribeVolumes":                     ec2Answer("DescribeVolumes", `<volumeSet><item><volumeId>vol-1</volumeId><size>8</size><status>in-use</status><encrypted>false</encrypted><createTime>2026-01-01T00:00:00.000Z</createTime><attachmentSet><item><instanceId>i-1</instanceId></item></attachmentSet></item></volumeSet>`),
		"ec2:DescribeSnapshots":                   ec2Answer("DescribeSnapshots", `<snapshotSet><item><snapshotId>snap-1</snapshotId><volumeId>vol-1</volumeId><status>completed</status><encrypted>true</encrypted><startTime>2026-01-01T00:00:00.000Z</startTime><ownerId>ACCOUNT</ownerId></item></snapshotSet>`),
		"ec2:DescribeImages":                      ec2Answer("DescribeImages", `<imagesSet><item><imageId>ami-1</imageId><name>base</name><isPublic>false</isPublic><imageState>available</imageState><creationDate>2026-01-01T00:00:00.000Z</creationDate></item></imagesSet>`),
		"ec2:DescribeSecurityGroups":              ec2Answer("DescribeSecurityGroups", `<securityGroupInfo><item><ownerId>ACCOUNT</ownerId><groupId>sg-1</groupId><groupName>web</groupName><groupDescription>d</groupDescription><vpcId>vpc-1</vpcId><ipPermissions><item><ipProtocol>tcp</ipProtocol><fromPort>22</fromPort><toPort>22</toPort><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item><item><ipProtocol>-1</ipProtocol><groups><item><groupId>sg-1</groupId></item></groups></item><item><ipProtocol>tcp</ipProtocol><fromPort>3389</fromPort><toPort>3389</toPort><prefixListIds><item><prefixListId>pl-1</prefixListId></item></prefixListIds></item></ipPermissions><ipPermissionsEgress><item><ipProtocol>-1</ipProtocol><ipv6Ranges><item><cidrIpv6>::/0</cidrIpv6></item></ipv6Ranges></item></ipPermissionsEgress></item></securityGroupInfo>`),
		"ec2:GetManagedPrefixListEntries":         ec2Answer("GetManagedPrefixListEntries", `<entrySet><item><cidr>198.51.100.0/24</cidr><description>office</description></item></entrySet>`),
		"ec2:DescribeNetworkInterfaces":           ec2Answer("DescribeNetworkInterfaces", `<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId><groupSet><item><groupId>sg-1</groupId><groupName>web</groupName></item></groupSet></item></networkInterfaceSet>`),
		"ec2:DescribeVpcs":                        ec2Answer("DescribeVpcs", `<vpcSet><item><vpcId>vpc-1</vpcId><cidrBlock>10.0.0.0/16</cidrBlock><isDefault>false</isDefault></item></vpcSet>`),
		"ec2:DescribeFlowLogs":                    ec2Answer("DescribeFlowLogs", `<flowLogSet><item><flowLogId>fl-1</flowLogId><flowLogStatus>ACTIVE</flowLogStatus><deliverLogsStatus>SUCCESS</deliverLogsStatus><resourceId>vpc-1</resourceId><trafficType>ALL</trafficType><logDestinationType>s3</logDestinationType></item></flowLogSet>`),

		"rds:DescribeDBInstances":                 query("DescribeDBInstances", `<DBInstances><DBInstance><DBInstanceIdentifier>main</DBInstanceIdentifier><DBInstanceArn>arn:aws:rds:REGION:ACCOUNT:db:main</DBInstanceArn><Engine>postgres</Engine><DBInstanceStatus>available</DBInstanceStatus><StorageEncrypted>true</StorageEncrypted><PubliclyAccessible>false</PubliclyAccessible><BackupRetentionPeriod>14</BackupRetentionPeriod><LatestRestorableTime>2026-07-01T05:55:00Z</LatestRestorableTime></DBInstance><DBInstance><DBInstanceIdentifier>test</DBInstanceIdentifier><DBInstanceArn>arn:aws:rds:REGION:ACCOUNT:db:test</DBInstanceArn><Engine>mysql</Engine><DBInstanceStatus>available</DBInstanceStatus><StorageEncrypted>true</StorageEncrypted><BackupRetentionPeriod>1</BackupRetentionPeriod></DBInstance></DBInstances>`),
		"rds:DescribeDBClusters":                  query("DescribeDBClusters", `<DBClusters><DBCluster><DBClusterIdentifier>aurora</DBClusterIdentifier><DBClusterArn>arn:aws:rds:REGION:ACCOUNT:cluster:aurora</DBClusterArn><Engine>aurora-postgresql</Engine><StorageEncrypted>false</StorageEncrypted><BackupRetentionPeriod>1</BackupRetentionPeriod></DBCluster></DBClusters>`),
		"rds:DescribeDBSnapshots":                 query("DescribeDBSnapshots", `<DBSnapshots><DBSnapshot><DBSnapshotIdentifier>before</DBSnapshotIdentifier><DBSnapshotArn>arn:aws:rds:REGION:ACCOUNT:snapshot:before</DBSnapshotArn><DBInstanceIdentifier>main</DBInstanceIdentifier><Encrypted>false</Encrypted></DBSnapshot></DBSnapshots>`),
		"rds:DescribeDBSnapshotAttributes":        query("DescribeDBSnapshotAttributes", `<DBSnapshotAttributesResult><DBSnapshotIdentifier>before</DBSnapshotIdentifier><DBSnapshotAttributes><DBSnapshotAttribute><AttributeName>restore</AttributeName><AttributeValues><AttributeValue>all</AttributeValue></AttributeValues></DBSnapshotAttribute></DBSnapshotAttributes></DBSnapshotAttributesResult>`),
		"rds:DescribeDBClusterSnapshots":          query("DescribeDBClusterSnapshots", `<DBClusterSnapshots><DBClusterSnapshot><DBClusterSnapshotIdentifier>then</DBClusterSnapshotIdentifier><DBClusterSnapshotArn>arn:aws:rds:REGION:ACCOUNT:cluster-snapshot:then</DBClusterSnapshotArn><DBClusterIdentifier>aurora</DBClusterIdentifier><StorageEncrypted>true</StorageEncrypted></DBClusterSnapshot></DBClusterSnapshots>`),
		"rds:DescribeDBClusterSnapshotAttributes": query("DescribeDBClusterSnapshotAttributes", `<DBClusterSnapshotAttributesResult><DBClusterSnapshotIdentifier>then</DBClusterSnapshotIdentifier><DBClusterSnapshotAttributes><DBClusterSnapshotAttribute><AttributeName>restore</AttributeName><AttributeValues/></DBClusterSnapshotAttribute></DBClusterSnapshotAttributes></DBClusterSnapshotAttributesResult>`),

		"elasticloadbalancing:DescribeLoadBalancers":          query("DescribeLoadBalancers", `<LoadBalancers><member><LoadBalancerArn>arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/app/web/1</LoadBalancerArn><LoadBalancerName>web</LoadBalancerName><Type>application</Type><Scheme>internet-facing</Scheme><State><Code>active</Code></State></member></LoadBalancers>`),
		"elasticloadbalancing:DescribeListeners":              query("DescribeListeners", `<Listeners><member><ListenerArn>l-2</ListenerArn><Port>443</Port><Protocol>HTTPS</Protocol><SslPolicy>ELBSecurityPolicy-TLS13-1-2-2021-06</SslPolicy><DefaultActions><member><Type>forward</Type></member></DefaultActions></member><member><ListenerArn>l-1</ListenerArn><Port>80</Port><Protocol>HTTP</Protocol><DefaultActions><member><Type>redirect</Type><RedirectConfig><Protocol>HTTPS</Protocol><StatusCode>HTTP_301</StatusCode></RedirectConfig></member></DefaultActions></member></Listeners>`),
		"elasticloadbalancing:DescribeRules":                  query("DescribeRules", `<Rules><member><RuleArn>r-1</RuleArn><Priority>default</Priority><IsDefault>true</IsDefault><Actions><member><Type>redirect</Type><RedirectConfig><Protocol>HTTPS</Protocol><Port>443</Port><StatusCode>HTTP_301</StatusCode></RedirectConfig></member></Actions></member></Rules>`),
		"elasticloadbalancing:DescribeLoadBalancerAttributes": query("DescribeLoadBalancerAttributes", `<Attributes><member><Key>access_logs.s3.enabled</Key><Value>true</Value></member><member><Key>deletion_protection.enabled</Key><Value>false</Value></member></Attributes>`),
		"monitoring:DescribeAlarms":                           query("DescribeAlarms", `<MetricAlarms><member><AlarmArn>arn:aws:cloudwatch:REGION:ACCOUNT:alarm:cpu</AlarmArn><AlarmName>cpu</AlarmName><ActionsEnabled>true</ActionsEnabled><AlarmActions><member>arn:aws:sns:REGION:ACCOUNT:page</member></AlarmActions><MetricName>CPUUtilization</MetricName><Namespace>AWS/EC2</Namespace><StateValue>OK</StateValue></member></MetricAlarms>`),

		"acm:ListCertificates":                 js(`{"CertificateSummaryList":[{"CertificateArn":"arn:aws:acm:REGION:ACCOUNT:certificate/c-1","DomainName":"example.com","Status":"ISSUED","Type":"AMAZON_ISSUED","KeyAlgorithm":"EC_prime256v1","InUse":true,"RenewalEligibility":"ELIGIBLE","NotBefore":1767225600,"NotAfter":1801353600}]}`),
		"logs:DescribeLogGroups":               js(`{"logGroups":[{"arn":"arn:aws:logs:REGION:ACCOUNT:log-group:app:*","logGroupName":"app","creationTime":1577836800000,"retentionInDays":400,"storedBytes":17},{"arn":"arn:aws:logs:REGION:ACCOUNT:log-group:old:*","logGroupName":"old"}]}`),
		"dynamodb:ListTables":                  js(`{"TableNames":["sessions"]}`),
		"dynamodb:DescribeTable":               js(`{"Table":{"TableName":"sessions","TableStatus":"ACTIVE","DeletionProtectionEnabled":true,"SSEDescription":{"Status":"ENABLED","SSEType":"KMS","KMSMasterKeyArn":"arn:aws:kms:k"}}}`),
		"dynamodb:DescribeContinuousBackups":   js(`{"ContinuousBackupsDescription":{"ContinuousBackupsStatus":"ENABLED","PointInTimeRecoveryDescription":{"PointInTimeRecoveryStatus":"DISABLED"}}}`),
		"ecr:DescribeRepositories":             js(`{"repositories":[{"repositoryArn":"arn:aws:ecr:REGION:ACCOUNT:repository/app","repositoryName":"app","imageTagMutability":"IMMUTABLE","imageScanningConfiguration":{"scanOnPush":true},"encryptionConfiguration":{"encryptionType":"AES256"}}]}`),
		"ecr:DescribeImages":                   js(`{"imageDetails":[{"registryId":"ACCOUNT","repositoryName":"app","imageDigest":"sha256:old","imagePushedAt":1577836800},{"registryId":"ACCOUNT","repositoryName":"app","imageDigest":"sha256:new","imageTags":["v2"],"imagePushedAt":1782864000,"imageScanStatus":{"status":"COMPLETE"},"imageScanFindingsSummary":{"imageScanCompletedAt":1782864060,"findingSeverityCounts":{"HIGH":2}}}]}`),
		"ecr:GetRegistryScanningConfiguration": js(`{"registryId":"ACCOUNT","scanningConfiguration":{"scanType":"BASIC","rules":[]}}`),
		"ssm:DescribeInstanceInformation":      js(`{"InstanceInformationList":[{"InstanceId":"i-1","PingStatus":"Online","PlatformName":"Amazon Linux","PlatformVersion":"2023","ComputerName":"web-1","LastPingDateTime":1782864000},{"InstanceId":"i-2","PingStatus":"Online"}]}`),
		"ssm:DescribeInstancePatchStates":      js(`{"InstancePatchStates":[{"InstanceId":"i-1","PatchGroup":"","BaselineId":"b","OperationStartTime":1782864000,"OperationEndTime":1782864100,"Operation":"Scan","MissingCount":2,"FailedCount":0,"CriticalNonCompliantCount":1}]}`),
		"secretsmanager:ListSecrets":           js(`{"SecretList":[{"ARN":"arn:aws:secretsmanager:REGION:ACCOUNT:secret:db-1","Name":"db","RotationEnabled":true,"RotationRules":{"AutomaticallyAfterDays":30},"LastRotatedDate":1782864000,"CreatedDate":1577836800}]}`),
		"lambda:ListFunctions":                 js(`{"Functions":[{"FunctionName":"hook","FunctionArn":"arn:aws:lambda:REGION:ACCOUNT:function:hook","Runtime":"provided.al2023","Role":"arn:aws:iam::ACCOUNT:role/hook","PackageType":"Zip","LastModified":"2026-01-01T00:00:00.000+0000","Environment":{"Variables":{"DB_PASSWORD":"` + lambdaPassword + `"}}}]}`),
		"lambda:GetPolicy":                     js(`{"Policy":"` + worldPolicy + `","RevisionId":"r"}`),

		"backup:ListBackupPlans":      js(`{"BackupPlansList":[{"BackupPlanArn":"arn:aws:backup:REGION:ACCOUNT:backup-plan:p-1","BackupPlanId":"p-1","BackupPlanName":"daily","CreationDate":1577836800,"LastExecutionDate":1782864000}]}`),
		"backup:GetBackupPlan":        js(`{"BackupPlanId":"p-1","BackupPlan":{"BackupPlanName":"daily","Rules":[{"RuleName":"all","TargetBackupVaultName":"main","ScheduleExpression":"cron(0 5 ? * * *)","Lifecycle":{"DeleteAfterDays":35},"CopyActions":[{"DestinationBackupVaultArn":"x"}]}]}}`),
		"backup:ListBackupSelections": js(`{"BackupSelectionsList":[{"SelectionId":"s-1","SelectionName":"tagged"}]}`),
		"backup:ListBackupVaults":     js(`{"BackupVaultList":[{"BackupVaultArn":"arn:aws:backup:REGION:ACCOUNT:backup-vault:main","BackupVaultName":"main","Locked":true,"MinRetentionDays":7,"NumberOfRecoveryPoints":9}]}`),
		"backup:ListProtectedResources": js(`{"Results":[{"ResourceArn":"arn:aws:rds:REGION:ACCOUNT:db:main","ResourceType":"RDS","ResourceName":"main","LastBackupTime":1782864000},` +
			`{"ResourceArn":"arn:aws:rds:REGION:ACCOUNT:db:gone","ResourceType":"RDS","LastBackupTime":1780000000},{"ResourceArn":"arn:aws:rds:REGION:ACCOUNT:cluster:aurora","ResourceType":"Aurora","LastBackupTime":1780000000},` +
			`{"ResourceArn":"arn:aws:dynamodb:REGION:ACCOUNT:table/sessions","ResourceType":"DynamoDB","LastBackupTime":1780000000},{"ResourceArn":"arn:aws:ec2:REGION:ACCOUNT:volume/vol-1","ResourceType":"EBS","LastBackupTime":1780000000},` +
			`{"ResourceArn":"arn:aws:ec2:REGION:ACCOUNT:instance/i-0","ResourceType":"EC2","LastBackupTime":1780000000},{"ResourceArn":"arn:aws:elasticfilesystem:REGION:ACCOUNT:file-system/fs-1","ResourceType":"EFS","LastBackupTime":1780000000}]}`),
		"backup:ListBackupJobs":  js(`{"BackupJobs":[{"BackupJobId":"b-REGION-ACCOUNT","State":"FAILED","StatusMessage":"no space","ResourceArn":"arn:aws:rds:REGION:ACCOUNT:db:main","ResourceType":"RDS","CreationDate":1782864000,"BackupVaultName":"main","IsEncrypted":true}]}`),
		"backup:ListRestoreJobs": js(`{"RestoreJobs":[{"RestoreJobId":"r-REGION-ACCOUNT","Status":"COMPLETED","CreationDate":1782864000,"CompletionDate":1782867600,"ResourceType":"RDS","ValidationStatus":"SUCCESSFUL"}]}`),
	}
}

func lookedUp(name string) []reply {
	return js(`{"Events":[{"EventId":"e-REGION-ACCOUNT","EventName":"` + name + `","EventSource":"signin.amazonaws.com","EventTime":1782864000,"Username":"alice","ReadOnly":"false","Resources":[{"ResourceType":"AWS::IAM::User","ResourceName":"alice"}],` +
		`"CloudTrailEvent":"{\"requestID\":\"q-1\",\"sourceIPAddress\":\"203.0.113.9\",\"userAgent\":\"evidenced\",\"userIdentity\":{\"type\":\"IAMUser\",\"arn\":\"arn:aws:iam::ACCOUNT:user/alice\"},\"additionalEventData\":{\"MFAUsed\":\"No\"},\"responseElements\":{\"ConsoleLogin\":\"Success\"}}"}]}`)
}

const lambdaPassword = "hunter2InAnEnvironmentPlanted"

var aDay = evidence.Window{From: time.Date(2026, 6, 30, 6, 0, 0, 0, time.UTC), To: time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC)}

// TestRecords holds the records of every kind to testdata/records.golden, and
// to their own exchanges.
func TestRecords(t *testing.T) {
	environment(t)
	r := newRig(t, wholeOrganization(t).replies)
	var b strings.Builder
	visit := r.Visit(t.Context(), own)
	for _, k := range Spec().Kinds {
		if k.Kind == kindAccount {
			continue
		}
		w := evidence.Window{}
		if k.Mode == evidence.Event {
			w = aDay
		}
		s := visit.Capture(t.Context(), k.Kind, w)
		if s.Err != nil {
			t.Errorf("%s: %v", k.Kind, s.Err)
		}
		for _, rec := range s.Records {
			line, err := evidence.Canonical(rec)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s\n", line)
		}
		for _, x := range s.Exchanges {
			if strings.Contains(x.Body, lambdaPassword) {
				t.Errorf("the environment of a function is in an exchange of %s", x.Call)
			}
		}
	}
	if *update {
		if err := os.WriteFile("testdata/records.golden", []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/records.golden")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); diff != "" {
		t.Errorf("records (-want +got), see -update:\n%s", diff)
	}
}

// TestPathsAreDeclared: a path that no declared call has is one too many.
func TestPathsAreDeclared(t *testing.T) {
	for path := range pathsOf(restJSON) {
		if !slices.ContainsFunc(calls(), func(c collectors.Call) bool { return c.Name == path }) {
			t.Errorf("the path of %s is that of no declared call", path)
		}
	}
}

// pathsOf returns the calls that the services of a protocol know by path.
func pathsOf(p protocol) map[string]bool {
	all := map[string]bool{}
	for _, s := range services {
		for _, operation := range s.paths {
			if s.protocol == p {
				all[s.name+":"+operation] = true
			}
		}
	}
	return all
}
