//go:build unix

package aws

// rightAnswers are the verdicts that an expert on AWS signs, by case and test.
var rightAnswers = map[string]map[string]string{
	"01-root-removed-centrally":         {"aws.iam.root-mfa": "not_applicable"},
	"02-admin-by-notresource":           {"aws.iam.no-star-star": "fail"},
	"05-github-oidc-no-sub":             {"aws.iam.role-trust": "fail"},
	"06-trust-world-empty-condition":    {"aws.iam.role-trust": "fail"},
	"09-password-policy-no-users":       {"aws.iam.password-policy": "not_applicable"},
	"10-lambda-url-auth-none":           {"aws.lambda.private": "fail"},
	"13-lambda-source-account-right":    {"aws.lambda.private": "pass"},
	"14-s3-public-acl-ignored":          {"aws.s3.policy-private": "pass", "aws.s3.public-block": "pass"},
	"16-s3-tls-one-prefix":              {"aws.s3.tls-only": "fail"},
	"18-s3-account-block-right":         {"aws.s3.public-block": "pass", "aws.s3.policy-private": "pass"},
	"19-ebs-snapshot-block-all-sharing": {"aws.ebs.snapshot-private": "pass"},
	"20-sg-split-world":                 {"aws.sg.no-world-admin": "fail"},
	"22-sg-databases-to-world":          {"aws.sg.no-world-admin": "fail"},
	"23-sg-ipv6-and-all-right":          {"aws.sg.no-world-admin": "fail"},
	"24-vpc-shared-by-other-account":    {"aws.vpc.flow-logs": "not_applicable"},
	"26-loggroup-delivery-class":        {"aws.loggroup.retention-365": "not_applicable"},
	"27-config-delivery-fails":          {"aws.config.recorder": "fail"},
	"29-config-pending":                 {"aws.config.recorder": "unknown"},
	"30-trail-data-events-idle":         {"aws.cloudtrail.logging": "pass"},
	"31-trail-of-organization-member":   {"aws.cloudtrail.multi-region": "pass", "aws.cloudtrail.logging": "pass"},
	"32-trail-two-selectors":            {"aws.cloudtrail.management-events": "pass"},
	"33-analyzer-of-organization":       {"aws.accessanalyzer.enabled": "pass"},
	"36-ecr-image-index":                {"aws.ecr.newest-clean": "fail"},
	"37-ecr-enhanced-filter":            {"aws.ecr.scanned": "fail"},
	"39-ssm-reboot-pending-and-stale":   {"aws.ssm.patched": "fail"},
	"40-rds-stopped":                    {"aws.rds.backup": "pass"},
	"41-rds-aurora-member-right":        {"aws.rds.backup": "not_applicable"},
	"42-backup-of-deleted-resource":     {"aws.backup.protected": "not_applicable"},
	"44-nlb-old-tls":                    {"aws.elb.https": "fail"},
	"45-alb-rule-forwards-http":         {"aws.elb.https": "fail"},
	"47-alb-new-tls-names-right":        {"aws.elb.https": "pass"},
	"49-regions-list-without-us-east-1": {"aws.login.mfa": "fail"},
	"49b-regions-list-with-us-east-1":   {"aws.login.mfa": "fail"},
	"53-kms-aws-managed-right":          {"aws.kms.rotation": "not_applicable"},
	"53-kms-imported-right":             {"aws.kms.rotation": "not_applicable"},
	"53-kms-pending-deletion-right":     {"aws.kms.rotation": "not_applicable"},
	"53-kms-replica-right":              {"aws.kms.rotation": "not_applicable"},
	"55-credential-report":              {"aws.iam.user-console-mfa": "pass", "aws.iam.unused-creds-90": "fail", "aws.iam.key-age-90": "pass"},
	"57-iam-full-access":                {"aws.iam.user-without-admin": "fail"},
	"59-trail-excludes-nothing-but-kms": {"aws.cloudtrail.management-events": "fail"},
}

// unjudged are the cases without a verdict to compare, and why.
var unjudged = map[string]string{
	"04-admin-by-group-and-inline-role":     "administrators are a count, and no test counts those of groups and roles yet",
	"08-trust-other-account-no-external-id": "a trust of another account without an external ID needs a test of its own",
	"34-guardduty-admin-sees-members":       "the finding must be counted once, in the member: a question of several accounts",
	"51-scp-region-deny":                    "a region that a policy of the organization denies is not told from one whose reading is denied",
	"54-kms-open-policy":                    "no test judges policy_world of a key yet",
	"56-identity-center-admins":             "administrators of Identity Center are not judged yet",
	"61-ec2-not-managed":                    "no test joins machines with those that Systems Manager manages",
}

// stillWrong are the cases whose verdict is known to be wrong.
var stillWrong = []string{
	"09-password-policy-no-users",
	"19-ebs-snapshot-block-all-sharing",
	"29-config-pending",
	"30-trail-data-events-idle",
	"31-trail-of-organization-member",
	"33-analyzer-of-organization",
	"36-ecr-image-index",
	"37-ecr-enhanced-filter",
	"39-ssm-reboot-pending-and-stale",
	"40-rds-stopped",
	"42-backup-of-deleted-resource",
	"45-alb-rule-forwards-http",
	"49-regions-list-without-us-east-1",
}
