package aws

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/backup"
	"github.com/aws/aws-sdk-go-v2/service/backup/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const (
	kindBackupPlan evidence.Kind = "aws.backup.plan"
	kindVault      evidence.Kind = "aws.backup.vault"
	kindProtected  evidence.Kind = "aws.backup.protected_resource"
	kindBackupJob  evidence.Kind = "aws.backup.job"
	kindRestoreJob evidence.Kind = "aws.backup.restore_job"
	jobLate                      = 36 * time.Hour // a job is begun and ended within its windows, which are a day at most by default
)

// protectedResources is asked for what AWS Backup has backups of, and whether it has any
// of a database that keeps none itself.
var protectedResources = call{name: "backup:ListProtectedResources", why: "what is backed up, and since when"}

func backupKinds() []kind {
	return []kind{
		{state(kindBackupPlan, "A plan of AWS Backup: rules and selections.", "last_run_at"), []call{
			{name: "backup:ListBackupPlans", why: "backup plans"}, {name: "backup:GetBackupPlan", why: "rules of a backup plan"},
			{name: "backup:ListBackupSelections", why: "what a backup plan selects"},
		}, inRegions(collectPlans)},
		{state(kindVault, "A backup vault and its lock.", "recovery_points"), []call{{name: "backup:ListBackupVaults", why: "backup vaults"}}, inRegions(collectVaults)},
		{state(kindProtected, "A resource that AWS Backup has a backup of, and of when; of one that was not backed up for a week, whether it still exists.", "last_backup_at"), append([]call{protectedResources}, lookedFor...), inRegions(collectProtected)},
		{event(kindBackupJob, "A backup that AWS Backup made, or failed to make.", jobLate), []call{{name: "backup:ListBackupJobs", why: "backups made and failed"}}, inRegions(collectBackupJobs)},
		{event(kindRestoreJob, "A restore, such as one that tests a backup.", jobLate), []call{{name: "backup:ListRestoreJobs", why: "restores, which test the backups"}}, inRegions(collectRestoreJobs)},
	}
}

// https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListBackupPlans.html
func collectPlans(ctx context.Context, p *regionReader) error {
	client := backupClient(p.aws)
	all, err := list(ctx, p.out, func(ctx context.Context, token *string) ([]types.BackupPlansListMember, *string, error) {
		page, err := client.ListBackupPlans(ctx, &backup.ListBackupPlansInput{NextToken: token, MaxResults: aws.Int32(1000)})
		if err != nil {
			return nil, nil, err
		}
		return page.BackupPlansList, page.NextToken, nil
	})
	return first(append(eachOf(ctx, all, p.collectPlan), err))
}

func (p *regionReader) collectPlan(ctx context.Context, m types.BackupPlansListMember) error {
	a := collectors.Attributes{}
	a.Time("created_at", m.CreationDate)
	a.Time("last_run_at", m.LastExecutionDate)
	errs := []error{p.addRules(ctx, m, a), p.addSelections(ctx, m, a)}
	return first(append(errs, p.emit(aws.ToString(m.BackupPlanArn), aws.ToString(m.BackupPlanName), a)))
}

// https://docs.aws.amazon.com/aws-backup/latest/devguide/API_GetBackupPlan.html
func (p *regionReader) addRules(ctx context.Context, m types.BackupPlansListMember, a collectors.Attributes) error {
	resp, err := backupClient(p.aws).GetBackupPlan(ctx, &backup.GetBackupPlanInput{BackupPlanId: m.BackupPlanId})
	if err == nil && resp.BackupPlan == nil {
		err = collectors.Incomplete("backup:GetBackupPlan says nothing of %s", aws.ToString(m.BackupPlanId))
	}
	if err != nil {
		return p.markIncomplete("backup-plan/"+aws.ToString(m.BackupPlanId), err)
	}
	p.out.Page()
	var rules []collectors.Attributes
	for _, r := range resp.BackupPlan.Rules {
		one := collectors.Attributes{"copies": int64(len(r.CopyActions))}
		one.Text("name", r.RuleName)
		one.Text("schedule", r.ScheduleExpression)
		one.Text("vault", r.TargetBackupVaultName)
		one.Bool("continuous", r.EnableContinuousBackup)
		if r.Lifecycle != nil {
			count(one, "keep_days", r.Lifecycle.DeleteAfterDays)
		}
		rules = append(rules, one)
	}
	a["rules"] = attributeList(rules)
	return nil
}

// https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListBackupSelections.html
func (p *regionReader) addSelections(ctx context.Context, m types.BackupPlansListMember, a collectors.Attributes) error {
	client, n := backupClient(p.aws), int64(0)
	err := rows(ctx, p.out, func(ctx context.Context, token *string) ([]types.BackupSelectionsListMember, *string, error) {
		page, err := client.ListBackupSelections(ctx, &backup.ListBackupSelectionsInput{BackupPlanId: m.BackupPlanId, NextToken: token, MaxResults: aws.Int32(1000)})
		if err != nil {
			return nil, nil, err
		}
		return page.BackupSelectionsList, page.NextToken, nil
	}, func(types.BackupSelectionsListMember) error {
		n++
		return nil
	})
	if err != nil {
		return p.markIncomplete("backup-plan/"+aws.ToString(m.BackupPlanId), err)
	}
	a["selections"] = n
	return nil
}

// https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListBackupVaults.html
func collectVaults(ctx context.Context, p *regionReader) error {
	client := backupClient(p.aws)
	return rows(ctx, p.out, func(ctx context.Context, token *string) ([]types.BackupVaultListMember, *string, error) {
		page, err := client.ListBackupVaults(ctx, &backup.ListBackupVaultsInput{NextToken: token, MaxResults: aws.Int32(1000)})
		if err != nil {
			return nil, nil, err
		}
		return page.BackupVaultList, page.NextToken, nil
	}, func(v types.BackupVaultListMember) error {
		a := collectors.Attributes{"recovery_points": v.NumberOfRecoveryPoints}
		a.Bool("locked", v.Locked)
		a.Text("kms_key_id", v.EncryptionKeyArn)
		count(a, "min_retention_days", v.MinRetentionDays)
		count(a, "max_retention_days", v.MaxRetentionDays)
		a.Time("created_at", v.CreationDate)
		return p.emit(aws.ToString(v.BackupVaultArn), aws.ToString(v.BackupVaultName), a)
	})
}

// https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListProtectedResources.html
func listProtected(ctx context.Context, p *regionReader) ([]types.ProtectedResource, error) {
	client := backupClient(p.aws)
	return list(ctx, p.out, func(ctx context.Context, token *string) ([]types.ProtectedResource, *string, error) {
		page, err := client.ListProtectedResources(ctx, &backup.ListProtectedResourcesInput{NextToken: token, MaxResults: aws.Int32(1000)})
		if err != nil {
			return nil, nil, err
		}
		return page.Results, page.NextToken, nil
	})
}

// addBackup says when AWS Backup made its last backup of a resource, if ever.
func (p *regionReader) addBackup(ctx context.Context, id string, a collectors.Attributes) {
	all, err := shared(ctx, p, "protected resources", listProtected)
	p.note("protected-resources", err)
	for _, r := range all {
		if aws.ToString(r.ResourceArn) == id {
			a.Time("aws_backup_at", r.LastBackupTime)
		}
	}
}

// collectBackupJobs reads the jobs that were made in the window. AWS keeps a
// job for 30 days.
// https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListBackupJobs.html
func collectBackupJobs(ctx context.Context, p *regionReader) error {
	client := backupClient(p.aws)
	return rows(ctx, p.out, func(ctx context.Context, token *string) ([]types.BackupJob, *string, error) {
		page, err := client.ListBackupJobs(ctx, &backup.ListBackupJobsInput{NextToken: token, MaxResults: aws.Int32(1000), ByCreatedAfter: p.from(), ByCreatedBefore: p.until()})
		if err != nil {
			return nil, nil, err
		}
		return page.BackupJobs, page.NextToken, nil
	}, func(j types.BackupJob) error {
		a := collectors.Attributes{"encrypted": j.IsEncrypted}
		word(a, "state", j.State)
		a.Text("message", j.StatusMessage)
		a.Text("resource", j.ResourceArn)
		a.Text("resource_type", j.ResourceType)
		a.Text("vault", j.BackupVaultName)
		a.Time("created_at", j.CreationDate)
		a.Time("completed_at", j.CompletionDate)
		return p.emitEvent(aws.ToString(j.BackupJobId), aws.ToString(j.ResourceArn), j.CreationDate, a)
	})
}

// https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListRestoreJobs.html
func collectRestoreJobs(ctx context.Context, p *regionReader) error {
	client := backupClient(p.aws)
	return rows(ctx, p.out, func(ctx context.Context, token *string) ([]types.RestoreJobsListMember, *string, error) {
		page, err := client.ListRestoreJobs(ctx, &backup.ListRestoreJobsInput{NextToken: token, MaxResults: aws.Int32(1000), ByCreatedAfter: p.from(), ByCreatedBefore: p.until()})
		if err != nil {
			return nil, nil, err
		}
		return page.RestoreJobs, page.NextToken, nil
	}, func(j types.RestoreJobsListMember) error {
		a := collectors.Attributes{}
		word(a, "status", j.Status)
		a.Text("message", j.StatusMessage)
		word(a, "validation", j.ValidationStatus)
		a.Text("resource", j.SourceResourceArn)
		a.Text("resource_type", j.ResourceType)
		a.Text("recovery_point", j.RecoveryPointArn)
		a.Time("created_at", j.CreationDate)
		a.Time("completed_at", j.CompletionDate)
		return p.emitEvent(aws.ToString(j.RestoreJobId), aws.ToString(j.SourceResourceArn), j.CreationDate, a)
	})
}
