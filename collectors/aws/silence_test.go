package aws

import (
	"errors"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// TestSilenceIsUnknown: an answer in the right form that does not say what was
// asked leaves it unsaid, and the kind unread. It is never "no".
func TestSilenceIsUnknown(t *testing.T) {
	s3 := func(root string) []reply {
		return []reply{ok(`<` + root + ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>`)}
	}
	for call, tt := range map[string]struct {
		kind      evidence.Kind
		attribute string
		answer    []reply
	}{
		"s3:GetBucketPolicyStatus data":              {kindBucket, "policy_public", s3("PolicyStatus")},
		"s3:GetBucketOwnershipControls data":         {kindBucket, "acl_public", s3("OwnershipControls")},
		"ec2:GetEbsEncryptionByDefault":              {kindCompute, "ebs_encryption_by_default", ec2Answer("GetEbsEncryptionByDefault", "")},
		"ec2:GetSnapshotBlockPublicAccessState":      {kindCompute, "snapshot_block_public_access", ec2Answer("GetSnapshotBlockPublicAccessState", "")},
		"ec2:GetInstanceMetadataDefaults":            {kindCompute, "imds_tokens", ec2Answer("GetInstanceMetadataDefaults", "")},
		"kms:DescribeKey":                            {kindKey, "can_rotate", js(`{}`)},
		"guardduty:GetDetector":                      {kindDetector, "enabled", js(`{}`)},
		"inspector2:BatchGetAccountStatus":           {kindInspector, "status", js(`{"accounts":[]}`)},
		"ecr:GetRegistryScanningConfiguration":       {kindRepository, "registry_scan", js(`{}`)},
		"cloudtrail:GetEventSelectors":               {kindTrail, "all_management_events", js(`{}`)},
		"cloudtrail:GetTrailStatus":                  {kindTrail, "is_logging", js(`{}`)},
		"config:DescribeConfigurationRecorderStatus": {kindRecorder, "recording", js(`{}`)},
		"iam:GetAccountSummary":                      {kindIAMAccount, "root_mfa", query("GetAccountSummary", `<SummaryMap/>`)},
		"sso:DescribePermissionSet":                  {kindPermissionSet, "session_duration", js(`{}`)},
	} {
		t.Run(call, func(t *testing.T) {
			f := wholeOrganization(t)
			operation, bucket, one := strings.Cut(call, " ")
			for key := range f.replies {
				if !one && strings.HasPrefix(key, operation+" ") {
					delete(f.replies, key) // more exact, and so before ours
				}
			}
			f.replies[call] = tt.answer
			s := newRig(t, f.replies).capture(t, own, tt.kind)
			if !errors.Is(s.Err, collectors.ErrIncomplete) || s.Certificate.Complete {
				t.Errorf("complete %v, error %v", s.Certificate.Complete, s.Err)
			}
			for _, r := range s.Records {
				if v, present := r.Attributes[tt.attribute]; present && (!one || r.Name == bucket) {
					t.Errorf("%s says %s: %v", r.ID, tt.attribute, v)
				}
			}
		})
	}
}
