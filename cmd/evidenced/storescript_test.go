package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	bolt "go.etcd.io/bbolt"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

// storeCommands are those of the scripts that break stores and keys.
func storeCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"seed": seed, "shorten": shorten, "format": setFormat, "foreign": foreign, "newkey": newKey, "setenv": setEnvFrom,
	}
}

// seed makes a store of four days long ago, and of yesterday: seed STORE KEY.
// Alice is without a second factor, has one, is gone, is back; the raw
// exchange of each day is of that day only.
func seed(ts *testscript.TestScript, _ bool, args []string) {
	if _, err := os.Stat(ts.MkAbs(args[1])); errors.Is(err, os.ErrNotExist) {
		newKey(ts, false, args[1:])
	}
	key, err := store.ReadKey(ts.MkAbs(args[1]))
	ts.Check(err)
	var at time.Time
	s, err := store.Open(ts.MkAbs(args[0]), store.Options{Key: key, Now: func() time.Time { return at }})
	ts.Check(err)
	for _, day := range []struct {
		ago   int
		users string
	}{{800, "alice false,bob true"}, {700, "alice true,bob true"}, {600, "bob true"}, {1, "alice true,bob true"}} {
		at = time.Now().UTC().AddDate(0, 0, -day.ago).Truncate(time.Second)
		ts.Check(s.Append(context.Background(), func(w evidence.Writer) error { return seedDay(w, at, day.users) }))
	}
	ts.Check(s.Close())
}

func seedDay(w evidence.Writer, at time.Time, users string) error {
	stream := evidence.Stream{Source: "aws", Kind: "aws.iam.user", Scope: "123456789012"}
	var lines []byte
	count := 0
	for _, u := range bytes.Split([]byte(users), []byte(",")) {
		name, mfa, _ := bytes.Cut(u, []byte(" "))
		b, err := evidence.Canonical(evidence.Record{Kind: stream.Kind, ID: "id-" + string(name), Name: string(name), Attributes: map[string]any{"mfa_active": string(mfa) == "true"}})
		if err != nil {
			return err
		}
		lines = append(append(lines, b...), '\n')
		count++
	}
	records, err := w.Blob(evidence.Series{Stream: stream, Content: evidence.ContentRecords}, bytes.NewReader(lines), count)
	if err != nil {
		return err
	}
	x, err := evidence.Canonical(evidence.Exchange{Call: "iam:ListUsers", Method: "GET", Status: 200, Body: "raw answer of " + at.Format(time.RFC3339)})
	if err != nil {
		return err
	}
	exchanges, err := w.Blob(evidence.Series{Stream: stream, Content: evidence.ContentExchanges}, bytes.NewReader(append(x, '\n')), 1)
	if err != nil {
		return err
	}
	run := evidence.Run{Slot: evidence.Slot{Stream: stream, Due: at, Trigger: evidence.OnDemand}, Outcome: evidence.Collected,
		Certificate: &evidence.Certificate{Complete: true, Started: at, Ended: at, Rows: count, Collector: "test", Rules: "test"}, Records: &records, Exchanges: &exchanges}
	_, err = w.Entry(evidence.Entry{Type: evidence.EntryRun, Run: &run})
	return err
}

// newKey writes the key of a log: newkey FILE.
func newKey(ts *testscript.TestScript, _ bool, args []string) {
	k, err := store.NewKey("evidenced/simulated", nil)
	ts.Check(err)
	ts.Check(k.WriteFile(ts.MkAbs(args[0])))
}

// setEnvFrom sets a variable to what a file holds: setenv NAME FILE.
func setEnvFrom(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], ts.ReadFile(args[1]))
}

// shorten cuts a file to so many bytes: shorten FILE BYTES.
func shorten(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// setFormat makes a store say that it is of another format: format FILE N.
func setFormat(ts *testscript.TestScript, _ bool, args []string) {
	put(ts, args[0], "meta", "format", args[1])
}

// foreign makes a bbolt file of another program: foreign FILE.
func foreign(ts *testscript.TestScript, _ bool, args []string) { put(ts, args[0], "users", "1", "bob") }

func put(ts *testscript.TestScript, path, bucket, key, value string) {
	db, err := bolt.Open(ts.MkAbs(path), 0o600, &bolt.Options{Timeout: time.Second})
	ts.Check(err)
	err = db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte(bucket))
		if err != nil {
			return fmt.Errorf("bucket %s: %w", bucket, err)
		}
		return b.Put([]byte(key), []byte(value))
	})
	ts.Check(errors.Join(err, db.Close()))
}

// keyService answers as AWS KMS does, with a key per id that it seals with. It
// is for the scripts: cloud/aws is held to an AWS that others wrote. A key whose
// id begins with 9 is denied.
func keyService(w http.ResponseWriter, r *http.Request) {
	var in struct {
		KeyID             string `json:"KeyId"`
		Plaintext         []byte
		CiphertextBlob    []byte
		EncryptionContext map[string]string
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil || strings.Contains(in.KeyID, "key/9") {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"AccessDeniedException","message":"not for you"}`)
		return
	}
	secret := sha256.Sum256([]byte(in.KeyID))
	seal, err := store.NewSealer(secret[:])
	out := map[string]any{"KeyId": in.KeyID}
	switch {
	case err != nil:
	case strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".Encrypt"):
		out["CiphertextBlob"], err = seal.Wrap(r.Context(), in.Plaintext)
	default:
		out["Plaintext"], err = seal.Unwrap(r.Context(), in.CiphertextBlob)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]any{"__type": "InvalidCiphertextException"}
	}
	_ = json.NewEncoder(w).Encode(out) // the program tells what is missing
}
