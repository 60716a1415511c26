//go:build unix

package aws

import (
	"archive/zip"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/backup"
	backuptypes "github.com/aws/aws-sdk-go-v2/service/backup/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	watchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	configtypes "github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	balancertypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/identitystore"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"
	ssotypes "github.com/aws/aws-sdk-go-v2/service/ssoadmin/types"

	"github.com/evidenced/evidenced/collectors/transport"
)

// services: one of everything in one region, made through the SDK, and read as AWS would have it read.
func (m *moto) services(t *testing.T) {
	s := m.seed(t)
	s.watch()
	s.rights()
	s.machines()
	s.databases()
	s.functions()
	s.plans()
	inOne := func(c *Config) { c.Regions = Choice{List: []string{"us-east-1"}} }
	all := collect(t, m.open(t, anyone, transport.Options{}, inOne))
	m.sound(t, all, inOne)
	held(t, all, lambdaPassword, "plantedInTheSeed")
	for _, k := range ifAny {
		if all[stream(motoAccount, k)].Err == nil {
			t.Errorf("%s is whole: moto has learnt, and it is no flaw any more", k)
		}
	}
	var rows []string
	for st, snap := range all {
		if n := len(snap.Records); n > 0 && !slices.Contains(core, st.Kind) && st.Kind != kindAccount && st.Kind != kindSnapshot && st.Kind != kindDirectory { // moto comes with snapshots of public images, and with Identity Center in every region
			rows = append(rows, fmt.Sprintf("%s %d", st.Kind, n))
		}
	}
	slices.Sort(rows)
	const want = `aws.acm.certificate 1, aws.backup.plan 1, aws.backup.vault 1, aws.cloudwatch.alarm 1, aws.config.recorder 1, aws.dynamodb.table 1, aws.ec2.instance 1, aws.ec2.region 1, aws.ec2.security_group 2, aws.ec2.volume 2, aws.ec2.vpc 2, aws.ecr.repository 1, aws.elb.load_balancer 1, aws.guardduty.detector 1, aws.iam.group 1, aws.iam.policy 1, aws.iam.role 2, aws.iam.user_access 1, aws.kms.key 3, aws.lambda.function 1, aws.logs.log_group 1, aws.rds.cluster 1, aws.rds.cluster_snapshot 1, aws.rds.instance 2, aws.rds.snapshot 1, aws.secretsmanager.secret 1, aws.securityhub.hub 1`
	if got := strings.Join(rows, ", "); got != want {
		t.Errorf("rows: %s\nwant: %s", got, want)
	}
	delete(all, stream(motoAccount, kindSnapshot)) // see above: a thousand, some of them public
	says(t, judge(t, all), `
aws.accessanalyzer.enabled unknown []
aws.accessanalyzer.external unknown []
aws.acm.expiry not_applicable []
aws.alarm.actions fail [cpu]
aws.backup.job unknown []
aws.backup.plan unknown []
aws.backup.protected unknown []
aws.backup.restored unknown []
aws.cloudtrail.encrypted not_applicable []
aws.cloudtrail.logging not_applicable []
aws.cloudtrail.management-events fail [123456789012]
aws.cloudtrail.multi-region fail [123456789012]
aws.cloudtrail.validation not_applicable []
aws.config.recorder unknown []
aws.dynamodb.pitr fail [sessions]
aws.ebs.default unknown []
aws.ebs.encrypted fail [vol-]
aws.ec2.image-private not_applicable []
aws.ec2.imdsv2 fail [i-]
aws.ec2.managed unknown []
aws.ecr.newest-clean not_applicable []
aws.ecr.scanned fail [app]
aws.elb.https fail [web]
aws.guardduty.enabled pass []
aws.guardduty.high-open unknown []
aws.iam.key-age-90 unknown []
aws.iam.no-star-star fail [all]
aws.iam.password-policy fail [123456789012]
aws.iam.policy-escalation not_applicable []
aws.iam.role-external-id fail [vendor]
aws.iam.role-trust fail [hook]
aws.iam.role-without-admin not_applicable []
aws.iam.root-mfa fail [123456789012]
aws.iam.root-mfa-hardware not_applicable []
aws.iam.root-no-access-key pass []
aws.iam.root-unused unknown []
aws.iam.unused-creds-90 unknown []
aws.iam.user-console-mfa unknown []
aws.iam.user-without-admin fail [ann]
aws.inspector.critical not_applicable []
aws.inspector.enabled unknown []
aws.inspector.high not_applicable []
aws.kms.private pass []
aws.kms.rotation fail [key key]
aws.lambda.private fail [hook]
aws.loggroup.retention-365 fail [app]
aws.login.mfa unknown []
aws.rds.backup fail [orders]
aws.rds.cluster-backup pass []
aws.rds.cluster-encrypted pass []
aws.rds.cluster-snapshot-private pass []
aws.rds.deletion-protection fail [orders]
aws.rds.encrypted fail [orders]
aws.rds.not-public fail [orders]
aws.rds.snapshot-encrypted fail [before]
aws.rds.snapshot-private pass []
aws.root.sign-in unknown []
aws.s3.access-logged fail [flows]
aws.s3.encrypted fail [flows]
aws.s3.policy-private unknown []
aws.s3.public-block fail [flows]
aws.s3.tls-only fail [flows]
aws.s3.versioning fail [flows]
aws.safeguard.change unknown []
aws.secret.rotation fail [db]
aws.securityhub.enabled unknown []
aws.sg.default-unused pass []
aws.sg.no-world-admin fail [default]
aws.ssm.patched unknown []
aws.sso.administrators pass []
aws.vpc.flow-logs fail [vpc-]
`)
}

// notEncrypted and the like are what the seeds make, for the tests of the catalogue to find.
var yes, no = aws.Bool(true), aws.Bool(false)

// watch makes what watches: GuardDuty on, Config stopped, Security Hub on, an
// alarm that tells nobody, a log group that keeps its events for a month.
func (s seed) watch() {
	s.t.Helper()
	write(s, guardClient(s.aws).CreateDetector, guardduty.CreateDetectorInput{Enable: yes})
	write(s, recorderClient(s.aws).PutConfigurationRecorder, configservice.PutConfigurationRecorderInput{ConfigurationRecorder: &configtypes.ConfigurationRecorder{
		Name: aws.String("default"), RoleARN: aws.String("arn:aws:iam::123456789012:role/config"), RecordingGroup: &configtypes.RecordingGroup{AllSupported: true, IncludeGlobalResourceTypes: true},
	}})
	write(s, hubClient(s.aws).EnableSecurityHub, securityhub.EnableSecurityHubInput{})
	write(s, alarmClient(s.aws).PutMetricAlarm, cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String("cpu"), ComparisonOperator: watchtypes.ComparisonOperatorGreaterThanThreshold, EvaluationPeriods: aws.Int32(1),
		MetricName: aws.String("CPUUtilization"), Namespace: aws.String("AWS/EC2"), Period: aws.Int32(60), Threshold: aws.Float64(90), Statistic: watchtypes.StatisticAverage,
	})
	write(s, logsClient(s.aws).CreateLogGroup, cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("app")})
	write(s, logsClient(s.aws).PutRetentionPolicy, cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("app"), RetentionInDays: aws.Int32(30)})
}

const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// rights makes a policy of all rights, which a user has through no group, a role that anyone may take, and one that another company may.
func (s seed) rights() {
	s.t.Helper()
	c := iamClient(s.aws)
	made := write(s, c.CreatePolicy, iam.CreatePolicyInput{PolicyName: aws.String("all"), PolicyDocument: aws.String(everything)})
	s.user("ann")
	write(s, c.AttachUserPolicy, iam.AttachUserPolicyInput{UserName: aws.String("ann"), PolicyArn: made.Policy.Arn})
	write(s, c.CreateGroup, iam.CreateGroupInput{GroupName: aws.String("staff")})
	s.role("hook", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`)
	s.role("vendor", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999988887777:root"},"Action":"sts:AssumeRole"}]}`)
}

// machines makes an instance with a volume, another volume, a snapshot of it
// that is public, a network with logs, and a group that is open to the world.
func (s seed) machines() {
	s.t.Helper()
	c := ec2Client(s.aws)
	write(s, c.RunInstances, ec2.RunInstancesInput{ImageId: aws.String("ami-12c6146b"), MinCount: aws.Int32(1), MaxCount: aws.Int32(1)})
	v := write(s, c.CreateVolume, ec2.CreateVolumeInput{AvailabilityZone: aws.String("us-east-1a"), Size: aws.Int32(1), Encrypted: yes})
	snap := write(s, c.CreateSnapshot, ec2.CreateSnapshotInput{VolumeId: v.VolumeId})
	write(s, c.ModifySnapshotAttribute, ec2.ModifySnapshotAttributeInput{SnapshotId: snap.SnapshotId, Attribute: types.SnapshotAttributeNameCreateVolumePermission, OperationType: types.OperationTypeAdd, GroupNames: []string{"all"}})
	vpc := write(s, c.CreateVpc, ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	s.bucket("us-east-1", "flows")
	write(s, c.CreateFlowLogs, ec2.CreateFlowLogsInput{ResourceIds: []string{*vpc.Vpc.VpcId}, ResourceType: types.FlowLogsResourceTypeVpc, TrafficType: types.TrafficTypeAll, LogDestinationType: types.LogDestinationTypeS3, LogDestination: aws.String("arn:aws:s3:::flows")})
	groups := write(s, c.DescribeSecurityGroups, ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{*vpc.Vpc.VpcId}}}})
	write(s, c.AuthorizeSecurityGroupIngress, ec2.AuthorizeSecurityGroupIngressInput{GroupId: groups.SecurityGroups[0].GroupId, IpProtocol: aws.String("tcp"), FromPort: aws.Int32(0), ToPort: aws.Int32(1024), CidrIp: aws.String("0.0.0.0/0")})
	office := write(s, c.CreateManagedPrefixList, ec2.CreateManagedPrefixListInput{PrefixListName: aws.String("office"), AddressFamily: aws.String("IPv4"), MaxEntries: aws.Int32(5), Entries: []types.AddPrefixListEntry{{Cidr: aws.String("198.51.100.0/24")}}})
	write(s, c.AuthorizeSecurityGroupIngress, ec2.AuthorizeSecurityGroupIngressInput{GroupId: groups.SecurityGroups[0].GroupId, IpPermissions: []types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443),
		PrefixListIds: []types.PrefixListId{{PrefixListId: office.PrefixList.PrefixListId}}}}})
	subnet := func(cidr, zone string) string {
		return *write(s, c.CreateSubnet, ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: &cidr, AvailabilityZone: &zone}).Subnet.SubnetId
	}
	b := balancerClient(s.aws)
	lb := write(s, b.CreateLoadBalancer, elasticloadbalancingv2.CreateLoadBalancerInput{Name: aws.String("web"), Scheme: balancertypes.LoadBalancerSchemeEnumInternetFacing, Subnets: []string{subnet("10.0.1.0/24", "us-east-1a"), subnet("10.0.2.0/24", "us-east-1b")}})
	write(s, b.CreateListener, elasticloadbalancingv2.CreateListenerInput{LoadBalancerArn: lb.LoadBalancers[0].LoadBalancerArn, Port: aws.Int32(80), Protocol: balancertypes.ProtocolEnumHttp,
		DefaultActions: []balancertypes.Action{{Type: balancertypes.ActionTypeEnumFixedResponse, FixedResponseConfig: &balancertypes.FixedResponseActionConfig{StatusCode: aws.String("200")}}}})
	write(s, b.CreateListener, elasticloadbalancingv2.CreateListenerInput{LoadBalancerArn: lb.LoadBalancers[0].LoadBalancerArn, Port: aws.Int32(81), Protocol: balancertypes.ProtocolEnumHttp,
		DefaultActions: []balancertypes.Action{{Type: balancertypes.ActionTypeEnumRedirect, RedirectConfig: &balancertypes.RedirectActionConfig{Protocol: aws.String("HTTPS"), Port: aws.String("443"), StatusCode: balancertypes.RedirectActionStatusCodeEnumHttp301}}}})
	write(s, acmClient(s.aws).RequestCertificate, acm.RequestCertificateInput{DomainName: aws.String("example.com")})
}

// databases makes one that is open, not encrypted and hardly backed up, one in
// a cluster, a snapshot, a table, and keys of which one rotates.
func (s seed) databases() {
	s.t.Helper()
	c := rdsClient(s.aws)
	one := rds.CreateDBInstanceInput{DBInstanceIdentifier: aws.String("orders"), DBInstanceClass: aws.String("db.t3.micro"), Engine: aws.String("postgres"),
		AllocatedStorage: aws.Int32(20), MasterUsername: aws.String("root"), MasterUserPassword: aws.String("plantedInTheSeed"), PubliclyAccessible: yes, StorageEncrypted: no, BackupRetentionPeriod: aws.Int32(1)}
	write(s, c.CreateDBInstance, one)
	write(s, c.CreateDBSnapshot, rds.CreateDBSnapshotInput{DBInstanceIdentifier: one.DBInstanceIdentifier, DBSnapshotIdentifier: aws.String("before")})
	write(s, c.CreateDBCluster, rds.CreateDBClusterInput{DBClusterIdentifier: aws.String("aurora"), Engine: aws.String("aurora-postgresql"), MasterUsername: aws.String("root"), MasterUserPassword: aws.String("plantedInTheSeed"), StorageEncrypted: yes, BackupRetentionPeriod: aws.Int32(7)})
	write(s, c.CreateDBClusterSnapshot, rds.CreateDBClusterSnapshotInput{DBClusterIdentifier: aws.String("aurora"), DBClusterSnapshotIdentifier: aws.String("then")})
	write(s, c.CreateDBInstance, rds.CreateDBInstanceInput{DBInstanceIdentifier: aws.String("aurora-1"), DBInstanceClass: aws.String("db.r6g.large"), Engine: aws.String("aurora-postgresql"), DBClusterIdentifier: aws.String("aurora")})
	write(s, dynamoClient(s.aws).CreateTable, dynamodb.CreateTableInput{TableName: aws.String("sessions"), BillingMode: dynamotypes.BillingModePayPerRequest,
		AttributeDefinitions: []dynamotypes.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: dynamotypes.ScalarAttributeTypeS}},
		KeySchema:            []dynamotypes.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: dynamotypes.KeyTypeHash}}})
	k := kmsClient(s.aws)
	write(s, k.CreateKey, kms.CreateKeyInput{})
	write(s, k.EnableKeyRotation, kms.EnableKeyRotationInput{KeyId: write(s, k.CreateKey, kms.CreateKeyInput{}).KeyMetadata.KeyId})
}

// functions makes a function that anyone may call, a repository, and a secret.
func (s seed) functions() {
	s.t.Helper()
	var code bytes.Buffer
	z := zip.NewWriter(&code)
	if f, err := z.Create("main.py"); err != nil || z.Close() != nil {
		s.t.Fatal(f, err)
	}
	l := lambdaClient(s.aws)
	write(s, l.CreateFunction, lambda.CreateFunctionInput{FunctionName: aws.String("hook"), Role: aws.String(roleARN("aws", motoAccount, "hook")), Runtime: lambdatypes.RuntimePython312, Handler: aws.String("main.f"),
		Code: &lambdatypes.FunctionCode{ZipFile: code.Bytes()}, Environment: &lambdatypes.Environment{Variables: map[string]string{"DB_PASSWORD": lambdaPassword}}})
	write(s, l.AddPermission, lambda.AddPermissionInput{FunctionName: aws.String("hook"), StatementId: aws.String("all"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("*")})
	write(s, ecr.NewFromConfig(s.aws).CreateRepository, ecr.CreateRepositoryInput{RepositoryName: aws.String("app")})
	write(s, secretsClient(s.aws).CreateSecret, secretsmanager.CreateSecretInput{Name: aws.String("db"), SecretString: aws.String("plantedInTheSeed")})
}

// directory makes a group, and a permission set that is assigned to it.
func (s seed) directory() {
	s.t.Helper()
	c := ssoClient(s.aws)
	instance := write(s, c.ListInstances, ssoadmin.ListInstancesInput{}).Instances[0]
	group := write(s, identityStoreClient(s.aws).CreateGroup, identitystore.CreateGroupInput{IdentityStoreId: instance.IdentityStoreId, DisplayName: aws.String("staff")})
	// moto makes it, and answers with a date that the SDK cannot read.
	if _, err := c.CreatePermissionSet(s.t.Context(), &ssoadmin.CreatePermissionSetInput{InstanceArn: instance.InstanceArn, Name: aws.String("admin")}); err == nil {
		s.t.Error("moto's answer to CreatePermissionSet can be read now")
	}
	sets := write(s, c.ListPermissionSets, ssoadmin.ListPermissionSetsInput{InstanceArn: instance.InstanceArn})
	write(s, c.CreateAccountAssignment, ssoadmin.CreateAccountAssignmentInput{InstanceArn: instance.InstanceArn, PermissionSetArn: &sets.PermissionSets[0],
		PrincipalId: group.GroupId, PrincipalType: ssotypes.PrincipalTypeGroup, TargetId: aws.String(motoAccount), TargetType: ssotypes.TargetTypeAwsAccount})
}

// plans makes a backup plan that selects nothing.
func (s seed) plans() {
	s.t.Helper()
	c := backupClient(s.aws)
	write(s, c.CreateBackupVault, backup.CreateBackupVaultInput{BackupVaultName: aws.String("main")})
	write(s, c.CreateBackupPlan, backup.CreateBackupPlanInput{BackupPlan: &backuptypes.BackupPlanInput{BackupPlanName: aws.String("daily"),
		Rules: []backuptypes.BackupRuleInput{{RuleName: aws.String("all"), TargetBackupVaultName: aws.String("main")}}}})
}

// held is what no exchange may hold: the seeds planted it.
func held(t *testing.T, all snapshots, secrets ...string) {
	t.Helper()
	for st, s := range all {
		for _, x := range s.Exchanges {
			for _, secret := range secrets {
				if strings.Contains(x.Body+x.Request, secret) {
					t.Errorf("%s: a planted secret is in an exchange of %s", st, x.Call)
				}
			}
		}
	}
}
