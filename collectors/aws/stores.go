package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/aws/policy"
	"github.com/evidenced/evidenced/evidence"
)

const (
	kindTable    evidence.Kind = "aws.dynamodb.table"
	kindFunction evidence.Kind = "aws.lambda.function"
	kindSecret   evidence.Kind = "aws.secretsmanager.secret"
)

func storeKinds() []kind {
	return []kind{
		{state(kindTable, "A DynamoDB table: encryption, protection, recovery to a point in time."), []call{
			{name: "dynamodb:ListTables", why: "tables"}, {name: "dynamodb:DescribeTable", why: "encryption and protection of a table"},
			{name: "dynamodb:DescribeContinuousBackups", why: "recovery to a point in time"}, protectedResources,
		}, inRegions(collectTables)},
		{state(kindFunction, "A Lambda function, and whom its policy lets call it."), []call{
			{name: "lambda:ListFunctions", why: "functions"}, {name: "lambda:GetPolicy", why: "who may call a function"},
		}, inRegions(collectFunctions)},
		{state(kindSecret, "A secret of Secrets Manager and its rotation; never its value.", "last_accessed_at"), []call{{name: "secretsmanager:ListSecrets", why: "names of secrets and their rotation; never a value"}}, inRegions(collectSecrets)},
	}
}

// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ListTables.html
func listTables(ctx context.Context, p *regionReader) ([]string, error) {
	client := dynamoClient(p.aws)
	return list(ctx, p.out, func(ctx context.Context, token *string) ([]string, *string, error) {
		page, err := client.ListTables(ctx, &dynamodb.ListTablesInput{ExclusiveStartTableName: token, Limit: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.TableNames, page.LastEvaluatedTableName, nil
	})
}

func collectTables(ctx context.Context, p *regionReader) error {
	all, err := shared(ctx, p, "tables", listTables)
	return first(append(eachOf(ctx, all, p.collectTable), err))
}

// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html
func (p *regionReader) collectTable(ctx context.Context, name string) error {
	a, id := collectors.Attributes{}, p.arn("dynamodb", "table/"+name)
	resp, err := dynamoClient(p.aws).DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if err == nil && resp.Table == nil {
		err = collectors.Incomplete("dynamodb:DescribeTable says nothing of %s", name)
	}
	errs := []error{p.markIncomplete("table/"+name, err)}
	if err == nil {
		p.out.Page()
		word(a, "status", resp.Table.TableStatus)
		a.Bool("deletion_protection", resp.Table.DeletionProtectionEnabled)
		a.Time("created_at", resp.Table.CreationDateTime)
		a["encryption"] = "AWS_OWNED" // what a table has that states none
		if sse := resp.Table.SSEDescription; sse != nil && sse.Status != dynamotypes.SSEStatusDisabled {
			word(a, "encryption", sse.SSEType)
			a.Text("kms_key_id", sse.KMSMasterKeyArn)
		}
	}
	errs = append(errs, p.addRecovery(ctx, name, a))
	if a["point_in_time_recovery"] == false {
		p.addBackup(ctx, id, a)
	}
	return first(append(errs, p.emit(id, name, a)))
}

// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeContinuousBackups.html
func (p *regionReader) addRecovery(ctx context.Context, name string, a collectors.Attributes) error {
	resp, err := dynamoClient(p.aws).DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &name})
	if err == nil && (resp.ContinuousBackupsDescription == nil || resp.ContinuousBackupsDescription.PointInTimeRecoveryDescription == nil) {
		err = collectors.Incomplete("dynamodb:DescribeContinuousBackups says nothing of %s", name)
	}
	if err != nil {
		return p.markIncomplete("table/"+name, err)
	}
	p.out.Page()
	a["point_in_time_recovery"] = resp.ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus == dynamotypes.PointInTimeRecoveryStatusEnabled
	return nil
}

// collectFunctions lists the functions. Their environments, in which people
// keep passwords, are redacted before the answer is stored.
// https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
func collectFunctions(ctx context.Context, p *regionReader) error {
	client := lambdaClient(p.aws)
	all, err := list(ctx, p.out, func(ctx context.Context, token *string) ([]lambdatypes.FunctionConfiguration, *string, error) {
		page, err := client.ListFunctions(ctx, &lambda.ListFunctionsInput{Marker: token, MaxItems: aws.Int32(50)})
		if err != nil {
			return nil, nil, err
		}
		return page.Functions, page.NextMarker, nil
	})
	return first(append(eachOf(ctx, all, p.collectFunction), err))
}

func (p *regionReader) collectFunction(ctx context.Context, f lambdatypes.FunctionConfiguration) error {
	a := collectors.Attributes{}
	word(a, "runtime", f.Runtime)
	word(a, "package", f.PackageType)
	a.Text("role", f.Role)
	a.Text("modified_at", f.LastModified)
	a.Text("kms_key_id", f.KMSKeyArn)
	a["in_vpc"] = f.VpcConfig != nil && aws.ToString(f.VpcConfig.VpcId) != ""
	unread := p.addFunctionPolicy(ctx, f, a)
	return first([]error{unread, p.emit(aws.ToString(f.FunctionArn), aws.ToString(f.FunctionName), a)})
}

// addFunctionPolicy: a function without a policy lets in nobody from outside.
// https://docs.aws.amazon.com/lambda/latest/api/API_GetPolicy.html
func (p *regionReader) addFunctionPolicy(ctx context.Context, f lambdatypes.FunctionConfiguration, a collectors.Attributes) error {
	resp, err := lambdaClient(p.aws).GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: f.FunctionName})
	if notThere(err, "ResourceNotFoundException") {
		addAccess(policy.Document{}, a)
		return nil
	}
	if err != nil {
		return p.markIncomplete("function/"+aws.ToString(f.FunctionName), err)
	}
	p.out.Page()
	doc, err := parsePolicy(aws.ToString(resp.Policy))
	if err != nil {
		return p.markIncomplete("function/"+aws.ToString(f.FunctionName), err)
	}
	addAccess(doc, a)
	return nil
}

// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
func collectSecrets(ctx context.Context, p *regionReader) error {
	client := secretsClient(p.aws)
	return rows(ctx, p.out, func(ctx context.Context, token *string) ([]secrettypes.SecretListEntry, *string, error) {
		page, err := client.ListSecrets(ctx, &secretsmanager.ListSecretsInput{NextToken: token, MaxResults: aws.Int32(100)})
		if err != nil {
			return nil, nil, err
		}
		return page.SecretList, page.NextToken, nil
	}, func(s secrettypes.SecretListEntry) error {
		a := collectors.Attributes{"rotation": aws.ToBool(s.RotationEnabled)} // absent means that none was ever set up
		a.Text("kms_key_id", s.KmsKeyId)
		a.Text("owning_service", s.OwningService)
		a.Time("created_at", s.CreatedDate)
		a.Time("changed_at", s.LastChangedDate)
		a.Time("rotated_at", s.LastRotatedDate)
		a.Time("last_accessed_at", s.LastAccessedDate)
		if s.RotationRules != nil {
			count(a, "rotation_days", s.RotationRules.AutomaticallyAfterDays)
		}
		return p.emit(aws.ToString(s.ARN), aws.ToString(s.Name), a)
	})
}
