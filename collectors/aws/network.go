package aws

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/aws/policy"
	"github.com/evidenced/evidenced/evidence"
)

const (
	kindSecurityGroup evidence.Kind = "aws.ec2.security_group"
	kindVPC           evidence.Kind = "aws.ec2.vpc"
)

func networkKinds() []kind {
	return []kind{
		{state(kindSecurityGroup, "A security group: what may come in, from where, and how many interfaces it guards.", "interfaces"), []call{
			{name: "ec2:DescribeSecurityGroups", why: "security groups and their rules"},
			{name: "ec2:DescribeNetworkInterfaces", why: "which groups are in use"},
			{name: "ec2:GetManagedPrefixListEntries", why: "the addresses of prefix lists that rules let in"},
		}, inRegions(collectSecurityGroups)},
		{state(kindVPC, "A VPC and its flow logs."), []call{
			{name: "ec2:DescribeVpcs", why: "VPCs"},
			{name: "ec2:DescribeFlowLogs", why: "flow logs, and whether they are delivered"},
			{name: "ec2:DescribeNetworkInterfaces", why: "which groups are in use"},
		}, inRegions(collectVPCs)},
	}
}

// collectSecurityGroups joins the groups with the interfaces that they guard: a
// group without one protects, and opens, nothing. If the interfaces cannot be
// read, the groups do not say how many there are.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html
func collectSecurityGroups(ctx context.Context, p *regionReader) error {
	client := ec2Client(p.aws)
	guarded, unread := p.guarded(ctx)
	all, err := list(ctx, p.out, func(ctx context.Context, token *string) ([]types.SecurityGroup, *string, error) {
		page, err := client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{NextToken: token, MaxResults: aws.Int32(perPage)})
		if err != nil {
			return nil, nil, err
		}
		return page.SecurityGroups, page.NextToken, nil
	})
	lists := p.prefixLists(ctx, all)
	errs := []error{err, p.markIncomplete("network-interfaces", unread)}
	for _, g := range all {
		errs = append(errs, p.emitGroup(g, guarded, lists))
	}
	return first(errs)
}

// prefixLists returns the addresses of the prefix lists that rules let in, by the
// list's id. One that cannot be read is left out.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetManagedPrefixListEntries.html
func (p *regionReader) prefixLists(ctx context.Context, groups []types.SecurityGroup) map[string][]string {
	client, addresses := ec2Client(p.aws), map[string][]string{}
	for _, id := range letInByList(groups) {
		entries, err := list(ctx, p.out, func(ctx context.Context, token *string) ([]types.PrefixListEntry, *string, error) {
			page, err := client.GetManagedPrefixListEntries(ctx, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: &id, NextToken: token, MaxResults: aws.Int32(100)})
			if err != nil {
				return nil, nil, err
			}
			return page.Entries, page.NextToken, nil
		})
		if err != nil {
			p.note("prefix-list/"+id, err)
			continue
		}
		addresses[id] = []string{}
		for _, e := range entries {
			addresses[id] = append(addresses[id], aws.ToString(e.Cidr))
		}
	}
	return addresses
}

// letInByList returns the ids of the prefix lists that rules let in, each once.
func letInByList(groups []types.SecurityGroup) (ids []string) {
	for _, g := range groups {
		for _, r := range g.IpPermissions {
			for _, l := range r.PrefixListIds {
				ids = append(ids, aws.ToString(l.PrefixListId))
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html
func listInterfaces(ctx context.Context, p *regionReader) ([]types.NetworkInterface, error) {
	client := ec2Client(p.aws)
	return list(ctx, p.out, func(ctx context.Context, token *string) ([]types.NetworkInterface, *string, error) {
		page, err := client.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{NextToken: token, MaxResults: aws.Int32(perPage)})
		if err != nil {
			return nil, nil, err
		}
		return page.NetworkInterfaces, page.NextToken, nil
	})
}

// guarded counts the interfaces of each group; it is nil if they could not be read.
func (p *regionReader) guarded(ctx context.Context) (map[string]int64, error) {
	all, err := shared(ctx, p, "network interfaces", listInterfaces)
	if err != nil {
		return nil, err
	}
	n := map[string]int64{}
	for _, i := range all {
		for _, id := range groupIDs(i.Groups) {
			n[id]++
		}
	}
	return n, nil
}

func (p *regionReader) emitGroup(g types.SecurityGroup, guarded map[string]int64, lists map[string][]string) error {
	id := aws.ToString(g.GroupId)
	if id == "" {
		return p.emit("", "", nil)
	}
	a := collectors.Attributes{"ingress": attributeList(rules(g.IpPermissions, lists)), "egress": attributeList(rules(g.IpPermissionsEgress, nil)), "default": aws.ToString(g.GroupName) == "default"}
	if guarded != nil {
		a["interfaces"] = guarded[id]
	}
	a.Text("vpc_id", g.VpcId)
	a.Text("description", g.Description)
	return p.emit(p.arn("ec2", "security-group/"+id), aws.ToString(g.GroupName), a)
}

// rules returns the rules of one direction, in a fixed order. A rule for all
// protocols has the protocol "-1" and no ports; world says that it holds for
// every address of one version of IP, or for so many that it may as well. It is not
// said where a prefix list could not be read, and of the egress to one.
func rules(permissions []types.IpPermission, lists map[string][]string) (out []collectors.Attributes) {
	for _, r := range permissions {
		a := collectors.Attributes{}
		a.Text("protocol", r.IpProtocol)
		count(a, "from", r.FromPort)
		count(a, "to", r.ToPort)
		from := peers(r)
		a.Set("peers", from)
		for _, l := range r.PrefixListIds {
			from = append(from, lists[aws.ToString(l.PrefixListId)]...)
		}
		if world := policy.World(from); world || !slices.ContainsFunc(r.PrefixListIds, func(l types.PrefixListId) bool { return lists[aws.ToString(l.PrefixListId)] == nil }) {
			a["world"] = world
		}
		out = append(out, a)
	}
	slices.SortFunc(out, func(x, y collectors.Attributes) int {
		b, _ := evidence.Canonical(x) // texts, numbers and booleans only
		c, _ := evidence.Canonical(y)
		return cmp.Compare(string(b), string(c))
	})
	return out
}

// peers are the addresses, groups and prefix lists of a rule.
func peers(r types.IpPermission) (all []string) {
	for _, v := range r.IpRanges {
		all = append(all, aws.ToString(v.CidrIp))
	}
	for _, v := range r.Ipv6Ranges {
		all = append(all, aws.ToString(v.CidrIpv6))
	}
	for _, v := range r.PrefixListIds {
		all = append(all, aws.ToString(v.PrefixListId))
	}
	for _, v := range r.UserIdGroupPairs {
		all = append(all, aws.ToString(v.GroupId))
	}
	return all
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html
func collectVPCs(ctx context.Context, p *regionReader) error {
	client := ec2Client(p.aws)
	logs, unread := p.flowLogs(ctx)
	err := rows(ctx, p.out, func(ctx context.Context, token *string) ([]types.Vpc, *string, error) {
		page, err := client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{NextToken: token, MaxResults: aws.Int32(perPage)})
		if err != nil {
			return nil, nil, err
		}
		return page.Vpcs, page.NextToken, nil
	}, func(v types.Vpc) error {
		id := aws.ToString(v.VpcId)
		if id == "" {
			return p.emit("", "", nil)
		}
		a := collectors.Attributes{}
		a.Bool("default", v.IsDefault)
		a.Text("cidr", v.CidrBlock)
		a.Text("owner", v.OwnerId)
		if v.OwnerId != nil {
			a["shared"] = *v.OwnerId != p.account
		}
		if unread == nil {
			a["flow_logs"] = attributeList(logs[id])
			if a["shared"] != true { // its owner logs it
				p.addLogged(ctx, id, logs, a)
			}
		}
		return p.emit(p.arn("ec2", "vpc/"+id), named(v.Tags, id), a)
	})
	return first([]error{err, p.markIncomplete("flow-logs", unread)})
}

// addLogged counts the interfaces of a VPC without a log of its own that arrives, and
// those of them that a log of their subnet, or of themselves, watches.
func (p *regionReader) addLogged(ctx context.Context, vpc string, logs map[string][]collectors.Attributes, a collectors.Attributes) {
	if slices.ContainsFunc(logs[vpc], arrives) {
		return
	}
	all, err := shared(ctx, p, "network interfaces", listInterfaces)
	if p.note("network-interfaces", err); err != nil {
		return
	}
	n, logged := int64(0), int64(0)
	for _, i := range all {
		if aws.ToString(i.VpcId) != vpc {
			continue
		}
		n++
		if slices.ContainsFunc(logs[aws.ToString(i.SubnetId)], arrives) || slices.ContainsFunc(logs[aws.ToString(i.NetworkInterfaceId)], arrives) {
			logged++
		}
	}
	a["interfaces"], a["interfaces_logged"] = n, logged
}

// arrives reports a flow log that is on, and is delivered.
func arrives(l collectors.Attributes) bool {
	return l["status"] == "ACTIVE" && (l["delivery"] == nil || l["delivery"] == "SUCCESS")
}

// flowLogs returns the flow logs by the VPC, subnet or interface that they watch.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeFlowLogs.html
func (p *regionReader) flowLogs(ctx context.Context) (map[string][]collectors.Attributes, error) {
	client := ec2Client(p.aws)
	all := map[string][]collectors.Attributes{}
	err := rows(ctx, p.out, func(ctx context.Context, token *string) ([]types.FlowLog, *string, error) {
		page, err := client.DescribeFlowLogs(ctx, &ec2.DescribeFlowLogsInput{NextToken: token, MaxResults: aws.Int32(perPage)})
		if err != nil {
			return nil, nil, err
		}
		return page.FlowLogs, page.NextToken, nil
	}, func(l types.FlowLog) error {
		a := collectors.Attributes{}
		a.Text("id", l.FlowLogId)
		a.Text("status", l.FlowLogStatus)
		a.Text("delivery", l.DeliverLogsStatus)
		a.Text("delivery_error", l.DeliverLogsErrorMessage)
		word(a, "traffic", l.TrafficType)
		word(a, "destination_type", l.LogDestinationType)
		a.Text("destination", l.LogDestination)
		of := aws.ToString(l.ResourceId)
		all[of] = append(all[of], a)
		return nil
	})
	return all, err
}
