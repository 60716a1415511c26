package aws

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const kindBalancer evidence.Kind = "aws.elb.load_balancer"

func balancerKinds() []kind {
	return []kind{{state(kindBalancer, "A load balancer (application, network, gateway): listeners, TLS policies, access logs."), []call{
		{name: "elasticloadbalancing:DescribeLoadBalancers", why: "load balancers"},
		{name: "elasticloadbalancing:DescribeListeners", why: "ports, protocols and TLS policies"},
		{name: "elasticloadbalancing:DescribeRules", why: "whether a listener without TLS sends everyone on to one with it"},
		{name: "elasticloadbalancing:DescribeLoadBalancerAttributes", why: "access logs, deletion protection"},
	}, inRegions(collectBalancers)}}
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancers.html
func collectBalancers(ctx context.Context, p *regionReader) error {
	client := balancerClient(p.aws)
	all, err := list(ctx, p.out, func(ctx context.Context, token *string) ([]types.LoadBalancer, *string, error) {
		page, err := client.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{Marker: token, PageSize: aws.Int32(400)})
		if err != nil {
			return nil, nil, err
		}
		return page.LoadBalancers, page.NextMarker, nil
	})
	return first(append(eachOf(ctx, all, p.collectBalancer), err))
}

func (p *regionReader) collectBalancer(ctx context.Context, b types.LoadBalancer) error {
	a := collectors.Attributes{}
	word(a, "type", b.Type)
	word(a, "scheme", b.Scheme)
	if b.State != nil {
		word(a, "state", b.State.Code)
	}
	a.Text("dns_name", b.DNSName)
	a.Text("vpc_id", b.VpcId)
	a.Time("created_at", b.CreatedTime)
	errs := []error{p.addListeners(ctx, b, a), p.addBalancerAttributes(ctx, b, a)}
	return first(append(errs, p.emit(aws.ToString(b.LoadBalancerArn), aws.ToString(b.LoadBalancerName), a)))
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeListeners.html
func (p *regionReader) addListeners(ctx context.Context, b types.LoadBalancer, a collectors.Attributes) error {
	client := balancerClient(p.aws)
	found, err := list(ctx, p.out, func(ctx context.Context, token *string) ([]types.Listener, *string, error) {
		page, err := client.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: b.LoadBalancerArn, Marker: token, PageSize: aws.Int32(400)})
		if err != nil {
			return nil, nil, err
		}
		return page.Listeners, page.NextMarker, nil
	})
	if err != nil {
		return p.markIncomplete("load-balancer/"+aws.ToString(b.LoadBalancerName), err)
	}
	slices.SortFunc(found, func(x, y types.Listener) int { return cmp.Compare(aws.ToInt32(x.Port), aws.ToInt32(y.Port)) })
	var listeners []collectors.Attributes
	var unread []error
	for _, l := range found {
		one := collectors.Attributes{}
		unread = append(unread, p.markIncomplete("load-balancer/"+aws.ToString(b.LoadBalancerName), p.addRedirect(ctx, l, one)))
		count(one, "port", l.Port)
		word(one, "protocol", l.Protocol)
		one.Text("tls_policy", l.SslPolicy)
		listeners = append(listeners, one)
	}
	a["listeners"] = attributeList(listeners)
	return first(unread)
}

// addRedirect says whether a listener sends everyone to https. Where its default
// does, its other rules are asked for, which go before the default.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeRules.html
func (p *regionReader) addRedirect(ctx context.Context, l types.Listener, a collectors.Attributes) error {
	if !redirects(l.DefaultActions) || l.Protocol != types.ProtocolEnumHttp {
		a["redirects_to_https"] = false
		return nil
	}
	client := balancerClient(p.aws)
	rules, err := list(ctx, p.out, func(ctx context.Context, token *string) ([]types.Rule, *string, error) {
		page, err := client.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: l.ListenerArn, Marker: token, PageSize: aws.Int32(400)})
		if err != nil {
			return nil, nil, err
		}
		return page.Rules, page.NextMarker, nil
	})
	if err != nil {
		return err
	}
	a["redirects_to_https"] = !slices.ContainsFunc(rules, func(r types.Rule) bool { return !redirects(r.Actions) && !answersItself(r.Actions) })
	return nil
}

// redirects reports actions that send everyone to https.
func redirects(actions []types.Action) bool {
	return len(actions) > 0 && !slices.ContainsFunc(actions, func(x types.Action) bool {
		return x.Type != types.ActionTypeEnumRedirect || x.RedirectConfig == nil || aws.ToString(x.RedirectConfig.Protocol) != "HTTPS"
	})
}

// answersItself reports a fixed answer, in which no application takes part.
func answersItself(actions []types.Action) bool {
	return len(actions) == 1 && actions[0].Type == types.ActionTypeEnumFixedResponse
}

// balancerFlags are the attributes of a load balancer that are kept.
var balancerFlags = map[string]string{"access_logs.s3.enabled": "access_logs", "deletion_protection.enabled": "deletion_protection"}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancerAttributes.html
func (p *regionReader) addBalancerAttributes(ctx context.Context, b types.LoadBalancer, a collectors.Attributes) error {
	resp, err := balancerClient(p.aws).DescribeLoadBalancerAttributes(ctx, &elb.DescribeLoadBalancerAttributesInput{LoadBalancerArn: b.LoadBalancerArn})
	if err != nil {
		return p.markIncomplete("load-balancer/"+aws.ToString(b.LoadBalancerName), err)
	}
	p.out.Page()
	for _, at := range resp.Attributes {
		if name, kept := balancerFlags[aws.ToString(at.Key)]; kept && at.Value != nil {
			a[name] = *at.Value == "true"
		}
	}
	return nil
}
