package simulator

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"
	ec2Namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"
	roleName     = "EvidencedReadOnly"
)

// caller is the principal of the request. The session's name comes back in the session token.
func (q *awsRequest) caller() string {
	if q.base {
		return fmt.Sprintf("arn:aws:sts::%s:assumed-role/EvidencedAgent/evidenced", q.account.id)
	}
	session := "unknown"
	if raw, err := base64.StdEncoding.DecodeString(q.http.Header.Get("X-Amz-Security-Token")); err == nil {
		_, session, _ = strings.Cut(string(raw), "/")
	}
	return fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", q.account.id, roleName, session)
}

func (c *Company) getCallerIdentity(q *awsRequest) reply {
	return q.query(stsNamespace, leaf("Arn", q.caller()), leaf("UserId", "AROASIM"+q.account.id+":evidenced"), leaf("Account", q.account.id))
}

// assumeRole gives a credential whose key id names the account.
func (c *Company) assumeRole(q *awsRequest) reply {
	arn, session := q.form.Get("RoleArn"), q.form.Get("RoleSessionName")
	var a *account
	if parts := strings.Split(arn, ":"); len(parts) == 6 && parts[5] == "role/"+roleName {
		a = c.account(parts[4])
	}
	if a == nil || q.now.Before(a.deployed) || !q.base {
		return q.fail(http.StatusForbidden, "AccessDenied",
			fmt.Sprintf("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", q.caller(), arn))
	}
	return q.query(stsNamespace,
		el("Credentials", leaf("AccessKeyId", keyPrefix+a.id), leaf("SecretAccessKey", "sim/"+a.id+"/k7Jv0dXq2ZbTn4Yw8Rc5"),
			leaf("SessionToken", base64.StdEncoding.EncodeToString([]byte(a.id+"/"+session))),
			leaf("Expiration", time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC))),
		el("AssumedRoleUser", leaf("AssumedRoleId", "AROASIM"+a.id+":"+session),
			leaf("Arn", fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", a.id, roleName, session))))
}

func (c *Company) describeRegions(q *awsRequest) reply {
	var items []node
	item := func(name, status string) {
		items = append(items, el("item", leaf("regionName", name), leaf("regionEndpoint", "ec2."+name+".amazonaws.com"), leaf("optInStatus", status)))
	}
	for _, r := range regions {
		item(r, "opt-in-not-required")
	}
	if q.form.Get("AllRegions") == "true" {
		for _, r := range disabledRegions {
			item(r, "not-opted-in")
		}
	}
	doc := el(fmt.Sprintf("DescribeRegionsResponse xmlns=%q", ec2Namespace), leaf("requestId", q.id), el("regionInfo", items...))
	return xmlReply(http.StatusOK, doc)
}

// listAccounts gives the organisation in pages of two, and the second page is empty.
func (c *Company) listAccounts(q *awsRequest) reply {
	if !q.base {
		return q.deny()
	}
	var in struct{ NextToken string }
	if err := json.Unmarshal(q.body, &in); err != nil {
		return q.fail(http.StatusBadRequest, "SerializationException", err.Error())
	}
	var all []any
	for _, a := range c.accounts {
		if !q.now.Before(a.appeared) {
			all = append(all, c.accountJSON(a))
		}
	}
	out := map[string]any{"Accounts": []any{}}
	switch in.NextToken {
	case "":
		out["Accounts"], out["NextToken"] = all[:2], "cGFnZSAy"
	case "cGFnZSAy":
		out["NextToken"] = "cGFnZSAz"
	case "cGFnZSAz":
		out["Accounts"] = all[2:]
	default:
		return q.fail(http.StatusBadRequest, "InvalidInputException", "The provided token is invalid.")
	}
	return jsonReply(out)
}

func (c *Company) accountJSON(a *account) any {
	org := "o-" + c.management().id[:10]
	return map[string]any{
		"Id": a.id, "Name": a.name, "Email": "aws+" + a.name + "@example.com", "State": "ACTIVE", "Status": "ACTIVE",
		"Arn":          fmt.Sprintf("arn:aws:organizations::%s:account/%s/%s", c.management().id, org, a.id),
		"JoinedMethod": "INVITED", "JoinedTimestamp": a.appeared.Unix(),
	}
}

func jsonReply(v any) reply {
	body, _ := json.Marshal(v) // maps of text and numbers always can
	return reply{status: http.StatusOK, mime: "application/x-amz-json-1.1", body: body}
}
