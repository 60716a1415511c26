package aws

import (
	"bytes"
	"encoding/csv"
	"io"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// reportColumns maps columns of the credential report to attributes.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
var (
	reportFlags = map[string]string{
		"password_enabled": "password_enabled", "mfa_active": "mfa_active",
		"access_key_1_active": "access_key_1_active", "access_key_2_active": "access_key_2_active",
		"cert_1_active": "cert_1_active", "cert_2_active": "cert_2_active",
	}
	reportTimes = map[string]string{
		"user_creation_time": "created_at",
		"password_last_used": "password_last_used_at", "password_last_changed": "password_last_changed_at",
		"access_key_1_last_rotated": "access_key_1_last_rotated_at", "access_key_1_last_used_date": "access_key_1_last_used_at",
		"access_key_2_last_rotated": "access_key_2_last_rotated_at", "access_key_2_last_used_date": "access_key_2_last_used_at",
	}
)

const rootUser = "<root_account>"

// parseReport decodes the credential report by the names of its columns. A
// value that is neither of its type nor one of the words for "not said" makes
// the report unreadable: it is not guessed at.
func parseReport(content []byte) ([]evidence.Record, error) {
	r := csv.NewReader(bytes.NewReader(content))
	header, err := r.Read()
	if err != nil {
		return nil, collectors.Incomplete("the credential report has no header: %v", err)
	}
	columns := map[string]int{}
	for i, name := range header {
		if _, twice := columns[name]; twice {
			return nil, collectors.Incomplete("the credential report has the column %q twice", name)
		}
		columns[name] = i
	}
	for _, name := range []string{"user", "arn", "mfa_active"} {
		if _, ok := columns[name]; !ok {
			return nil, collectors.Incomplete("the credential report has no column %q", name)
		}
	}
	return parseRows(r, columns)
}

func parseRows(r *csv.Reader, columns map[string]int) ([]evidence.Record, error) {
	var rows []evidence.Record
	for {
		fields, err := r.Read() // a row of another length than the header is an error
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, collectors.Incomplete("the credential report: %v", err)
		}
		row, err := parseRow(fields, columns)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
}

func parseRow(fields []string, columns map[string]int) (evidence.Record, error) {
	user, id := fields[columns["user"]], fields[columns["arn"]]
	if user == "" || id == "" {
		return evidence.Record{}, collectors.Incomplete("the credential report has a row without user or ARN")
	}
	a := collectors.Attributes{"root": user == rootUser}
	for column, name := range reportFlags {
		if v, present := columnValue(fields, columns, column); present {
			if v != "true" && v != "false" {
				return evidence.Record{}, collectors.Incomplete("the credential report says %.40q for %s of %s", v, column, id)
			}
			a[name] = v == "true"
		}
	}
	for column, name := range reportTimes {
		if v, present := columnValue(fields, columns, column); present {
			t, err := time.Parse(time.RFC3339, v)
			if err != nil {
				return evidence.Record{}, collectors.Incomplete("the credential report says %.40q for %s of %s", v, column, id)
			}
			a.Time(name, &t)
		}
	}
	return evidence.Record{ID: id, Name: user, Attributes: a}, nil
}

// columnValue returns a value, unless the column is missing or holds a word for "not said".
func columnValue(fields []string, columns map[string]int, column string) (string, bool) {
	i, ok := columns[column]
	if !ok {
		return "", false
	}
	switch fields[i] {
	case "", "N/A", "n/a", "no_information", "not_supported":
		return "", false
	}
	return fields[i], true
}
