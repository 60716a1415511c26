package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const (
	kindDatabase        evidence.Kind = "aws.rds.instance"
	kindCluster         evidence.Kind = "aws.rds.cluster"
	kindDBSnapshot      evidence.Kind = "aws.rds.snapshot"
	kindClusterSnapshot evidence.Kind = "aws.rds.cluster_snapshot"
)

func databaseKinds() []kind {
	return []kind{
		{state(kindDatabase, "A database instance: encryption, reach, backups.", "latest_restorable_at"),
			[]call{{name: "rds:DescribeDBInstances", why: "database instances"}, protectedResources}, inRegions(collectDatabases)},
		{state(kindCluster, "A database cluster: encryption, backups. Of Aurora they are the cluster's, not the instance's.", "latest_restorable_at"),
			[]call{{name: "rds:DescribeDBClusters", why: "database clusters"}, protectedResources}, inRegions(collectClusters)},
		{state(kindDBSnapshot, "A manual snapshot of a database instance, and who may restore it."), []call{
			{name: "rds:DescribeDBSnapshots", why: "manual snapshots of instances"},
			{name: "rds:DescribeDBSnapshotAttributes", why: "who may restore a snapshot"},
		}, inRegions(collectDBSnapshots)},
		{state(kindClusterSnapshot, "A manual snapshot of a database cluster, and who may restore it."), []call{
			{name: "rds:DescribeDBClusterSnapshots", why: "manual snapshots of clusters"},
			{name: "rds:DescribeDBClusterSnapshotAttributes", why: "who may restore a cluster's snapshot"},
		}, inRegions(collectClusterSnapshots)},
	}
}

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstances.html
func listDatabases(ctx context.Context, p *regionReader) ([]types.DBInstance, error) {
	client := rdsClient(p.aws)
	return list(ctx, p.out, func(ctx context.Context, token *string) ([]types.DBInstance, *string, error) {
		page, err := client.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{Marker: token, MaxRecords: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.DBInstances, page.Marker, nil
	})
}

// keepDays is how long backups are to be kept. Where a database keeps its own for a
// shorter time, AWS Backup may do it instead, and is asked.
const keepDays = 7

func collectDatabases(ctx context.Context, p *regionReader) error {
	all, err := shared(ctx, p, "databases", listDatabases)
	errs := []error{err}
	for _, d := range all {
		a := collectors.Attributes{}
		if aws.ToInt32(d.BackupRetentionPeriod) < keepDays && d.DBClusterIdentifier == nil {
			p.addBackup(ctx, aws.ToString(d.DBInstanceArn), a)
		}
		a.Text("engine", d.Engine)
		a.Text("engine_version", d.EngineVersion)
		a.Text("status", d.DBInstanceStatus)
		a.Bool("encrypted", d.StorageEncrypted)
		a.Text("kms_key_id", d.KmsKeyId)
		a.Bool("public", d.PubliclyAccessible)
		a.Bool("multi_az", d.MultiAZ)
		a.Bool("deletion_protection", d.DeletionProtection)
		a.Bool("auto_minor_upgrade", d.AutoMinorVersionUpgrade)
		a.Bool("iam_authentication", d.IAMDatabaseAuthenticationEnabled)
		a.Text("cluster", d.DBClusterIdentifier)
		a.Text("replica_of", d.ReadReplicaSourceDBInstanceIdentifier)
		count(a, "backup_retention_days", d.BackupRetentionPeriod)
		a.Time("latest_restorable_at", d.LatestRestorableTime)
		a.Time("created_at", d.InstanceCreateTime)
		a.Set("exported_logs", d.EnabledCloudwatchLogsExports)
		errs = append(errs, p.emit(aws.ToString(d.DBInstanceArn), aws.ToString(d.DBInstanceIdentifier), a))
	}
	return first(errs)
}

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBClusters.html
func listClusters(ctx context.Context, p *regionReader) ([]types.DBCluster, error) {
	client := rdsClient(p.aws)
	return list(ctx, p.out, func(ctx context.Context, token *string) ([]types.DBCluster, *string, error) {
		page, err := client.DescribeDBClusters(ctx, &rds.DescribeDBClustersInput{Marker: token, MaxRecords: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.DBClusters, page.Marker, nil
	})
}

func collectClusters(ctx context.Context, p *regionReader) error {
	all, err := shared(ctx, p, "database clusters", listClusters)
	errs := []error{err}
	for _, d := range all {
		a := collectors.Attributes{}
		if aws.ToInt32(d.BackupRetentionPeriod) < keepDays {
			p.addBackup(ctx, aws.ToString(d.DBClusterArn), a)
		}
		a.Text("engine", d.Engine)
		a.Text("status", d.Status)
		a.Bool("encrypted", d.StorageEncrypted)
		a.Text("kms_key_id", d.KmsKeyId)
		a.Bool("multi_az", d.MultiAZ)
		a.Bool("deletion_protection", d.DeletionProtection)
		count(a, "backup_retention_days", d.BackupRetentionPeriod)
		a.Time("latest_restorable_at", d.LatestRestorableTime)
		a.Time("created_at", d.ClusterCreateTime)
		a.Set("exported_logs", d.EnabledCloudwatchLogsExports)
		errs = append(errs, p.emit(aws.ToString(d.DBClusterArn), aws.ToString(d.DBClusterIdentifier), a))
	}
	return first(errs)
}

// manual: the automated snapshots cannot be shared.
const manual = "manual"

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBSnapshots.html
func collectDBSnapshots(ctx context.Context, p *regionReader) error {
	client := rdsClient(p.aws)
	p.out.Filter("SnapshotType", manual)
	all, err := list(ctx, p.out, func(ctx context.Context, token *string) ([]types.DBSnapshot, *string, error) {
		page, err := client.DescribeDBSnapshots(ctx, &rds.DescribeDBSnapshotsInput{Marker: token, MaxRecords: aws.Int32(100), SnapshotType: aws.String(manual)})
		if err != nil {
			return nil, nil, err
		}
		return page.DBSnapshots, page.Marker, nil
	})
	return first(append(eachOf(ctx, all, func(ctx context.Context, d types.DBSnapshot) error {
		a := collectors.Attributes{}
		a.Bool("encrypted", d.Encrypted)
		a.Text("engine", d.Engine)
		a.Text("of", d.DBInstanceIdentifier)
		a.Text("status", d.Status)
		a.Time("created_at", d.SnapshotCreateTime)
		unread := p.addRestorers(ctx, d.DBSnapshotIdentifier, a)
		return first([]error{p.emit(aws.ToString(d.DBSnapshotArn), aws.ToString(d.DBSnapshotIdentifier), a), unread})
	}), err))
}

// addRestorers says who may restore a snapshot.
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBSnapshotAttributes.html
func (p *regionReader) addRestorers(ctx context.Context, id *string, a collectors.Attributes) error {
	resp, err := rdsClient(p.aws).DescribeDBSnapshotAttributes(ctx, &rds.DescribeDBSnapshotAttributesInput{DBSnapshotIdentifier: id})
	if err != nil {
		return p.markIncomplete("snapshot/"+aws.ToString(id), err)
	}
	if resp.DBSnapshotAttributesResult == nil {
		return p.markIncomplete("snapshot/"+aws.ToString(id), collectors.Incomplete("rds:DescribeDBSnapshotAttributes says nothing of %s", aws.ToString(id)))
	}
	p.out.Page()
	var who []string
	for _, at := range resp.DBSnapshotAttributesResult.DBSnapshotAttributes {
		if aws.ToString(at.AttributeName) == "restore" {
			who = append(who, at.AttributeValues...)
		}
	}
	a.Set("restorable_by", who)
	return nil
}

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBClusterSnapshots.html
func collectClusterSnapshots(ctx context.Context, p *regionReader) error {
	client := rdsClient(p.aws)
	p.out.Filter("SnapshotType", manual)
	all, err := list(ctx, p.out, func(ctx context.Context, token *string) ([]types.DBClusterSnapshot, *string, error) {
		page, err := client.DescribeDBClusterSnapshots(ctx, &rds.DescribeDBClusterSnapshotsInput{Marker: token, MaxRecords: aws.Int32(100), SnapshotType: aws.String(manual)})
		if err != nil {
			return nil, nil, err
		}
		return page.DBClusterSnapshots, page.Marker, nil
	})
	return first(append(eachOf(ctx, all, func(ctx context.Context, d types.DBClusterSnapshot) error {
		a := collectors.Attributes{}
		a.Bool("encrypted", d.StorageEncrypted)
		a.Text("engine", d.Engine)
		a.Text("of", d.DBClusterIdentifier)
		a.Text("status", d.Status)
		a.Time("created_at", d.SnapshotCreateTime)
		unread := p.addClusterRestorers(ctx, d.DBClusterSnapshotIdentifier, a)
		return first([]error{p.emit(aws.ToString(d.DBClusterSnapshotArn), aws.ToString(d.DBClusterSnapshotIdentifier), a), unread})
	}), err))
}

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBClusterSnapshotAttributes.html
func (p *regionReader) addClusterRestorers(ctx context.Context, id *string, a collectors.Attributes) error {
	resp, err := rdsClient(p.aws).DescribeDBClusterSnapshotAttributes(ctx, &rds.DescribeDBClusterSnapshotAttributesInput{DBClusterSnapshotIdentifier: id})
	if err != nil {
		return p.markIncomplete("cluster-snapshot/"+aws.ToString(id), err)
	}
	if resp.DBClusterSnapshotAttributesResult == nil {
		return p.markIncomplete("cluster-snapshot/"+aws.ToString(id), collectors.Incomplete("rds:DescribeDBClusterSnapshotAttributes says nothing of %s", aws.ToString(id)))
	}
	p.out.Page()
	var who []string
	for _, at := range resp.DBClusterSnapshotAttributesResult.DBClusterSnapshotAttributes {
		if aws.ToString(at.AttributeName) == "restore" {
			who = append(who, at.AttributeValues...)
		}
	}
	a.Set("restorable_by", who)
	return nil
}
