package aws

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/aws/policy"
)

// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html
func collectRepositories(ctx context.Context, p *regionReader) error {
	client := ecrClient(p.aws)
	all, err := list(ctx, p.out, func(ctx context.Context, token *string) ([]ecrtypes.Repository, *string, error) {
		page, err := client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{NextToken: token, MaxResults: aws.Int32(1000)})
		if err != nil {
			return nil, nil, err
		}
		return page.Repositories, page.NextToken, nil
	})
	if err != nil || len(all) == 0 {
		return err
	}
	registry, unread := p.registryScan(ctx)
	errs := eachOf(ctx, all, func(ctx context.Context, r ecrtypes.Repository) error {
		a := collectors.Attributes{}
		describeScanning(a, r, registry)
		word(a, "tag_mutability", r.ImageTagMutability)
		if r.EncryptionConfiguration != nil {
			word(a, "encryption", r.EncryptionConfiguration.EncryptionType)
		}
		a.Time("created_at", r.CreatedAt)
		unread := p.markIncomplete("repository/"+aws.ToString(r.RepositoryName), p.addNewest(ctx, r, a))
		return first([]error{unread, p.emit(aws.ToString(r.RepositoryArn), aws.ToString(r.RepositoryName), a)})
	})
	return first(append(errs, p.markIncomplete("registry", unread)))
}

// registryScan returns how the registry scans; with ENHANCED Inspector does, and
// the setting of the repositories does not count.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRegistryScanningConfiguration.html
func (p *regionReader) registryScan(ctx context.Context) (*ecrtypes.RegistryScanningConfiguration, error) {
	resp, err := ecrClient(p.aws).GetRegistryScanningConfiguration(ctx, &ecr.GetRegistryScanningConfigurationInput{})
	if err != nil {
		return nil, err
	}
	p.out.Page()
	if resp.ScanningConfiguration == nil {
		return nil, collectors.Incomplete("ecr:GetRegistryScanningConfiguration says nothing")
	}
	return resp.ScanningConfiguration, nil
}

// notScanned is what a repository has that no rule of enhanced scanning is for.
const notScanned = "NONE"

// describeScanning says when the images of a repository are scanned, by the rules
// of the registry and its own setting.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html
func describeScanning(a collectors.Attributes, r ecrtypes.Repository, registry *ecrtypes.RegistryScanningConfiguration) {
	onPush := r.ImageScanningConfiguration != nil && r.ImageScanningConfiguration.ScanOnPush
	if r.ImageScanningConfiguration != nil {
		a["scan_on_push"] = onPush
	}
	if registry == nil {
		return
	}
	word(a, "registry_scan", registry.ScanType)
	frequency, known := ruleFor(aws.ToString(r.RepositoryName), registry.Rules)
	switch {
	case frequency == ecrtypes.ScanFrequencyContinuousScan || frequency == ecrtypes.ScanFrequencyScanOnPush:
		a["scanning"] = string(frequency)
	case registry.ScanType == ecrtypes.ScanTypeBasic && onPush:
		a["scanning"] = string(ecrtypes.ScanFrequencyScanOnPush)
	case !known:
	case frequency == "" && registry.ScanType == ecrtypes.ScanTypeEnhanced:
		a["scanning"] = notScanned
	default:
		a["scanning"] = string(ecrtypes.ScanFrequencyManual)
	}
}

// ruleFor returns how often the rules that a repository matches have it scanned at
// most, "" if it matches none. It is not known if a filter is of an unknown type.
func ruleFor(repository string, rules []ecrtypes.RegistryScanningRule) (most ecrtypes.ScanFrequency, known bool) {
	order := []ecrtypes.ScanFrequency{"", ecrtypes.ScanFrequencyManual, ecrtypes.ScanFrequencyScanOnPush, ecrtypes.ScanFrequencyContinuousScan}
	known = true
	for _, rule := range rules {
		for _, f := range rule.RepositoryFilters {
			known = known && f.FilterType == ecrtypes.ScanningRepositoryFilterTypeWildcard
			if f.FilterType == ecrtypes.ScanningRepositoryFilterTypeWildcard && filterMatches(aws.ToString(f.Filter), repository) && slices.Index(order, rule.ScanFrequency) > slices.Index(order, most) {
				most = rule.ScanFrequency
			}
		}
	}
	return most, known
}

// filterMatches: a filter without a wildcard matches every name that holds it.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html#image-scanning-filters
func filterMatches(filter, repository string) bool {
	if !strings.Contains(filter, "*") {
		filter = "*" + filter + "*"
	}
	return policy.Like(filter, repository)
}

// addNewest says what the scan of the newest image found.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
func (p *regionReader) addNewest(ctx context.Context, r ecrtypes.Repository, a collectors.Attributes) error {
	client := ecrClient(p.aws)
	all, err := list(ctx, p.out, func(ctx context.Context, token *string) ([]ecrtypes.ImageDetail, *string, error) {
		page, err := client.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: r.RepositoryName, NextToken: token, MaxResults: aws.Int32(1000)})
		if err != nil {
			return nil, nil, err
		}
		return page.ImageDetails, page.NextToken, nil
	})
	if err != nil {
		return err
	}
	for _, i := range all {
		if i.ImagePushedAt == nil {
			return collectors.Incomplete("ecr:DescribeImages does not say when %s was pushed", aws.ToString(i.ImageDigest))
		}
	}
	newest := newestImage(all)
	if len(newest) == 0 {
		return nil
	}
	a.Text("newest_image", newest[0].ImageDigest)
	a.Time("newest_pushed_at", newest[0].ImagePushedAt)
	addFindings(newest, a)
	return nil
}

// addFindings adds up what the scans of the parts of one image found, the worst of
// each. A scan that is done and names no finding of a severity found none.
func addFindings(parts []ecrtypes.ImageDetail, a collectors.Attributes) {
	critical, high, scanned := int32(0), int32(0), false
	for _, i := range parts {
		if i.ImageScanStatus != nil && !scanned {
			word(a, "newest_scan", i.ImageScanStatus.Status)
		}
		s := i.ImageScanFindingsSummary
		if s == nil {
			continue
		}
		if !scanned {
			a.Time("newest_scanned_at", s.ImageScanCompletedAt)
		}
		scanned = true
		critical, high = max(critical, s.FindingSeverityCounts["CRITICAL"]), max(high, s.FindingSeverityCounts["HIGH"])
	}
	if scanned {
		a["newest_critical"], a["newest_high"] = int64(critical), int64(high)
	}
}

// indexes are the manifests that hold no image, but name one for each platform.
// These are pushed just before, and are what is scanned.
var indexes = []string{"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"}

// images are what the manifest of an image has for its configuration.
var images = []string{"", "application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"}

// together is how long the push of an index and its images may take.
const together = time.Hour

// newestImage returns the image that was pushed last, itself first; of one for
// several platforms its index and then the images. Signatures and other
// artifacts beside it are no images.
func newestImage(all []ecrtypes.ImageDetail) []ecrtypes.ImageDetail {
	all = slices.DeleteFunc(slices.Clone(all), isArtifact)
	slices.SortStableFunc(all, func(x, y ecrtypes.ImageDetail) int {
		return cmp.Or(y.ImagePushedAt.Compare(*x.ImagePushedAt), cmp.Compare(aws.ToString(x.ImageDigest), aws.ToString(y.ImageDigest)))
	})
	at := slices.IndexFunc(all, isIndex)
	if len(all) == 0 || at < 0 {
		return all[:min(len(all), 1)]
	}
	index := all[at]
	parts := []ecrtypes.ImageDetail{index}
	for _, i := range all {
		if !isIndex(i) && len(i.ImageTags) == 0 && index.ImagePushedAt.Sub(*i.ImagePushedAt).Abs() <= together {
			parts = append(parts, i)
		}
	}
	if first := all[0]; at > 0 && !slices.ContainsFunc(parts, func(i ecrtypes.ImageDetail) bool {
		return aws.ToString(i.ImageDigest) == aws.ToString(first.ImageDigest)
	}) {
		return all[:1] // pushed after the index, and not a part of it
	}
	return parts
}

func isIndex(i ecrtypes.ImageDetail) bool {
	return slices.Contains(indexes, aws.ToString(i.ImageManifestMediaType))
}

// isArtifact reports what is no image: by its type, or by the tag that cosign makes.
func isArtifact(i ecrtypes.ImageDetail) bool {
	if !isIndex(i) && !slices.Contains(images, aws.ToString(i.ArtifactMediaType)) {
		return true
	}
	return len(i.ImageTags) > 0 && !slices.ContainsFunc(i.ImageTags, func(tag string) bool {
		return !strings.HasPrefix(tag, "sha256-")
	})
}
