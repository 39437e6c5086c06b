package console

import (
	"context"
	"net"
	"strconv"
	"strings"
)

// client is a way to send, as a snippet.
type client struct{ Name, Text string }

// clients are snippets that send an example to a stream as they stand; where the node
// wants keys, once one is put in.
func (v *Visit) clients(stream string, example Example) []client {
	if example.Line == "" {
		return nil
	}
	base := v.Base()
	host, port, err := net.SplitHostPort(v.Request.Host)
	if err != nil {
		host, port = v.Request.Host, map[string]string{"http": "80", "https": "443"}[base[:len(base)-len("://"+v.Request.Host)]]
	}
	list := []client{{"curl", v.curl(stream, example.Line)}}
	if example.Browser {
		list = append(list, client{"browser", "biwa key create website --stream " + stream + " --origin " + base + "\n\n<script src=\"" + base + "/biwa.js\" data-key=\"KEY\" defer></script>"})
	}
	if aws := v.options.AWS(); aws != "" {
		list = append(list, client{"boto3", "import boto3\nfh = boto3.client(\"firehose\", region_name=\"us-east-1\",\n    endpoint_url=\"" + aws + "\",\n    aws_access_key_id=\"any\", aws_secret_access_key=\"any\")\nfh.put_record(DeliveryStreamName=\"" + stream + "\",\n    Record={\"Data\": " + codeText(example.Line, "'") + "})"})
	}
	return append(list,
		client{"Go", "body := strings.NewReader(" + codeText(example.Line, "`") + ")\nresp, err := http.Post(\"" + base + "/v1/events/" + stream + "\",\n    \"application/x-ndjson\", body)"},
		client{"Fluent Bit", "[OUTPUT]\n    Name   http\n    Match  *\n    Host   " + host + "\n    Port   " + port + "\n    URI    /v1/events/" + stream + "\n    Format json_lines"})
}

// curl sends a line to a stream.
func (v *Visit) curl(stream, line string) string {
	text := "curl " + v.Base() + "/v1/events/" + stream + " \\\n"
	if !v.options.Guard.Open() {
		text += "  -H \"Authorization: Bearer $BIWA_KEY\" \\\n"
	}
	return text + "  -H 'Content-Type: application/x-ndjson' \\\n  -d '" + strings.ReplaceAll(line, "'", `'\''`) + "'"
}

// codeText is a text in a programming language: raw where its quotes allow it.
func codeText(text, raw string) string {
	if strings.ContainsAny(text, raw+"\\") {
		return strconv.QuoteToASCII(text)
	}
	return raw + text + raw
}

// send is a command that sends an example to a stream, "" where none can be made.
func (c *Console) send(ctx context.Context, v *Visit, stream string) (text string) {
	part(ctx, func(ctx context.Context) error {
		example, err := c.Node.Example(ctx, stream)
		if err == nil {
			text = v.curl(stream, example.Line)
		}
		return err
	})
	return text
}
