# The read-only role that evidenced takes in an account, and what its own credential may do.
# Made by: evidenced permissions aws --as terraform

variable "role_name" {
  type        = string
  default     = "EvidencedReadOnly"
  description = "As in role_name of evidenced.yaml."
}

variable "trusted_principal" {
  type        = string
  description = "ARN of the role or user that evidenced runs with."
}

variable "external_id" {
  type        = string
  description = "As in external_id of evidenced.yaml."
}

resource "aws_iam_policy" "evidenced" {
  name   = var.role_name
  policy = jsonencode({
    "Version": "2012-10-17",
    "Statement": [
      {
        "Sid": "AccessAnalyzer",
        "Effect": "Allow",
        "Action": [
          "access-analyzer:ListAnalyzers",
          "access-analyzer:ListFindings"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Acm",
        "Effect": "Allow",
        "Action": [
          "acm:ListCertificates"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Backup",
        "Effect": "Allow",
        "Action": [
          "backup:GetBackupPlan",
          "backup:ListBackupJobs",
          "backup:ListBackupPlans",
          "backup:ListBackupSelections",
          "backup:ListBackupVaults",
          "backup:ListProtectedResources",
          "backup:ListRestoreJobs"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Cloudtrail",
        "Effect": "Allow",
        "Action": [
          "cloudtrail:DescribeTrails",
          "cloudtrail:GetEventSelectors",
          "cloudtrail:GetTrailStatus",
          "cloudtrail:LookupEvents"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Cloudwatch",
        "Effect": "Allow",
        "Action": [
          "cloudwatch:DescribeAlarms"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Config",
        "Effect": "Allow",
        "Action": [
          "config:DescribeConfigurationRecorderStatus",
          "config:DescribeConfigurationRecorders",
          "config:DescribeDeliveryChannelStatus"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Dynamodb",
        "Effect": "Allow",
        "Action": [
          "dynamodb:DescribeContinuousBackups",
          "dynamodb:DescribeTable",
          "dynamodb:ListTables"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Ec2",
        "Effect": "Allow",
        "Action": [
          "ec2:DescribeFlowLogs",
          "ec2:DescribeImages",
          "ec2:DescribeInstances",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeRegions",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSnapshots",
          "ec2:DescribeVolumes",
          "ec2:DescribeVpcs",
          "ec2:GetEbsEncryptionByDefault",
          "ec2:GetInstanceMetadataDefaults",
          "ec2:GetManagedPrefixListEntries",
          "ec2:GetSnapshotBlockPublicAccessState"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Ecr",
        "Effect": "Allow",
        "Action": [
          "ecr:DescribeImages",
          "ecr:DescribeRepositories",
          "ecr:GetRegistryScanningConfiguration"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Elasticloadbalancing",
        "Effect": "Allow",
        "Action": [
          "elasticloadbalancing:DescribeListeners",
          "elasticloadbalancing:DescribeLoadBalancerAttributes",
          "elasticloadbalancing:DescribeLoadBalancers",
          "elasticloadbalancing:DescribeRules"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Guardduty",
        "Effect": "Allow",
        "Action": [
          "guardduty:GetDetector",
          "guardduty:GetFindings",
          "guardduty:ListDetectors",
          "guardduty:ListFindings"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Iam",
        "Effect": "Allow",
        "Action": [
          "iam:GenerateCredentialReport",
          "iam:GetAccountAuthorizationDetails",
          "iam:GetAccountPasswordPolicy",
          "iam:GetAccountSummary",
          "iam:GetCredentialReport",
          "iam:ListVirtualMFADevices"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Identitystore",
        "Effect": "Allow",
        "Action": [
          "identitystore:ListGroupMemberships",
          "identitystore:ListGroups",
          "identitystore:ListUsers"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Inspector2",
        "Effect": "Allow",
        "Action": [
          "inspector2:BatchGetAccountStatus",
          "inspector2:ListFindings"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Kms",
        "Effect": "Allow",
        "Action": [
          "kms:DescribeKey",
          "kms:GetKeyPolicy",
          "kms:GetKeyRotationStatus",
          "kms:ListKeys"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Lambda",
        "Effect": "Allow",
        "Action": [
          "lambda:GetPolicy",
          "lambda:ListFunctions"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Logs",
        "Effect": "Allow",
        "Action": [
          "logs:DescribeLogGroups"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Organizations",
        "Effect": "Allow",
        "Action": [
          "organizations:DescribeOrganization"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Rds",
        "Effect": "Allow",
        "Action": [
          "rds:DescribeDBClusterSnapshotAttributes",
          "rds:DescribeDBClusterSnapshots",
          "rds:DescribeDBClusters",
          "rds:DescribeDBInstances",
          "rds:DescribeDBSnapshotAttributes",
          "rds:DescribeDBSnapshots"
        ],
        "Resource": "*"
      },
      {
        "Sid": "S3",
        "Effect": "Allow",
        "Action": [
          "s3:GetAccountPublicAccessBlock",
          "s3:GetBucketAcl",
          "s3:GetBucketLocation",
          "s3:GetBucketLogging",
          "s3:GetBucketOwnershipControls",
          "s3:GetBucketPolicy",
          "s3:GetBucketPolicyStatus",
          "s3:GetBucketPublicAccessBlock",
          "s3:GetBucketVersioning",
          "s3:GetEncryptionConfiguration",
          "s3:ListAllMyBuckets"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Secretsmanager",
        "Effect": "Allow",
        "Action": [
          "secretsmanager:ListSecrets"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Securityhub",
        "Effect": "Allow",
        "Action": [
          "securityhub:DescribeHub",
          "securityhub:GetEnabledStandards"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Ssm",
        "Effect": "Allow",
        "Action": [
          "ssm:DescribeInstanceInformation",
          "ssm:DescribeInstancePatchStates"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Sso",
        "Effect": "Allow",
        "Action": [
          "sso:DescribePermissionSet",
          "sso:GetInlinePolicyForPermissionSet",
          "sso:ListAccountAssignments",
          "sso:ListAccountsForProvisionedPermissionSet",
          "sso:ListCustomerManagedPolicyReferencesInPermissionSet",
          "sso:ListInstances",
          "sso:ListManagedPoliciesInPermissionSet",
          "sso:ListPermissionSets"
        ],
        "Resource": "*"
      }
    ]
  })
}

resource "aws_iam_role" "evidenced" {
  name = var.role_name
  assume_role_policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [{
      "Effect" : "Allow",
      "Principal" : { "AWS" : var.trusted_principal },
      "Action" : "sts:AssumeRole",
      "Condition" : { "StringEquals" : { "sts:ExternalId" : var.external_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "evidenced" {
  role       = aws_iam_role.evidenced.name
  policy_arn = aws_iam_policy.evidenced.arn
}

# For the credential that evidenced runs with: give it this policy.
output "base_policy" {
  value = jsonencode({
    "Version": "2012-10-17",
    "Statement": [
      {
        "Sid": "Organizations",
        "Effect": "Allow",
        "Action": [
          "organizations:ListAccounts"
        ],
        "Resource": "*"
      },
      {
        "Sid": "Sts",
        "Effect": "Allow",
        "Action": [
          "sts:AssumeRole"
        ],
        "Resource": "arn:aws:iam::*:role/${var.role_name}"
      }
    ]
  })
}
