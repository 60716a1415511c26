package aws

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// protocol is how an API writes its requests and answers.
// https://smithy.io/2.0/aws/protocols/index.html
type protocol int

const (
	queryXML protocol = iota // a form with an Action, answered in XML; EC2 has a dialect of it
	restXML                  // paths and XML: S3
	rpcJSON                  // a target in the header, JSON both ways
	restJSON                 // paths, JSON both ways
)

// service is one API of AWS.
type service struct {
	// name stands in the scope of signatures, in call names, and before permissions.
	name string
	// id is what the SDK calls it, in the context of a request.
	id       string
	protocol protocol
	// hosts are the first labels of its hosts, the name itself if none are given.
	hosts []string
	// paths are the reads of a restJSON service: "GET /detector/{id}" -> "GetDetector".
	paths map[string]string
}

// services are all APIs that are asked. A service that is not here is refused by the door.
var services = []service{
	{name: "sts", id: "STS", protocol: queryXML, hosts: []string{"sts", "sts-fips"}},
	{name: "iam", id: "IAM", protocol: queryXML, hosts: []string{"iam", "iam-fips"}},
	{name: "ec2", id: "EC2", protocol: queryXML, hosts: []string{"ec2", "ec2-fips"}},
	{name: "rds", id: "RDS", protocol: queryXML, hosts: []string{"rds", "rds-fips"}},
	{name: "elasticloadbalancing", id: "Elastic Load Balancing v2", protocol: queryXML, hosts: []string{"elasticloadbalancing", "elasticloadbalancing-fips"}},
	{name: "monitoring", id: "CloudWatch", protocol: queryXML, hosts: []string{"monitoring", "monitoring-fips"}},
	// S3 is asked with the bucket in the path, so the name of no bucket stands
	// before the host; S3 Control puts the account there.
	{name: "s3", id: "S3", protocol: restXML, hosts: []string{"s3", "s3-fips"}},
	{name: "s3control", id: "S3 Control", protocol: restXML, hosts: []string{"*.s3-control", "*.s3-control-fips"}},
	{name: "organizations", id: "Organizations", protocol: rpcJSON, hosts: []string{"organizations", "organizations-fips"}},
	{name: "cloudtrail", id: "CloudTrail", protocol: rpcJSON, hosts: []string{"cloudtrail", "cloudtrail-fips"}},
	{name: "config", id: "Config Service", protocol: rpcJSON, hosts: []string{"config", "config-fips"}},
	{name: "kms", id: "KMS", protocol: rpcJSON, hosts: []string{"kms", "kms-fips"}},
	{name: "logs", id: "CloudWatch Logs", protocol: rpcJSON, hosts: []string{"logs", "logs-fips"}},
	{name: "acm", id: "ACM", protocol: rpcJSON, hosts: []string{"acm", "acm-fips"}},
	{name: "dynamodb", id: "DynamoDB", protocol: rpcJSON, hosts: []string{"dynamodb", "dynamodb-fips"}},
	{name: "ecr", id: "ECR", protocol: rpcJSON, hosts: []string{"api.ecr", "ecr", "ecr-fips", "fips.ecr"}},
	{name: "ssm", id: "SSM", protocol: rpcJSON, hosts: []string{"ssm", "ssm-fips"}},
	{name: "sso", id: "SSO Admin", protocol: rpcJSON, hosts: []string{"sso", "sso-fips"}},
	{name: "identitystore", id: "identitystore", protocol: rpcJSON, hosts: []string{"identitystore", "identitystore-fips"}},
	{name: "secretsmanager", id: "Secrets Manager", protocol: rpcJSON, hosts: []string{"secretsmanager", "secretsmanager-fips"}},
	{name: "guardduty", id: "GuardDuty", protocol: restJSON, hosts: []string{"guardduty", "guardduty-fips"}, paths: map[string]string{
		"GET /detector": "ListDetectors", "GET /detector/{id}": "GetDetector",
		"POST /detector/{id}/findings": "ListFindings", "POST /detector/{id}/findings/get": "GetFindings",
	}},
	{name: "securityhub", id: "SecurityHub", protocol: restJSON, hosts: []string{"securityhub", "securityhub-fips"}, paths: map[string]string{
		"GET /accounts": "DescribeHub", "POST /standards/get": "GetEnabledStandards",
	}},
	{name: "access-analyzer", id: "AccessAnalyzer", protocol: restJSON, hosts: []string{"access-analyzer", "access-analyzer-fips"}, paths: map[string]string{
		"GET /analyzer": "ListAnalyzers", "POST /findingv2": "ListFindingsV2",
	}},
	{name: "backup", id: "Backup", protocol: restJSON, hosts: []string{"backup", "backup-fips"}, paths: map[string]string{
		"GET /backup/plans": "ListBackupPlans", "GET /backup/plans/{plan}": "GetBackupPlan", "GET /backup/plans/{plan}/selections": "ListBackupSelections",
		"GET /backup-vaults": "ListBackupVaults", "GET /resources": "ListProtectedResources",
		"GET /backup-jobs": "ListBackupJobs", "GET /restore-jobs": "ListRestoreJobs",
	}},
	{name: "inspector2", id: "Inspector2", protocol: restJSON, hosts: []string{"inspector2", "inspector2-fips"}, paths: map[string]string{
		"POST /status/batch/get": "BatchGetAccountStatus", "POST /findings/list": "ListFindings",
	}},
	{name: "lambda", id: "Lambda", protocol: restJSON, hosts: []string{"lambda", "lambda-fips"}, paths: map[string]string{
		"GET /2015-03-31/functions": "ListFunctions", "GET /2015-03-31/functions/{function}/policy": "GetPolicy",
	}},
}

// domains are what follows the label of a service: alone, with a region, for
// both versions of IP, in China. Customers get names here too, such as those of
// their machines and buckets, but none that begins like the name of a service.
// https://docs.aws.amazon.com/general/latest/gr/rande.html
var domains = []string{
	"amazonaws.com", "*.amazonaws.com", "dualstack.*.amazonaws.com", "*.api.aws",
	"*.amazonaws.com.cn", "dualstack.*.amazonaws.com.cn", "*.api.amazonwebservices.com.cn",
}

// serviceHosts returns the pattern of every host of a service.
func serviceHosts() (hosts []string) {
	for _, s := range services {
		for _, label := range s.hosts {
			for _, d := range domains {
				hosts = append(hosts, label+"."+d)
			}
		}
	}
	return hosts
}

// serviceNamed finds the service in the scope of a signature.
func serviceNamed(name string) (service, bool) {
	i := slices.IndexFunc(services, func(s service) bool { return s.name == name })
	if i < 0 {
		return service{}, false
	}
	return services[i], true
}

// protocolOf returns the protocol of the service that the SDK calls id.
func protocolOf(id string) (protocol, bool) {
	i := slices.IndexFunc(services, func(s service) bool { return s.id == id })
	if i < 0 {
		return 0, false
	}
	return services[i].protocol, true
}

// pathCall marks an operation in a mux. It is looked up, never run.
type pathCall string

func (pathCall) ServeHTTP(http.ResponseWriter, *http.Request) {}

// pathMuxes find the operation of a restJSON request by its method and path.
var pathMuxes = sync.OnceValue(func() map[string]*http.ServeMux {
	all := map[string]*http.ServeMux{}
	for _, s := range services {
		if s.protocol != restJSON {
			continue
		}
		all[s.name] = http.NewServeMux()
		for path, operation := range s.paths {
			all[s.name].Handle(path, pathCall(operation))
		}
	}
	return all
})

// pathOperation names the operation of a restJSON request. Some clients end a
// path with a slash, which means nothing.
func pathOperation(service string, r *http.Request) string {
	if len(r.Header.Values("X-Amz-Target")) > 0 {
		return ""
	}
	plain := *r
	u := *r.URL
	if len(u.Path) > 1 {
		u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
	}
	plain.URL = &u
	h, _ := pathMuxes()[service].Handler(&plain)
	operation, _ := h.(pathCall) // anything else is the mux's own redirect or 404
	return string(operation)
}
