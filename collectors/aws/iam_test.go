package aws

import (
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

func TestSummary(t *testing.T) {
	s := capture(t, map[string][]reply{"iam:GetAccountSummary": {ok(`<GetAccountSummaryResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetAccountSummaryResult><SummaryMap>` +
		`<entry><key>AccountMFAEnabled</key><value>1</value></entry><entry><key>AccountAccessKeysPresent</key><value>0</value></entry><entry><key>Users</key><value>32</value></entry>` +
		`</SummaryMap></GetAccountSummaryResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetAccountSummaryResponse>`)},
		"iam:ListVirtualMFADevices": everyService()["iam:ListVirtualMFADevices"]}, kindIAMAccount)
	expect(t, s, true, `111122223333 111122223333 [] {"root_access_keys":0,"root_mfa":true,"root_mfa_virtual":true,"users":32}
111122223333 read`)
}

func TestSummaryUnread(t *testing.T) {
	for name, tt := range map[string]struct {
		reply reply
		want  error
	}{
		"denied":    {queryError(403, "AccessDenied"), collectors.ErrDenied},
		"empty":     {ok(`<GetAccountSummaryResponse><GetAccountSummaryResult/></GetAccountSummaryResponse>`), collectors.ErrIncomplete},
		"throttled": {queryError(400, "Throttling"), collectors.ErrThrottled},
		"html 404":  {reply{status: 404, body: "<html><body>nothing here</body></html>"}, collectors.ErrIncomplete},
		"html 500":  {reply{status: 500, body: "<html>"}, collectors.ErrUnreachable},
		"empty 403": {reply{status: 403}, collectors.ErrDenied},
		"garbled":   {ok(`<GetAccountSummaryResponse><GetAccountSummaryResult><SummaryMap><entry><key>Users</key><value>many</value></entry>`), collectors.ErrIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			s := capture(t, map[string][]reply{"iam:GetAccountSummary": {tt.reply}}, kindIAMAccount)
			if !errors.Is(s.Err, tt.want) || len(s.Records) != 0 {
				t.Errorf("error %v, want %v", s.Err, tt.want)
			}
		})
	}
}

func TestThrottledThenAnswered(t *testing.T) {
	s := capture(t, map[string][]reply{"iam:GetAccountPasswordPolicy": {queryError(400, "Throttling"), {status: 503, body: "<html>"}, queryError(404, "NoSuchEntity")},
		"iam:GetAccountSummary": query("GetAccountSummary", `<SummaryMap><entry><key>Users</key><value>3</value></entry></SummaryMap>`)}, kindPasswordPolicy)
	expect(t, s, true, `111122223333 111122223333 [] {"exists":false,"users":3}
111122223333 read`)
	if s.Certificate.Requests != 5 {
		t.Errorf("%d requests, want 1 of the session, 3 attempts and 1 for the users", s.Certificate.Requests)
	}
}

func TestPasswordPolicy(t *testing.T) {
	const policy = `<GetAccountPasswordPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetAccountPasswordPolicyResult><PasswordPolicy><AllowUsersToChangePassword>true</AllowUsersToChangePassword><RequireUppercaseCharacters>true</RequireUppercaseCharacters><RequireSymbols>true</RequireSymbols><ExpirePasswords>true</ExpirePasswords><PasswordReusePrevention>24</PasswordReusePrevention><RequireLowercaseCharacters>true</RequireLowercaseCharacters><MaxPasswordAge>90</MaxPasswordAge><HardExpiry>false</HardExpiry><RequireNumbers>false</RequireNumbers><MinimumPasswordLength>14</MinimumPasswordLength></PasswordPolicy></GetAccountPasswordPolicyResult></GetAccountPasswordPolicyResponse>`
	expect(t, capture(t, map[string][]reply{"iam:GetAccountPasswordPolicy": {ok(policy)}}, kindPasswordPolicy), true,
		`111122223333 111122223333 [] {"allow_change":true,"exists":true,"expire":true,"hard_expiry":false,"max_age_days":90,"minimum_length":14,"require_lowercase":true,"require_numbers":false,"require_symbols":true,"require_uppercase":true,"reuse_prevention":24}
111122223333 read`)
	for name, r := range map[string]reply{"another 404": {status: 404, body: "<html>"}, "404 of another code": queryError(404, "NoSuchThing"), "no policy in it": ok(`<GetAccountPasswordPolicyResponse><GetAccountPasswordPolicyResult><PasswordPolicy/></GetAccountPasswordPolicyResult></GetAccountPasswordPolicyResponse>`)} {
		if s := capture(t, map[string][]reply{"iam:GetAccountPasswordPolicy": {r}}, kindPasswordPolicy); !errors.Is(s.Err, collectors.ErrIncomplete) || len(s.Records) != 0 {
			t.Errorf("%s: %v, %v", name, s.Err, s.Records)
		}
	}
}

func generated(state string) reply {
	return ok(`<GenerateCredentialReportResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GenerateCredentialReportResult><State>` + state + `</State></GenerateCredentialReportResult></GenerateCredentialReportResponse>`)
}

func reportOf(csv string) reply {
	return ok(`<GetCredentialReportResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetCredentialReportResult><Content>` + base64.StdEncoding.EncodeToString([]byte(csv)) +
		`</Content><ReportFormat>text/csv</ReportFormat><GeneratedTime>2026-07-01T04:00:00Z</GeneratedTime></GetCredentialReportResult></GetCredentialReportResponse>`)
}

func sampleReport(t testing.TB) string {
	b, err := os.ReadFile("testdata/report.csv")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestUsers(t *testing.T) {
	r := newRig(t, with(map[string][]reply{
		"iam:GenerateCredentialReport": {generated("STARTED"), generated("INPROGRESS"), generated("COMPLETE")},
		"iam:GetCredentialReport":      {queryError(410, "ReportExpired"), reportOf(sampleReport(t))},
	}))
	s := r.capture(t, own, kindUser)
	expect(t, s, true, `
arn:aws:iam::111122223333:root <root_account> [] {"access_key_1_active":false,"access_key_2_active":false,"cert_1_active":false,"cert_2_active":false,"created_at":"2020-01-01T00:00:00Z","mfa_active":true,"password_last_used_at":"2026-05-05T05:05:05Z","root":true}
arn:aws:iam::111122223333:user/ann ann [] {"access_key_1_active":true,"access_key_1_last_rotated_at":"2026-01-01T00:00:00Z","access_key_1_last_used_at":"2026-06-30T10:00:00Z","access_key_2_active":false,"cert_1_active":false,"cert_2_active":false,"created_at":"2021-01-01T00:00:00Z","mfa_active":false,"password_enabled":true,"password_last_changed_at":"2025-01-01T00:00:00Z","root":false}
111122223333 read`)
	if at := s.Records[0].Effective; at == nil || !at.Equal(time.Date(2026, 7, 1, 4, 0, 0, 0, time.UTC)) {
		t.Errorf("effective %v, want when the report was made", at)
	}
	if r.slept != 3*reportPause {
		t.Errorf("slept %s between the questions", r.slept)
	}
}

func TestUsersNeverReady(t *testing.T) {
	s := capture(t, map[string][]reply{"iam:GenerateCredentialReport": {generated("INPROGRESS")}}, kindUser)
	if !errors.Is(s.Err, collectors.ErrIncomplete) || s.Certificate.Requests != 1+reportTries {
		t.Errorf("error %v after %d requests", s.Err, s.Certificate.Requests)
	}
}

func TestUsersWithoutRoot(t *testing.T) {
	s := capture(t, map[string][]reply{"iam:GenerateCredentialReport": {generated("COMPLETE")}, "iam:GetCredentialReport": {reportOf("user,arn,mfa_active\nann,arn:a,true\n")}}, kindUser)
	expect(t, s, false, `arn:a ann [] {"mfa_active":true,"root":false}
111122223333 read
111122223333/root failed incomplete`)
}

// TestUsersOfAnOldReport: what an old report says was true then, and passes
// nothing now; a user who was made since cannot have been seen then.
func TestUsersOfAnOldReport(t *testing.T) {
	for age, complete := range map[string]bool{"2026-06-30T06:00:00Z": true, "2026-06-30T05:59:59Z": false, "2020-12-31T23:59:59Z": false} {
		old := reportOf(sampleReport(t))
		old.body = strings.Replace(old.body, "2026-07-01T04:00:00Z", age, 1)
		s := capture(t, map[string][]reply{"iam:GenerateCredentialReport": {generated("COMPLETE")}, "iam:GetCredentialReport": {old}}, kindUser)
		if (s.Err == nil) != complete || !complete && !errors.Is(s.Err, collectors.ErrIncomplete) || len(s.Records) != 2 {
			t.Errorf("a report of %s: %v, %d records", age, s.Err, len(s.Records))
		}
		if root := s.Records[0].Effective; root == nil || root.Format(time.RFC3339) != age {
			t.Errorf("root of %s was seen %v", age, root)
		}
		if ann := s.Records[1]; (ann.Effective == nil) != (age < ann.Attributes["created_at"].(string)) {
			t.Errorf("ann of %s was seen %v", age, ann.Effective)
		}
	}
}

func TestReport(t *testing.T) {
	const head = "user,arn,mfa_active,password_enabled,user_creation_time\n"
	for name, csv := range map[string]string{
		"empty": "", "no column": "user,arn\nann,arn:a\n", "column twice": "user,arn,mfa_active,user\n", "short row": head + "ann,arn:a\n",
		"bare quote": head + "\"ann,arn:a,true,true,2020\n", "strange flag": head + "ann,arn:a,TRUE,true,2020-01-01T00:00:00+00:00\n",
		"strange time": head + "ann,arn:a,true,true,yesterday\n", "no arn": head + "ann,,true,true,2020-01-01T00:00:00+00:00\n",
	} {
		if rows, err := parseReport([]byte(csv)); !errors.Is(err, collectors.ErrIncomplete) {
			t.Errorf("%s: %v, %v", name, rows, err)
		}
	}
	rows, err := parseReport([]byte("mfa_active,arn,extra,user\nfalse,arn:a,x,\"o,\"\"brien\"\nN/A,arn:b,y,b\n"))
	if err != nil || len(rows) != 2 || rows[0].Name != `o,"brien` || rows[0].Attributes["mfa_active"] != false {
		t.Fatalf("%v, %v", rows, err)
	}
	if v, present := rows[1].Attributes["mfa_active"]; present {
		t.Errorf("N/A became %v", v)
	}
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(sampleReport(f)))
	f.Add([]byte("user,arn,mfa_active\na,b,true\n"))
	f.Add([]byte("user,arn,mfa_active,user_creation_time\n\"a\n\",b,false,2020-01-01T00:00:00Z\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, err := parseReport(b)
		if err != nil && !errors.Is(err, collectors.ErrIncomplete) {
			t.Fatalf("error without a class: %v", err)
		}
		for _, r := range rows {
			r.Kind = kindUser
			if err := r.Validate(); err != nil {
				t.Fatal(err)
			}
			for name, v := range r.Attributes {
				if at, timed := v.(string); timed {
					if _, err := time.Parse(time.RFC3339, at); err != nil {
						t.Fatalf("%s is %q", name, at)
					}
				}
			}
		}
		_, _ = evidence.Lines(rows)
	})
}
