package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// failure gives the error that a fault wants in place of the answer.
func (q *awsRequest) failure() (reply, bool) {
	switch q.effect {
	case throttled:
		return q.throttle(), true
	case unavailable:
		return q.fail(http.StatusServiceUnavailable, "ServiceUnavailable", "Service is unable to handle request."), true
	case broken:
		return q.fail(http.StatusInternalServerError, "InternalFailure", "An internal error has occurred."), true
	case denied:
		return q.deny(), true
	}
	return reply{}, false
}

// throttle slows down in the words of the service.
func (q *awsRequest) throttle() reply {
	switch q.service {
	case "ec2":
		return q.fail(http.StatusServiceUnavailable, "RequestLimitExceeded", "Request limit exceeded.")
	case "s3":
		return q.fail(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
	case "iam", "sts", "rds":
		return q.fail(http.StatusBadRequest, "Throttling", "Rate exceeded")
	}
	return q.fail(http.StatusBadRequest, "ThrottlingException", "Rate exceeded")
}

// deny refuses in the words of the service.
func (q *awsRequest) deny() reply {
	who := fmt.Sprintf("User: %s is not authorized to perform: %s", q.caller(), q.op)
	switch q.service {
	case "ec2":
		return q.fail(http.StatusForbidden, "UnauthorizedOperation", "You are not authorized to perform this operation. "+who)
	case "iam", "sts", "rds":
		return q.fail(http.StatusForbidden, "AccessDenied", who)
	case "s3":
		return q.fail(http.StatusForbidden, "AccessDenied", "Access Denied")
	}
	return q.fail(http.StatusBadRequest, "AccessDeniedException", who)
}

// jsonServices write their answers in JSON, errors too.
var jsonServices = []string{"cloudtrail", "organizations", "config", "kms", "guardduty",
	"acm", "dynamodb", "ecr", "logs", "secretsmanager", "ssm", "sso", "access-analyzer", "securityhub", "inspector2", "lambda", "backup"}

// fail gives an error in the form of the service's protocol.
func (q *awsRequest) fail(status int, code, message string) reply {
	e := el("Error", leaf("Type", "Sender"), leaf("Code", code), leaf("Message", message))
	switch {
	case slices.Contains(jsonServices, q.service):
		body, _ := json.Marshal(map[string]string{"__type": code, "message": message, "Message": message}) // text always can
		return reply{status: status, mime: "application/x-amz-json-1.1", body: body}.with("x-amzn-ErrorType", code)
	case q.service == "ec2":
		return xmlReply(status, el("Response", el("Errors", e), leaf("RequestID", q.id)))
	case q.op == "s3:GetAccountPublicAccessBlock":
		return xmlReply(status, el("ErrorResponse", e, leaf("RequestId", q.id)))
	case q.service == "s3":
		return xmlReply(status, el("Error", leaf("Code", code), leaf("Message", message), leaf("RequestId", q.id), leaf("HostId", q.id)))
	}
	return xmlReply(status, el("ErrorResponse", e, leaf("RequestId", q.id)))
}

func xmlReply(status int, doc node) reply {
	return reply{status: status, mime: "text/xml", body: doc.document()}
}

// plainAWSError answers what is not even a request to a service.
func plainAWSError(status int, code, message string) reply {
	return xmlReply(status, el("ErrorResponse", el("Error", leaf("Type", "Sender"), leaf("Code", code), leaf("Message", message))))
}
