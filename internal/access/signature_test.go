package access

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// A header that decides what a request means holds only where it is signed.
func TestHeadersThatMatterMustBeSigned(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	guard := NewGuard([]Key{{Name: "aws", Secret: "very-secret", Scopes: []Scope{Ingest}}}, nil)
	body := []byte(`{"a":1}`)
	all := []string{"content-encoding", "content-type", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-target"}
	signed := func(headers []string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "http://firehose.example/", strings.NewReader(string(body)))
		sum := sha256.Sum256(body)
		hash := hex.EncodeToString(sum[:])
		r.Header.Set("X-Amz-Date", now.Format(amzTime))
		r.Header.Set("X-Amz-Target", "Firehose_20150804.PutRecord")
		r.Header.Set("X-Amz-Content-Sha256", hash)
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("Content-Encoding", "identity")
		s := signature{keyID: "aws", scope: "20260501/eu-west-1/firehose/aws4_request", date: "20260501", region: "eu-west-1", service: "firehose", at: now, headers: headers}
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=aws/"+s.scope+", SignedHeaders="+strings.Join(headers, ";")+", Signature="+s.sign("very-secret", canonicalRequest(r, headers, hash)))
		return r
	}
	if _, err := guard.CheckSignature(signed(all), body, Ingest, "clicks", now); err != nil {
		t.Fatalf("all headers signed: %v", err)
	}
	for _, left := range all {
		some := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return name == left })
		_, err := guard.CheckSignature(signed(some), body, Ingest, "clicks", now)
		var bad *SignatureError
		if !errors.As(err, &bad) {
			t.Errorf("%s is not signed: the request passed (%v)", left, err)
		}
	}
	for _, name := range []string{"x-amz-target", "content-type", "content-encoding", "x-amz-content-sha256", "x-amz-date"} {
		r := signed(all)
		r.Header.Set(name, "another")
		if _, err := guard.CheckSignature(r, body, Ingest, "clicks", now); err == nil {
			t.Errorf("%s was changed on the way and the request passed", name)
		}
	}
}
