package app_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/smithy-go"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

func events() map[string]shape.Definition {
	return map[string]shape.Definition{"events": {Columns: []shape.Column{{Name: "n", Type: "bigint"}}}}
}

// keyedAWS is the node's AWS door with one key.
func keyedAWS(t *testing.T, n *testkit.Node) string {
	key := access.Key{Name: "AKIDEXAMPLE", Scopes: []access.Scope{access.Ingest}, Secret: "wJalrXUtnFEMI", Hash: access.HashSecret("wJalrXUtnFEMI")}
	s := httptest.NewServer(n.Node.AWS(access.NewGuard([]access.Key{key}, nil)))
	t.Cleanup(s.Close)
	return s.URL
}

func firehoseClient(url, secret string) *firehose.Client {
	return firehose.New(firehose.Options{BaseEndpoint: aws.String(url), Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", secret, "")})
}

func TestFirehoseWithTheGoSDK(t *testing.T) {
	n := testkit.Start(t, t.TempDir(), testkit.Project(events()))
	url := keyedAWS(t, n)
	c := firehoseClient(url, "wJalrXUtnFEMI")
	ctx := context.Background()
	name := aws.String("events")

	one, err := c.PutRecord(ctx, &firehose.PutRecordInput{DeliveryStreamName: name, Record: &types.Record{Data: []byte(`{"n":1}`)}})
	if err != nil || aws.ToString(one.RecordId) == "" {
		t.Fatalf("PutRecord: %v, %+v", err, one)
	}
	// Records joined with line breaks are split; records without need none.
	batch, err := c.PutRecordBatch(ctx, &firehose.PutRecordBatchInput{DeliveryStreamName: name, Records: []types.Record{
		{Data: []byte("{\"n\":2}\n{\"n\":3}\n")}, {Data: []byte(`{"n":4}`)}, {Data: []byte("{\n  \"n\": 5\n}")}, {Data: []byte("no JSON")}}})
	if err != nil || aws.ToInt32(batch.FailedPutCount) != 0 || len(batch.RequestResponses) != 4 {
		t.Fatalf("PutRecordBatch: %v, %+v", err, batch)
	}
	if err := n.Flush(ctx, "events"); err != nil {
		t.Fatal(err)
	}
	if got := n.One("SELECT string_agg(n::varchar, ',' ORDER BY n) FROM events"); got != "1,2,3,4,5" {
		t.Errorf("rows: %s", got)
	}
	last := aws.ToString(batch.RequestResponses[3].RecordId)
	if got := n.One("SELECT code FROM quarantine WHERE _record_id = $1::bigint", last); got != "invalid_json" {
		t.Errorf("the broken record's code: %s", got)
	}

	// What one record holds are as many records as objects; one that does not unpack
	// leaves the others alone.
	batch, err = c.PutRecordBatch(ctx, &firehose.PutRecordBatchInput{DeliveryStreamName: name, Records: []types.Record{
		{Data: []byte(`{"n":6}{"n":7}`)}, {Data: []byte("\x1f\x8b\x08 broken")}, {Data: []byte(`{"n":8}`)}}})
	if err != nil || aws.ToInt32(batch.FailedPutCount) != 0 || len(batch.RequestResponses) != 3 {
		t.Fatalf("PutRecordBatch: %v, %+v", err, batch)
	}
	if err := n.Flush(ctx, "events"); err != nil {
		t.Fatal(err)
	}
	if got := n.One("SELECT string_agg(n::varchar, ',' ORDER BY n) FROM events WHERE n > 5"); got != "6,7,8" {
		t.Errorf("rows: %s", got)
	}
	if got := n.One("SELECT line FROM quarantine WHERE _record_id = $1::bigint", aws.ToString(batch.RequestResponses[1].RecordId)); got != "H4sIIGJyb2tlbg==" {
		t.Errorf("the record that does not unpack is kept as %s", got)
	}

	described, err := c.DescribeDeliveryStream(ctx, &firehose.DescribeDeliveryStreamInput{DeliveryStreamName: name})
	if err != nil || described.DeliveryStreamDescription.DeliveryStreamStatus != types.DeliveryStreamStatusActive {
		t.Errorf("DescribeDeliveryStream: %v, %+v", err, described)
	}
	listed, err := c.ListDeliveryStreams(ctx, &firehose.ListDeliveryStreamsInput{})
	if err != nil || len(listed.DeliveryStreamNames) != 1 || aws.ToBool(listed.HasMoreDeliveryStreams) {
		t.Errorf("ListDeliveryStreams: %v, %+v", err, listed)
	}

	var missing *types.ResourceNotFoundException
	if _, err := c.PutRecord(ctx, &firehose.PutRecordInput{DeliveryStreamName: aws.String("event"), Record: &types.Record{Data: []byte("{}")}}); !errors.As(err, &missing) || !strings.Contains(err.Error(), `"events"`) {
		t.Errorf("an unknown stream: %v", err)
	}
	var api smithy.APIError
	if _, err := firehoseClient(url, "wrong").PutRecord(ctx, &firehose.PutRecordInput{DeliveryStreamName: name, Record: &types.Record{Data: []byte("{}")}}); !errors.As(err, &api) || api.ErrorCode() != "InvalidSignatureException" {
		t.Errorf("a wrong secret: %v", err)
	}
	many := make([]types.Record, 501)
	for i := range many {
		many[i].Data = []byte("{}")
	}
	if _, err := c.PutRecordBatch(ctx, &firehose.PutRecordBatchInput{DeliveryStreamName: name, Records: many}); !errors.As(err, &api) || api.ErrorCode() != "InvalidArgumentException" {
		t.Errorf("501 records: %v", err)
	}
	if _, err := c.CreateDeliveryStream(ctx, &firehose.CreateDeliveryStreamInput{DeliveryStreamName: name}); !errors.As(err, &api) || api.ErrorCode() != "UnknownOperationException" {
		t.Errorf("an operation that is not served: %v", err)
	}
	n.Balance()
}

const boto3Script = `
import boto3, sys
from botocore.config import Config
c = boto3.client("firehose", endpoint_url=sys.argv[1], region_name="us-east-1",
    aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key=sys.argv[2], config=Config(retries={"max_attempts": 1}))
try:
    c.put_record(DeliveryStreamName="events", Record={"Data": b'{"n": 1}'})
    r = c.put_record_batch(DeliveryStreamName="events", Records=[{"Data": ('{"n": %d}\n' % i).encode()} for i in range(2, 501)])
    assert r["FailedPutCount"] == 0 and len(r["RequestResponses"]) == 499, r
    print(c.describe_delivery_stream(DeliveryStreamName="events")["DeliveryStreamDescription"]["DeliveryStreamStatus"], c.list_delivery_streams()["DeliveryStreamNames"])
except c.exceptions.ClientError as e:
    print(e.response["Error"]["Code"])
`

// python is an interpreter that has boto3: the one make test sets up, or the system's.
func python(t *testing.T) string {
	for _, p := range []string{filepath.Join("..", "..", ".tools", "python", "bin", "python"), "python3"} {
		if exec.Command(p, "-c", "import boto3").Run() == nil {
			return p
		}
	}
	t.Skip("SKIPPED LOUDLY: no Python with boto3; make tools sets one up")
	return ""
}

func TestFirehoseWithBoto3(t *testing.T) {
	interpreter := python(t)
	n := testkit.Start(t, t.TempDir(), testkit.Project(events()))
	url := keyedAWS(t, n)
	script := filepath.Join(t.TempDir(), "firehose.py")
	if err := os.WriteFile(script, []byte(boto3Script), 0o600); err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[string]string{"wJalrXUtnFEMI": "ACTIVE ['events']", "wrong": "InvalidSignatureException"} {
		out, err := exec.Command(interpreter, script, url, secret).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Fatalf("boto3 with secret %q: %v: %s, want %s", secret, err, out, want)
		}
	}
	if err := n.Flush(context.Background(), "events"); err != nil {
		t.Fatal(err)
	}
	if got := n.One("SELECT count(*) || ' ' || sum(n) FROM events"); got != fmt.Sprintf("500 %d", 500*501/2) {
		t.Errorf("count and sum: %s", got)
	}
	n.Balance()
}
