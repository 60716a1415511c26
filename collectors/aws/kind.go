package aws

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// kind is one kind of record: what is declared of it, and how it is read.
type kind struct {
	collectors.KindSpec
	// calls are the reads it is made of, those that other kinds share included.
	calls []call
	// read reads all records of the kind in one account.
	read reader
}

// reader reads all records of a kind in one account; the window is zero for state kinds.
type reader func(s *session, ctx context.Context, w evidence.Window, out *collectors.Output) error

// inAccount makes a reader of what is read in the account itself.
func inAccount(read func(*session, context.Context, *collectors.Output) error) reader {
	return func(s *session, ctx context.Context, _ evidence.Window, out *collectors.Output) error {
		return read(s, ctx, out)
	}
}

// call declares one operation of AWS: its name, the permission that allows it
// where that has another name, and what it is read for.
type call struct{ name, permission, why string }

// allKinds are the kinds of this source, the root first. Each file of a
// service returns its own.
func allKinds() []kind {
	return slices.Concat(accountKinds(), iamKinds(), authorizationKinds(), identityCenterKinds(), trailKinds(), eventKinds(), bucketKinds(), computeKinds(), networkKinds(), databaseKinds(), keyKinds(), balancerKinds(),
		certificateKinds(), recorderKinds(), detectionKinds(), monitoringKinds(), backupKinds(), vulnerabilityKinds(), storeKinds())
}

func kinds() (specs []collectors.KindSpec) {
	for _, k := range allKinds() {
		specs = append(specs, k.KindSpec)
	}
	return specs
}

// calls are all calls, once, with the kinds that they serve. The permission of
// an operation is called like the operation, unless the declaration says so.
func calls() []collectors.Call {
	all := []collectors.Call{
		{Name: "sts:GetCallerIdentity", Why: "who asks; needs no permission"},
		{Name: "sts:AssumeRole", Permissions: []string{"sts:AssumeRole"}, Why: "the read-only role in other accounts"},
		{Name: "ec2:DescribeRegions", Permissions: []string{"ec2:DescribeRegions"}, Why: "which regions are enabled"},
	}
	for _, k := range allKinds() {
		for _, c := range k.calls {
			all = declare(all, c, k.Kind)
		}
	}
	return all
}

func declare(all []collectors.Call, c call, k evidence.Kind) []collectors.Call {
	for i := range all {
		if all[i].Name == c.name {
			all[i].Kinds = append(all[i].Kinds, k)
			return all
		}
	}
	permission := c.permission
	if permission == "" {
		permission = c.name
	}
	return append(all, collectors.Call{Name: c.name, Permissions: []string{permission}, Kinds: []evidence.Kind{k}, Why: c.why})
}

// state declares a kind whose records are complete lists.
func state(k evidence.Kind, doc string, volatile ...string) collectors.KindSpec {
	return collectors.KindSpec{Kind: k, Mode: evidence.State, Doc: doc, Volatile: volatile}
}

// event declares a kind whose records are what happened in a window; late is
// how long after the fact AWS may still add to it, or change it.
func event(k evidence.Kind, doc string, late time.Duration) collectors.KindSpec {
	return collectors.KindSpec{Kind: k, Mode: evidence.Event, Doc: doc, Late: late}
}

// regionReader is one region of an account while one kind is read there.
type regionReader struct {
	*session
	out    *collectors.Output
	window evidence.Window // of an event kind
	region string
	aws    aws.Config // of the region
	part   evidence.Scope
}

// inRegion returns the reader of a region.
func (s *session) inRegion(region string, out *collectors.Output) *regionReader {
	return &regionReader{session: s, out: out, region: region, aws: in(s.aws, region), part: s.scope(region)}
}

// inRegions makes a reader that reads every region of the account.
func inRegions(read func(context.Context, *regionReader) error) reader {
	return inAll((*session).regions, read)
}

// inEventRegions reads, beside every region, the one that has the events of the
// global services, whichever regions are configured: IAM, and sign-ins of the root user.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
func inEventRegions(read func(context.Context, *regionReader) error) reader {
	return inAll(func(s *session, ctx context.Context) ([]region, error) {
		regions, err := s.regions(ctx)
		global := globalRegion[s.partition]
		if err == nil && global != "" && !slices.ContainsFunc(regions, func(r region) bool { return r.name == global }) {
			regions = append(slices.Clone(regions), region{name: global})
		}
		return regions, err
	}, read)
}

func inAll(of func(*session, context.Context) ([]region, error), read func(context.Context, *regionReader) error) reader {
	return func(s *session, ctx context.Context, w evidence.Window, out *collectors.Output) error {
		regions, err := of(s, ctx)
		if err != nil {
			return err
		}
		return s.eachRegion(ctx, out, regions, func(ctx context.Context, p *regionReader) error {
			p.window = w
			return read(ctx, p)
		})
	}
}

// eachRegion reads the regions, several at a time. A region in which a service
// has no host, while it has one elsewhere, is one to which AWS has not brought
// the service: nothing can be there.
func (s *session) eachRegion(ctx context.Context, out *collectors.Output, regions []region, read func(context.Context, *regionReader) error) error {
	parts := make([]evidence.Scope, len(regions))
	names := map[evidence.Scope]string{}
	for i, r := range regions {
		parts[i] = s.scope(r.name)
		names[parts[i]] = r.name
	}
	return out.EachRegion(ctx, parts, parallel, func(ctx context.Context, part evidence.Scope) error {
		return classify(read(ctx, s.inRegion(names[part], out)))
	})
}

// regional is what a reading gave in one region.
type regional[T any] struct {
	value T
	out   *collectors.Output
	err   error
}

// shared reads something in every region once for all kinds that rest on it,
// and returns what it is in this region.
func shared[T any](ctx context.Context, p *regionReader, name string, read func(context.Context, *regionReader) (T, error)) (value T, err error) {
	regions, err := p.regions(ctx)
	if err != nil {
		return value, err
	}
	all, err := collectors.Shared(ctx, name, func(ctx context.Context) (map[string]regional[T], error) {
		seen := &found[string, regional[T]]{m: map[string]regional[T]{}}
		_ = p.eachRegion(ctx, collectors.NewOutput(kindRegion), regions, func(ctx context.Context, at *regionReader) error {
			at.out = collectors.NewOutput(kindRegion)
			v, err := read(ctx, at)
			seen.set(at.region, regional[T]{v, at.out, err})
			return err
		}) // each region has its own error
		return seen.m, nil
	})
	if err != nil {
		return value, err
	}
	here, asked := all[p.region]
	if !asked {
		return value, collectors.Incomplete("%s was not read in %s", name, p.region)
	}
	p.out.Adopt(here.out)
	return here.value, here.err
}

// emit adds a record of this region.
func (p *regionReader) emit(id, name string, a collectors.Attributes) error {
	if id == "" {
		return collectors.Incomplete("a listing of %s in %s has a row without an id", p.account, p.region)
	}
	if name == "" {
		name = id
	}
	return p.out.Emit(evidence.Record{ID: id, Name: name, Scope: p.part, Attributes: a})
}

// emitEvent adds an event of this region. One outside of the window is one that
// was not asked for: AWS accepts bounds in whole seconds only.
func (p *regionReader) emitEvent(id, name string, at *time.Time, a collectors.Attributes) error {
	if at == nil || id == "" {
		return collectors.Incomplete("a listing of %s in %s has an event without id or time", p.account, p.region)
	}
	if at.Before(p.window.From) || !at.Before(p.window.To) {
		return nil
	}
	when := at.UTC()
	if name == "" {
		name = id
	}
	return p.out.Emit(evidence.Record{ID: id, Name: name, Scope: p.part, Effective: &when, Attributes: a})
}

// from and until are the bounds of the window, widened to whole seconds.
func (p *regionReader) from() *time.Time {
	t := p.window.From.Truncate(time.Second)
	return &t
}

func (p *regionReader) until() *time.Time {
	t := p.window.To.Add(time.Second - 1).Truncate(time.Second)
	return &t
}

// arn makes the ARN of a resource of this region whose listing has none.
func (p *regionReader) arn(service, resource string) string {
	return strings.Join([]string{"arn", p.partition, service, p.region, p.account, resource}, ":")
}

// markIncomplete records that not all of one resource of this region could be read; its
// record holds what could be. It returns err.
func (p *regionReader) markIncomplete(resource string, err error) error {
	if err = classify(err); errors.Is(err, collectors.ErrExcluded) {
		return err // of the region
	}
	if err != nil {
		p.out.Scope(evidence.Scope(string(p.part)+"/"+resource), err)
	}
	return err
}

// note records that something could not be read that only adds to the records of this
// region: they count without it.
func (p *regionReader) note(resource string, err error) {
	if err != nil {
		p.out.Scope(evidence.Scope(string(p.part)+"/"+resource), classify(err))
	}
}

// rows reads a listing to its last page, and calls row for every row. ask makes
// one call for the page named by token, nil for the first.
func rows[T any](ctx context.Context, out *collectors.Output, ask func(ctx context.Context, token *string) ([]T, *string, error), row func(T) error) error {
	return out.Pages(ctx, func(ctx context.Context, token string) (string, error) {
		page, next, err := ask(ctx, optional(token))
		if err != nil {
			return "", classify(err)
		}
		for _, r := range page {
			if err := row(r); err != nil {
				return "", err
			}
		}
		return aws.ToString(next), nil
	})
}

// list reads a listing to its last page.
func list[T any](ctx context.Context, out *collectors.Output, ask func(ctx context.Context, token *string) ([]T, *string, error)) ([]T, error) {
	var all []T
	err := rows(ctx, out, ask, func(r T) error {
		all = append(all, r)
		return nil
	})
	return all, err
}

// notThere reports an error with one of these codes: there is no such thing.
func notThere(err error, codes ...string) bool {
	return err != nil && slices.Contains(codes, code(err))
}

// eachOf reads more of every row of a listing, several at a time.
func eachOf[T any](ctx context.Context, all []T, read func(context.Context, T) error) []error {
	return collectors.Each(ctx, len(all), parallel, func(ctx context.Context, i int) error { return read(ctx, all[i]) })
}
