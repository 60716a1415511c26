package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const kindCertificate evidence.Kind = "aws.acm.certificate"

func certificateKinds() []kind {
	return []kind{{state(kindCertificate, "A certificate of ACM and when it ends."),
		[]call{{name: "acm:ListCertificates", why: "certificates and when they end"}}, inRegions(collectCertificates)}}
}

// collectCertificates asks for keys of every algorithm: without that, AWS
// lists those of RSA with 1024 and 2048 bits alone.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_ListCertificates.html
func collectCertificates(ctx context.Context, p *regionReader) error {
	client := acmClient(p.aws)
	every := &types.Filters{KeyTypes: types.KeyAlgorithm("").Values()}
	return rows(ctx, p.out, func(ctx context.Context, token *string) ([]types.CertificateSummary, *string, error) {
		page, err := client.ListCertificates(ctx, &acm.ListCertificatesInput{NextToken: token, MaxItems: aws.Int32(1000), Includes: every})
		if err != nil {
			return nil, nil, err
		}
		return page.CertificateSummaryList, page.NextToken, nil
	}, func(c types.CertificateSummary) error {
		a := collectors.Attributes{}
		a.Text("domain", c.DomainName)
		word(a, "status", c.Status)
		word(a, "type", c.Type)
		word(a, "key_algorithm", c.KeyAlgorithm)
		word(a, "renewal", c.RenewalEligibility)
		a.Bool("in_use", c.InUse)
		a.Time("not_before", c.NotBefore)
		a.Time("not_after", c.NotAfter)
		return p.emit(aws.ToString(c.CertificateArn), aws.ToString(c.DomainName), a)
	})
}
