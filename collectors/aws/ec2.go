package aws

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const (
	kindCompute  evidence.Kind = "aws.ec2.region"
	kindInstance evidence.Kind = "aws.ec2.instance"
	kindVolume   evidence.Kind = "aws.ec2.volume"
	kindSnapshot evidence.Kind = "aws.ec2.snapshot"
	kindImage    evidence.Kind = "aws.ec2.image"
)

func computeKinds() []kind {
	snapshotSharing := call{name: "ec2:GetSnapshotBlockPublicAccessState", why: "whether snapshots may be public"}
	return []kind{
		{state(kindCompute, "What a region does by default: encryption of volumes, sharing of snapshots, instance metadata."), []call{
			{name: "ec2:GetEbsEncryptionByDefault", why: "whether new volumes are encrypted"},
			snapshotSharing,
			{name: "ec2:GetInstanceMetadataDefaults", why: "whether new instances demand IMDSv2"},
			{name: "ec2:DescribeVolumes", why: "volumes"},
		}, inRegions(collectCompute)},
		{state(kindInstance, "An instance: metadata service, address, profile."), []call{{name: "ec2:DescribeInstances", why: "instances"}, managedMachines}, inRegions(collectInstances)},
		{state(kindVolume, "An EBS volume and its encryption."), []call{{name: "ec2:DescribeVolumes", why: "volumes"}}, inRegions(collectVolumes)},
		{state(kindSnapshot, "An EBS snapshot of the account's own: encryption, and whether anyone may restore it."), []call{{name: "ec2:DescribeSnapshots", why: "snapshots, and which are public"}, snapshotSharing}, inRegions(collectSnapshots)},
		{state(kindImage, "A machine image of the account's own, and whether it is public."), []call{{name: "ec2:DescribeImages", why: "machine images"}}, inRegions(collectImages)},
	}
}

// perPage is what the EC2 calls are asked for; without it some give everything
// in one answer, and time out.
const perPage = 500

// collectCompute emits the settings of a region. One that cannot be read is
// left out, and makes the region a part that was not read whole.
func collectCompute(ctx context.Context, p *regionReader) error {
	a := collectors.Attributes{}
	errs := []error{p.addEncryption(ctx, a), p.addSharing(ctx, a), p.addMetadata(ctx, a)}
	if errors.Is(errs[0], collectors.ErrExcluded) {
		return errs[0]
	}
	return first(append(errs, p.emit(p.region, p.region, a)))
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetEbsEncryptionByDefault.html
func (p *regionReader) addEncryption(ctx context.Context, a collectors.Attributes) error {
	resp, err := ec2Client(p.aws).GetEbsEncryptionByDefault(ctx, &ec2.GetEbsEncryptionByDefaultInput{})
	switch {
	case err != nil:
		return p.markIncomplete("ebs-encryption", err)
	case resp.EbsEncryptionByDefault == nil:
		return p.markIncomplete("ebs-encryption", collectors.Incomplete("ec2:GetEbsEncryptionByDefault says nothing"))
	}
	p.out.Page()
	a.Bool("ebs_encryption_by_default", resp.EbsEncryptionByDefault)
	if !*resp.EbsEncryptionByDefault { // which matters where there are volumes
		all, err := shared(ctx, p, "volumes", listVolumes)
		if p.note("volumes", err); err == nil {
			a["volumes"] = int64(len(all))
		}
	}
	return nil
}

func (p *regionReader) addSharing(ctx context.Context, a collectors.Attributes) error {
	state, err := shared(ctx, p, "snapshot sharing", readSharing)
	if err != nil {
		return p.markIncomplete("snapshot-sharing", err)
	}
	word(a, "snapshot_block_public_access", state)
	return nil
}

// readSharing returns whether snapshots may be shared with everyone. Where all sharing
// is blocked, those that were shared before are not public either; where only new
// sharing is, they are.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetSnapshotBlockPublicAccessState.html
func readSharing(ctx context.Context, p *regionReader) (types.SnapshotBlockPublicAccessState, error) {
	resp, err := ec2Client(p.aws).GetSnapshotBlockPublicAccessState(ctx, &ec2.GetSnapshotBlockPublicAccessStateInput{})
	switch {
	case err != nil:
		return "", classify(err)
	case resp.State == "":
		return "", collectors.Incomplete("ec2:GetSnapshotBlockPublicAccessState says nothing")
	}
	p.out.Page()
	return resp.State, nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetInstanceMetadataDefaults.html
func (p *regionReader) addMetadata(ctx context.Context, a collectors.Attributes) error {
	resp, err := ec2Client(p.aws).GetInstanceMetadataDefaults(ctx, &ec2.GetInstanceMetadataDefaultsInput{})
	switch {
	case err != nil:
		return p.markIncomplete("metadata-defaults", err)
	case resp.AccountLevel == nil:
		return p.markIncomplete("metadata-defaults", collectors.Incomplete("ec2:GetInstanceMetadataDefaults says nothing"))
	}
	p.out.Page()
	a["imds_tokens"] = "no-preference" // an account without a default states none
	word(a, "imds_tokens", resp.AccountLevel.HttpTokens)
	return nil
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
func listInstances(ctx context.Context, p *regionReader) (all []types.Instance, err error) {
	client := ec2Client(p.aws)
	err = rows(ctx, p.out, func(ctx context.Context, token *string) ([]types.Reservation, *string, error) {
		page, err := client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{NextToken: token, MaxResults: aws.Int32(perPage)})
		if err != nil {
			return nil, nil, err
		}
		return page.Reservations, page.NextToken, nil
	}, func(r types.Reservation) error {
		all = append(all, r.Instances...)
		return nil
	})
	return all, err
}

// collectInstances joins the instances with those that Systems Manager manages.
func collectInstances(ctx context.Context, p *regionReader) error {
	all, err := shared(ctx, p, "instances", listInstances)
	if err != nil || len(all) == 0 {
		return err
	}
	managed, unread := p.managed(ctx)
	p.note("managed-instances", unread)
	var errs []error
	for _, i := range all {
		errs = append(errs, p.emitInstance(i, managed))
	}
	return first(errs)
}

// emitInstance emits an instance; managed are the states of those that Systems
// Manager has, nil if it could not be asked.
func (p *regionReader) emitInstance(i types.Instance, managed map[string]string) error {
	a := collectors.Attributes{}
	if managed != nil {
		ping, present := managed[aws.ToString(i.InstanceId)]
		a["managed"] = present
		word(a, "ping", ping)
	}
	if i.Operator != nil {
		a.Bool("operated_by_aws", i.Operator.Managed) // as by EKS Auto Mode
	}
	if i.State != nil {
		word(a, "state", i.State.Name)
	}
	if m := i.MetadataOptions; m != nil {
		word(a, "imds_tokens", m.HttpTokens)
		word(a, "imds_endpoint", m.HttpEndpoint)
	}
	if i.IamInstanceProfile != nil {
		a.Text("profile", i.IamInstanceProfile.Arn)
	}
	a.Text("public_ip", i.PublicIpAddress)
	a.Text("vpc_id", i.VpcId)
	a.Text("image_id", i.ImageId)
	a.Text("platform", i.PlatformDetails)
	a.Time("launched_at", i.LaunchTime)
	a.Set("security_groups", groupIDs(i.SecurityGroups))
	id := aws.ToString(i.InstanceId)
	if id == "" {
		return p.emit("", "", nil)
	}
	return p.emit(p.arn("ec2", "instance/"+id), named(i.Tags, id), a)
}

func groupIDs(groups []types.GroupIdentifier) (ids []string) {
	for _, g := range groups {
		ids = append(ids, aws.ToString(g.GroupId))
	}
	return ids
}

// named returns the tag Name, or the id.
func named(tags []types.Tag, id string) string {
	for _, t := range tags {
		if aws.ToString(t.Key) == "Name" && aws.ToString(t.Value) != "" {
			return *t.Value
		}
	}
	return id
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html
func listVolumes(ctx context.Context, p *regionReader) ([]types.Volume, error) {
	client := ec2Client(p.aws)
	return list(ctx, p.out, func(ctx context.Context, token *string) ([]types.Volume, *string, error) {
		page, err := client.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{NextToken: token, MaxResults: aws.Int32(perPage)})
		if err != nil {
			return nil, nil, err
		}
		return page.Volumes, page.NextToken, nil
	})
}

func collectVolumes(ctx context.Context, p *regionReader) error {
	all, err := shared(ctx, p, "volumes", listVolumes)
	errs := []error{err}
	for _, v := range all {
		id := aws.ToString(v.VolumeId)
		if id == "" {
			errs = append(errs, p.emit("", "", nil))
			continue
		}
		a := collectors.Attributes{}
		a.Bool("encrypted", v.Encrypted)
		a.Text("kms_key_id", v.KmsKeyId)
		word(a, "state", v.State)
		count(a, "size_gib", v.Size)
		a.Time("created_at", v.CreateTime)
		var attached []string
		for _, at := range v.Attachments {
			attached = append(attached, aws.ToString(at.InstanceId))
		}
		a.Set("attached_to", attached)
		errs = append(errs, p.emit(p.arn("ec2", "volume/"+id), named(v.Tags, id), a))
	}
	return first(errs)
}

// collectSnapshots lists the account's own snapshots, and those of them that
// anyone may restore: two listings, where one question per snapshot would be
// thousands.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshots.html
func collectSnapshots(ctx context.Context, p *regionReader) error {
	open, err := p.snapshots(ctx, "all")
	if err != nil {
		return err
	}
	public := map[string]bool{}
	for _, s := range open {
		public[aws.ToString(s.SnapshotId)] = true
	}
	own, err := p.snapshots(ctx, "")
	if err != nil {
		return err
	}
	var sharing types.SnapshotBlockPublicAccessState
	var unread error
	if len(open) > 0 {
		sharing, unread = shared(ctx, p, "snapshot sharing", readSharing)
	}
	p.note("snapshot-sharing", unread)
	var errs []error
	for _, s := range own {
		errs = append(errs, p.emitSnapshot(s, public, sharing))
	}
	return first(errs)
}

// snapshots lists the account's own snapshots, all of them or those that restorableBy may restore.
func (p *regionReader) snapshots(ctx context.Context, restorableBy string) ([]types.Snapshot, error) {
	client := ec2Client(p.aws)
	return list(ctx, p.out, func(ctx context.Context, token *string) ([]types.Snapshot, *string, error) {
		in := &ec2.DescribeSnapshotsInput{NextToken: token, MaxResults: aws.Int32(perPage), OwnerIds: []string{"self"}}
		if restorableBy != "" {
			in.RestorableByUserIds = []string{restorableBy}
		}
		page, err := client.DescribeSnapshots(ctx, in)
		if err != nil {
			return nil, nil, err
		}
		return page.Snapshots, page.NextToken, nil
	})
}

func (p *regionReader) emitSnapshot(s types.Snapshot, public map[string]bool, sharing types.SnapshotBlockPublicAccessState) error {
	id := aws.ToString(s.SnapshotId)
	if id == "" {
		return p.emit("", "", nil)
	}
	a := collectors.Attributes{"public": public[id]}
	if public[id] {
		word(a, "block_public_access", sharing)
	}
	a.Bool("encrypted", s.Encrypted)
	a.Text("kms_key_id", s.KmsKeyId)
	a.Text("volume_id", s.VolumeId)
	word(a, "state", s.State)
	a.Time("created_at", s.StartTime)
	return p.emit(p.arn("ec2", "snapshot/"+id), named(s.Tags, id), a)
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html
func collectImages(ctx context.Context, p *regionReader) error {
	client := ec2Client(p.aws)
	return rows(ctx, p.out, func(ctx context.Context, token *string) ([]types.Image, *string, error) {
		page, err := client.DescribeImages(ctx, &ec2.DescribeImagesInput{NextToken: token, MaxResults: aws.Int32(perPage), Owners: []string{"self"}})
		if err != nil {
			return nil, nil, err
		}
		return page.Images, page.NextToken, nil
	}, func(i types.Image) error {
		id := aws.ToString(i.ImageId)
		if id == "" {
			return p.emit("", "", nil)
		}
		a := collectors.Attributes{}
		a.Bool("public", i.Public)
		word(a, "state", i.State)
		a.Text("created_at", i.CreationDate)
		return p.emit(p.arn("ec2", "image/"+id), aws.ToString(i.Name), a)
	})
}
