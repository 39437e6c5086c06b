package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// SignatureError is an AWS signature that does not hold, with the name that AWS
// clients know the reason by.
type SignatureError struct {
	Name    string
	Message string
}

func (e *SignatureError) Error() string { return e.Message }

func badSignature(name, format string, args ...any) error {
	return &record.Error{Kind: record.Forbidden, Err: &SignatureError{name, fmt.Sprintf(format, args...)}}
}

const (
	amzTime = "20060102T150405Z"
	maxSkew = 15 * time.Minute
)

// CheckSignature checks a request that is signed with AWS Signature Version 4.
// The access key id is a key's name, the secret access key its secret. Without
// keys any signature will do, and the host must be a loopback name.
func (g *Guard) CheckSignature(r *http.Request, body []byte, scope Scope, stream string, now time.Time) (string, error) {
	if g.Open() {
		return "", CheckHost(r)
	}
	s, err := readSignature(r)
	if err != nil {
		return "", err
	}
	key, ok := g.KeyByName(s.keyID)
	if !ok {
		return "", badSignature("UnrecognizedClientException", "the access key id %q is not the name of a key in biwa.yaml", s.keyID)
	}
	if key.Secret == "" {
		return "", badSignature("UnrecognizedClientException", "key %q is kept as a hash only, and a signature can be checked only with the secret: write it with secret: in biwa.yaml", s.keyID)
	}
	if d := now.Sub(s.at); d > maxSkew || d < -maxSkew {
		return "", badSignature("InvalidSignatureException", "the signature is of %s, which is more than %v from now, %s", s.at.Format(amzTime), maxSkew, now.UTC().Format(amzTime))
	}
	if name := s.unsigned(r); name != "" {
		return "", badSignature("InvalidSignatureException", "the header %s is sent but not signed: it must be among SignedHeaders", name)
	}
	sum := sha256.Sum256(body)
	if declared := r.Header.Get("X-Amz-Content-Sha256"); declared != "" && declared != hex.EncodeToString(sum[:]) {
		return "", badSignature("InvalidSignatureException", "the body is not the one that was signed")
	}
	want := s.sign(key.Secret, canonicalRequest(r, s.headers, hex.EncodeToString(sum[:])))
	if subtle.ConstantTimeCompare([]byte(want), []byte(s.signature)) != 1 {
		return "", badSignature("InvalidSignatureException", "the signature does not match: check the secret access key")
	}
	return key.Name, key.Allows(scope, stream)
}

// signature is what the Authorization header of a signed request says.
type signature struct {
	keyID, scope, signature string
	date, region, service   string
	headers                 []string
	at                      time.Time
}

func readSignature(r *http.Request) (s signature, err error) {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return s, badSignature("MissingAuthenticationTokenException", "the request is not signed with AWS Signature Version 4")
	}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			s.keyID, s.scope, _ = strings.Cut(value, "/")
		case "SignedHeaders":
			s.headers = strings.Split(value, ";")
		case "Signature":
			s.signature = value
		}
	}
	parts := strings.Split(s.scope, "/")
	if len(parts) != 4 || parts[3] != "aws4_request" || s.signature == "" || !slices.Contains(s.headers, "host") && !slices.Contains(s.headers, ":authority") {
		return s, badSignature("IncompleteSignatureException", "the Authorization header lacks Credential, SignedHeaders or Signature")
	}
	s.date, s.region, s.service = parts[0], parts[1], parts[2]
	if s.at, err = time.Parse(amzTime, r.Header.Get("X-Amz-Date")); err != nil || !strings.HasPrefix(r.Header.Get("X-Amz-Date"), s.date) {
		return s, badSignature("IncompleteSignatureException", "X-Amz-Date %q is not of the day in the credential", r.Header.Get("X-Amz-Date"))
	}
	return s, nil
}

// mustBeSigned are the headers that decide what a request means. Whoever could
// change one of them on the way would have another request pass under the signature.
var mustBeSigned = []string{"X-Amz-Date", "X-Amz-Target", "X-Amz-Content-Sha256", "Content-Type", "Content-Encoding"}

// unsigned is a header that the request has and its signature does not cover, ""
// without one. The host is seen to where the signature is read.
func (s *signature) unsigned(r *http.Request) string {
	for _, name := range mustBeSigned {
		if len(r.Header.Values(name)) > 0 && !slices.Contains(s.headers, strings.ToLower(name)) {
			return name
		}
	}
	return ""
}

// sign computes the signature of a canonical request.
func (s *signature) sign(secret, canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{"AWS4-HMAC-SHA256", s.at.Format(amzTime), s.scope, hex.EncodeToString(sum[:])}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.date, s.region, s.service, "aws4_request"} {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, text))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// canonicalRequest is the text that is signed, as "Create a signed AWS API
// request" in the IAM user guide lays it down.
func canonicalRequest(r *http.Request, headers []string, bodyHash string) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + canonicalPath(r.URL) + "\n" + canonicalQuery(r.URL) + "\n")
	for _, name := range headers {
		b.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(headers, ";") + "\n" + bodyHash)
	return b.String()
}

// canonicalPath encodes the path as it came once more, as every service but S3 wants it.
func canonicalPath(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if c == '/' || c == '-' || c == '_' || c == '.' || c == '~' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func canonicalQuery(u *url.URL) string {
	return strings.ReplaceAll(u.Query().Encode(), "+", "%20")
}

// headerValue gives back what Go's server has taken out of the headers.
func headerValue(r *http.Request, name string) string {
	switch name {
	case "host", ":authority":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	case "transfer-encoding":
		return strings.Join(r.TransferEncoding, ",")
	}
	values := r.Header.Values(name)
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(trimmed, ",")
}
