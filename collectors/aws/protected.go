package aws

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/evidenced/evidenced/collectors"
)

// lookedFor are the calls that say whether a resource still exists. They are those of
// the kinds of these resources, and are made once for both.
var lookedFor = []call{
	{name: "rds:DescribeDBInstances", why: "database instances"}, {name: "rds:DescribeDBClusters", why: "database clusters"},
	{name: "dynamodb:ListTables", why: "tables"}, {name: "ec2:DescribeVolumes", why: "volumes"}, {name: "ec2:DescribeInstances", why: "instances"},
}

// quietAfter is how long after its last backup a resource is looked for: AWS Backup keeps
// listing what is gone for as long as it has a backup of it.
const quietAfter = 7 * 24 * time.Hour

// collectProtected emits what AWS Backup has backups of.
func collectProtected(ctx context.Context, p *regionReader) error {
	all, err := shared(ctx, p, "protected resources", listProtected)
	errs := []error{err}
	for _, r := range all {
		a := collectors.Attributes{}
		a.Text("type", r.ResourceType)
		a.Time("last_backup_at", r.LastBackupTime)
		if r.LastBackupTime == nil || p.env.Now().Sub(*r.LastBackupTime) > quietAfter {
			p.addExistence(ctx, aws.ToString(r.ResourceType), aws.ToString(r.ResourceArn), a)
		}
		errs = append(errs, p.emit(aws.ToString(r.ResourceArn), aws.ToString(r.ResourceName), a))
	}
	return first(errs)
}

// addExistence says whether a resource still exists, if its type is one that is listed.
func (p *regionReader) addExistence(ctx context.Context, kind, id string, a collectors.Attributes) {
	read := existing[kind]
	if read == nil {
		return
	}
	there, err := read(ctx, p)
	if p.note("existing-resources", err); err == nil {
		a["exists"] = there[id]
	}
}

// existing list the ARNs of the resources of a region, by the type that AWS Backup calls them.
// https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ProtectedResource.html
var existing = map[string]func(context.Context, *regionReader) (map[string]bool, error){
	"RDS": func(ctx context.Context, p *regionReader) (map[string]bool, error) {
		all, err := shared(ctx, p, "databases", listDatabases)
		return idsOf(all, func(d rdstypes.DBInstance) string { return aws.ToString(d.DBInstanceArn) }), err
	},
	"Aurora": existingClusters, "Neptune": existingClusters, "DocumentDB": existingClusters,
	"DynamoDB": func(ctx context.Context, p *regionReader) (map[string]bool, error) {
		all, err := shared(ctx, p, "tables", listTables)
		return idsOf(all, func(name string) string { return p.arn("dynamodb", "table/"+name) }), err
	},
	"EBS": func(ctx context.Context, p *regionReader) (map[string]bool, error) {
		all, err := shared(ctx, p, "volumes", listVolumes)
		return idsOf(all, func(v ec2types.Volume) string { return p.arn("ec2", "volume/"+aws.ToString(v.VolumeId)) }), err
	},
	"EC2": func(ctx context.Context, p *regionReader) (map[string]bool, error) {
		all, err := shared(ctx, p, "instances", listInstances)
		return idsOf(all, func(i ec2types.Instance) string {
			if i.State != nil && i.State.Name == ec2types.InstanceStateNameTerminated {
				return ""
			}
			return p.arn("ec2", "instance/"+aws.ToString(i.InstanceId))
		}), err
	},
}

func existingClusters(ctx context.Context, p *regionReader) (map[string]bool, error) {
	all, err := shared(ctx, p, "database clusters", listClusters)
	return idsOf(all, func(d rdstypes.DBCluster) string { return aws.ToString(d.DBClusterArn) }), err
}

func idsOf[T any](all []T, id func(T) string) map[string]bool {
	ids := map[string]bool{}
	for _, x := range all {
		ids[id(x)] = true
	}
	return ids
}
