package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const rdsNamespace = "http://rds.amazonaws.com/doc/2014-10-31/"

// detectorAction names the operation of a request to GuardDuty.
func detectorAction(r *http.Request) string {
	switch id, below := strings.CutPrefix(r.URL.Path, "/detector/"); {
	case r.Method != http.MethodGet:
		return r.Method
	case r.URL.Path == "/detector":
		return "ListDetectors"
	case below && !strings.Contains(id, "/"):
		return "GetDetector"
	}
	return "Unknown"
}

func (c *Company) listDetectors(q *awsRequest) reply {
	return plainJSON(map[string]any{"detectorIds": []string{q.estate().id("")}})
}

func (c *Company) getDetector(q *awsRequest) reply {
	e, status := q.estate(), "DISABLED"
	if e.detects.at(q.now) {
		status = "ENABLED"
	}
	return plainJSON(map[string]any{
		"status": status, "createdAt": e.made().Format(time.RFC3339), "findingPublishingFrequency": "SIX_HOURS",
		"serviceRole": "arn:aws:iam::" + e.owner.id + ":role/aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty",
		"features":    []any{map[string]any{"name": "CLOUD_TRAIL", "status": status}, map[string]any{"name": "S3_DATA_EVENTS", "status": status}},
	})
}

// plainJSON answers as the services do that are told apart by paths.
func plainJSON(v any) reply {
	a := jsonReply(v)
	a.mime = "application/json"
	return a
}

func (c *Company) describeRecorders(q *awsRequest) reply {
	return jsonReply(map[string]any{"ConfigurationRecorders": []any{map[string]any{
		"name": "default", "roleARN": "arn:aws:iam::" + q.account.id + ":role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig",
		"recordingGroup": map[string]any{"allSupported": true, "includeGlobalResourceTypes": q.region == regions[0], "resourceTypes": []string{},
			"recordingStrategy": map[string]any{"useOnly": "ALL_SUPPORTED_RESOURCE_TYPES"}},
	}}})
}

func (c *Company) recorderStatus(q *awsRequest) reply {
	e := q.estate()
	out := map[string]any{"name": "default", "recording": e.records.at(q.now), "lastStatus": "Success",
		"lastStartTime": e.made().Unix(), "lastStatusChangeTime": q.now.Truncate(time.Hour).Unix()}
	if i := e.records.after(q.now); i > 1 {
		since := e.records.steps[i-1].at.Unix()
		if e.records.at(q.now) {
			out["lastStartTime"] = since
		} else {
			out["lastStopTime"] = since
		}
	}
	return jsonReply(map[string]any{"ConfigurationRecordersStatus": []any{out}})
}

func (c *Company) deliveryStatus(q *awsRequest) reply {
	at := q.now.Truncate(6 * time.Hour).Unix()
	return jsonReply(map[string]any{"DeliveryChannelsStatus": []any{map[string]any{"name": "default",
		"configHistoryDeliveryInfo": map[string]any{"lastStatus": "Success", "lastAttemptTime": at, "lastSuccessfulTime": at}}}})
}

// ec2 wraps the members of an answer of EC2.
func (q *awsRequest) ec2(members ...node) reply {
	return xmlReply(http.StatusOK, el(fmt.Sprintf("%sResponse xmlns=%q", q.action, ec2Namespace), append([]node{leaf("requestId", q.id)}, members...)...))
}

func (c *Company) describeGroups(q *awsRequest) reply {
	e := q.estate()
	permissions := []node{worldRule(443)}
	if e.openSSH.at(q.now) {
		permissions = append(permissions, worldRule(22))
	}
	every := el("item", leaf("ipProtocol", "-1"), el("groups"), el("ipRanges", el("item", leaf("cidrIp", "0.0.0.0/0"))), el("ipv6Ranges"), el("prefixListIds"))
	return q.ec2(el("securityGroupInfo", el("item", leaf("ownerId", e.owner.id), leaf("groupId", e.id("sg-")), leaf("groupName", "web"),
		leaf("groupDescription", "front end"), leaf("vpcId", e.id("vpc-")), el("ipPermissions", permissions...), el("ipPermissionsEgress", every))))
}

// worldRule lets in everyone to one port.
func worldRule(port int) node {
	return el("item", leaf("ipProtocol", "tcp"), leaf("fromPort", port), leaf("toPort", port), el("groups"),
		el("ipRanges", el("item", leaf("cidrIp", "0.0.0.0/0"))), el("ipv6Ranges"), el("prefixListIds"))
}

func (c *Company) describeInterfaces(q *awsRequest) reply {
	e := q.estate()
	return q.ec2(el("networkInterfaceSet", el("item", leaf("networkInterfaceId", e.id("eni-")), leaf("vpcId", e.id("vpc-")), leaf("status", "in-use"),
		el("groupSet", el("item", leaf("groupId", e.id("sg-")), leaf("groupName", "web"))))))
}

func (c *Company) describeDatabases(q *awsRequest) reply {
	var list []node
	if e := q.estate(); e.db != nil {
		list = append(list, el("DBInstance", leaf("DBInstanceIdentifier", "orders"), leaf("DBInstanceArn", e.databaseARN()), leaf("Engine", "postgres"),
			leaf("EngineVersion", "16.4"), leaf("DBInstanceStatus", "available"), leaf("StorageEncrypted", true), leaf("KmsKeyId", e.keyARN()),
			leaf("PubliclyAccessible", e.db.public.at(q.now)), leaf("MultiAZ", true), leaf("DeletionProtection", true), leaf("AutoMinorVersionUpgrade", true),
			leaf("BackupRetentionPeriod", e.db.keep.at(q.now)), leaf("LatestRestorableTime", q.now.Truncate(5*time.Minute)), leaf("InstanceCreateTime", e.made())))
	}
	return q.query(rdsNamespace, el("DBInstances", list...))
}

func (c *Company) listKeys(q *awsRequest) reply {
	e := q.estate()
	return jsonReply(map[string]any{"Keys": []any{map[string]any{"KeyId": e.keyID(), "KeyArn": e.keyARN()}}, "Truncated": false})
}

func (c *Company) describeKey(q *awsRequest) reply {
	return c.onKey(q, func(e *estate) reply {
		return jsonReply(map[string]any{"KeyMetadata": map[string]any{
			"AWSAccountId": e.owner.id, "KeyId": e.keyID(), "Arn": e.keyARN(), "CreationDate": e.made().Unix(), "Enabled": true, "Description": "data",
			"KeyUsage": "ENCRYPT_DECRYPT", "KeyState": "Enabled", "Origin": "AWS_KMS", "KeyManager": "CUSTOMER", "KeySpec": "SYMMETRIC_DEFAULT", "MultiRegion": false,
		}})
	})
}

func (c *Company) rotationStatus(q *awsRequest) reply {
	return c.onKey(q, func(e *estate) reply {
		out := map[string]any{"KeyId": e.keyID(), "KeyRotationEnabled": e.rotates.at(q.now)}
		if e.rotates.at(q.now) {
			out["RotationPeriodInDays"] = 365
		}
		return jsonReply(out)
	})
}

func (c *Company) keyPolicy(q *awsRequest) reply {
	return c.onKey(q, func(e *estate) reply {
		policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"kms:*","Resource":"*"}]}`, e.owner.id)
		return jsonReply(map[string]any{"Policy": policy, "PolicyName": "default"})
	})
}

// onKey answers for the one key of the region.
func (c *Company) onKey(q *awsRequest, answer func(*estate) reply) reply {
	var in struct{ KeyId string }
	if err := json.Unmarshal(q.body, &in); err != nil {
		return q.fail(http.StatusBadRequest, "SerializationException", err.Error())
	}
	if e := q.estate(); in.KeyId == e.keyID() || in.KeyId == e.keyARN() {
		return answer(e)
	}
	return q.fail(http.StatusBadRequest, "NotFoundException", "Invalid keyId "+in.KeyId)
}
