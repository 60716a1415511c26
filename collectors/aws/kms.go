package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const kindKey evidence.Kind = "aws.kms.key"

func keyKinds() []kind {
	return []kind{{state(kindKey, "A KMS key: who manages it, whether it rotates, whom its policy lets in."), []call{
		{name: "kms:ListKeys", why: "keys"},
		{name: "kms:DescribeKey", why: "manager, state and origin of a key"},
		{name: "kms:GetKeyRotationStatus", why: "whether a key rotates"},
		{name: "kms:GetKeyPolicy", why: "whom a key's policy lets in"},
	}, inRegions(collectKeys)}}
}

// collectKeys lists the keys and reads each one. The policy of a key may shut
// us out of that key alone: it is then a part that was not read.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html
func collectKeys(ctx context.Context, p *regionReader) error {
	client := kmsClient(p.aws)
	all, err := list(ctx, p.out, func(ctx context.Context, token *string) ([]types.KeyListEntry, *string, error) {
		page, err := client.ListKeys(ctx, &kms.ListKeysInput{Marker: token, Limit: aws.Int32(1000)})
		if err != nil {
			return nil, nil, err
		}
		if page.Truncated && aws.ToString(page.NextMarker) == "" {
			return nil, nil, collectors.Incomplete("kms:ListKeys is cut, and names no next page")
		}
		return page.Keys, page.NextMarker, nil
	})
	return first(append(eachOf(ctx, all, p.collectKey), err))
}

// https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html
func (p *regionReader) collectKey(ctx context.Context, k types.KeyListEntry) error {
	id, a := aws.ToString(k.KeyId), collectors.Attributes{}
	resp, err := kmsClient(p.aws).DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: k.KeyId})
	if err == nil && (resp.KeyMetadata == nil || resp.KeyMetadata.KeyManager == "") {
		err = collectors.Incomplete("kms:DescribeKey says nothing of the key %s", id)
	}
	if err != nil {
		return first([]error{p.markIncomplete("key/"+id, err), p.emit(aws.ToString(k.KeyArn), id, a)})
	}
	p.out.Page()
	m := resp.KeyMetadata
	describeKey(m, a)
	errs := []error{}
	if m.KeyManager == types.KeyManagerTypeCustomer {
		errs = append(errs, p.addRotation(ctx, m, a), p.addKeyPolicy(ctx, m, a))
	}
	return first(append(errs, p.emit(aws.ToString(k.KeyArn), id, a)))
}

func describeKey(m *types.KeyMetadata, a collectors.Attributes) {
	word(a, "manager", m.KeyManager)
	word(a, "state", m.KeyState)
	word(a, "spec", m.KeySpec)
	word(a, "usage", m.KeyUsage)
	word(a, "origin", m.Origin)
	a.Text("description", m.Description)
	a.Time("created_at", m.CreationDate)
	a.Time("deletion_at", m.DeletionDate)
	if m.MultiRegionConfiguration != nil {
		word(a, "multi_region", m.MultiRegionConfiguration.MultiRegionKeyType)
	}
	// Only such a key can rotate by itself; a replica follows its primary.
	a["can_rotate"] = m.KeySpec == types.KeySpecSymmetricDefault && m.Origin == types.OriginTypeAwsKms && m.KeyState == types.KeyStateEnabled && a["multi_region"] != "REPLICA"
}

// addRotation asks only where there is an answer: a key that waits to be
// deleted says "no", whatever was set.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html
func (p *regionReader) addRotation(ctx context.Context, m *types.KeyMetadata, a collectors.Attributes) error {
	if a["can_rotate"] != true {
		return nil
	}
	resp, err := kmsClient(p.aws).GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: m.KeyId})
	if err != nil {
		return p.markIncomplete("key/"+aws.ToString(m.KeyId), err)
	}
	p.out.Page()
	a["rotation"] = resp.KeyRotationEnabled
	count(a, "rotation_days", resp.RotationPeriodInDays)
	return nil
}

// https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html
func (p *regionReader) addKeyPolicy(ctx context.Context, m *types.KeyMetadata, a collectors.Attributes) error {
	resp, err := kmsClient(p.aws).GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: m.KeyId, PolicyName: aws.String("default")})
	if err != nil {
		return p.markIncomplete("key/"+aws.ToString(m.KeyId), err)
	}
	p.out.Page()
	doc, err := parsePolicy(aws.ToString(resp.Policy))
	if err != nil {
		return p.markIncomplete("key/"+aws.ToString(m.KeyId), err)
	}
	addAccess(doc, a)
	return nil
}
