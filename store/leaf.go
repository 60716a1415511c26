package store

// leafWords is what leaves are compressed against: the words that are in all
// of them. It is part of the format: it never changes.
const leafWords = `{"body":{"digest":"","event":"heartbeat","milliseconds":0,"policy":"retention","before":"blobs":[{"count":1,"hash":"","size":` +
	`"type":"anchor","name":"","to":"","root":"","receipt":"","error":""},"recorded":"T00:00:00Z","type":"decision"}"type":"config"}"type":"agent"}` +
	`{"index":1,"recorded":"2026-01-01T00:00:00Z","run":{"due":"2026-01-01T00:00:00Z","outcome":"missed","reason":{"class":"agent_off","detail":"no agent was running"},"stream":"github/github.` +
	`"reason":{"class":"denied","detail":"opening a session for 000000000000: operation error STS: AssumeRole, https response error StatusCode: 403, RequestID: , api error AccessDenied: ` +
	`User: arn:aws:sts:::assumed-role/ is not authorized to perform:  on resource: arn:aws:iam::"},"scope":"","status":"denied"}],"outcome":"partial","late","failed",` +
	`"window":{"from":"2026-01-01T00:00:00Z","to":"2026-01-01T00:00:00Z"}},"filters":{"total":0,"pull_request","repository","api.github.com","region","eu-central-1","status":"read"},{"scope":"eu-west-1","status":"read"},{"scope":"us-east-1","status":"read"}],` +
	`{"index":0,"recorded":"2026-01-01T06:00:00Z","run":{"certificate":{"clock_offset_ms":0,"collector":"aws/1","complete":true,"ended":"2026-01-01T06:00:00Z","endpoints":["iam.amazonaws.com"],` +
	`"pages":1,"principal":"arn:aws:sts::000000000000:assumed-role/EvidencedReadOnly/evidenced","redactions":["SecretAccessKey","SessionToken"],"requests":1,"rows":1,"rules":"","schema":"",` +
	`"scopes":[{"scope":"000000000000","status":"read"}],"started":"2026-01-01T06:00:00Z"},"due":"2026-01-01T06:00:00Z","exchanges":{"count":1,"hash":"","size":1},"outcome":"collected",` +
	`"records":{"count":1,"hash":"","size":1},"stream":"aws/aws.iam.user/000000000000","trigger":"schedule"},"type":"run"}`
