package source

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLogs(t *testing.T) {
	for name, test := range map[string]struct {
		format, text string
		want         []string
	}{
		"common": {"clf", `127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326` + "\r\n" +
			`::1 - - [10/Oct/2000:13:55:36 +0000] "-" 408 -`, []string{
			`{"remote_host":"127.0.0.1","user":"frank","ts":"2000-10-10T13:55:36-07:00","method":"GET","path":"/apache_pb.gif","protocol":"HTTP/1.0","status":200,"bytes":2326}`,
			`{"remote_host":"::1","ts":"2000-10-10T13:55:36+00:00","status":408}`}},
		"combined": {"combined", `h - john smith [10/Oct/2000:13:55:36 +0900] "GET /a b?q=%20 HTTP/1.1" 404 0 "http://x/?\"y\"" "Mozilla \x22x\x22 \\ \xe6\xb9\x96"`, []string{
			`{"remote_host":"h","user":"john smith","ts":"2000-10-10T13:55:36+09:00","method":"GET","path":"/a b?q=%20","protocol":"HTTP/1.1","status":404,"bytes":0,"referer":"http://x/?\"y\"","user_agent":"Mozilla \"x\" \\ 湖"}`}},
		"a request that is none": {"combined", `h - - [10/Oct/2000:13:55:36 +0900] "\x16\x03\x01\xff" 400 150 "-" "-"` + "\n" +
			`h - - [10/Oct/2000:13:55:36 +0900] "GET /" 200 150 "-" "-" "10.0.0.1"`, []string{
			`{"remote_host":"h","ts":"2000-10-10T13:55:36+09:00","request":"\\x16\\x03\\x01\\xff","status":400,"bytes":150}`,
			`{"remote_host":"h","ts":"2000-10-10T13:55:36+09:00","request":"GET /","status":200,"bytes":150,"forwarded_for":"10.0.0.1"}`}},
		"bad lines": {"clf", "x\n" + `h - - [10/Foo/2000:13:55:36 +0900] "-" 200 1` + "\n" + `h - - [10/Oct/2000:13:55:36 +0900] "- 200 1` + "\n" + `h - - [10/Oct/2000:13:55:36 +0900] "-" 2000 1` + "\n" +
			`h - - [10/Oct/2000:13:55:36 +0900] "-" 200 x` + "\n" + `h - - [10/Oct/2000:13:55:36 +0900] "-" 200 1 "-" "-"`, []string{
			"line 1: it does not begin with host, ident, user and [time]", `line 2: "10/Foo/2000:13:55:36 +0900" is no time`, "line 3: there is no request in quotes", `line 4: "2000" is no status`,
			`line 5: "x" is no number of bytes`, `line 6: something follows the number of bytes: "\"-\" \"-\""; if it is referer and user agent say --format combined`}},
		"no user agent": {"combined", `h - - [10/Oct/2000:13:55:36 +0900] "-" 200 1 "-"`, []string{"line 1: there is no user_agent in quotes"}},
		"IIS": {"w3c", "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time cs-method cs-uri-stem cs(User-Agent) sc-status time-taken\n2026-05-01 23:59:59 GET / Mozilla/5.0+(X) 200 12\n2026-05-01 23:59:59 GET /\n" +
			"#Fields: time c-ip\n10:00:00 ::1\n", []string{
			`{"ts":"2026-05-01T23:59:59Z","cs_method":"GET","cs_uri_stem":"/","cs_user_agent":"Mozilla/5.0 (X)","sc_status":200,"time_taken":12}`,
			"line 4: the line has 4 fields, #Fields: has 7", `{"time":"10:00:00","c_ip":"::1"}`}},
		"CloudFront": {"w3c", "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes cs(User-Agent) cs-uri-query time-taken\n2019-12-04\t21:02:31\tLAX1\t392\tMozilla/5.0%20(Windows%20NT)\t-\t0.001\n2019-12-04\t25:02:31\tLAX1\t392\tx\t-\t0.001\n", []string{
			`{"ts":"2019-12-04T21:02:31Z","x_edge_location":"LAX1","sc_bytes":392,"cs_user_agent":"Mozilla/5.0 (Windows NT)","time_taken":0.001}`,
			`line 4: date "2019-12-04" and time "25:02:31" are no time`}},
		"no #Fields": {"w3c", "2026-05-01 10:00:00 GET\n", []string{"line 1: no line #Fields: has named the columns"}},
		"load balancer": {"alb", `https 2018-07-02T22:23:00.186641Z app/my/50dc 192.168.131.39:2817 10.0.0.1:80 0.086 0.048 -1 200 200 0 57 "GET https://www.example.com:443/?a=1 HTTP/1.1" "curl/7.46.0" ECDHE TLSv1.2 arn:tg "Root=1-58" "www.example.com" "arn:cert" 1 2018-07-02T22:22:48.364000Z "authenticate,forward" "-" "-" "10.0.0.1:80" "200" "-" "-" TID_1 "new one" -` + "\n" +
			`h2 2018-07-02T22:23:00.186641Z app/my/50dc [::1]:2817 - -1 -1 -1 502 - 0 57 "- http://x:80- " "-" - -`, []string{
			`{"type":"https","ts":"2018-07-02T22:23:00.186641Z","elb":"app/my/50dc","client_ip":"192.168.131.39","client_port":2817,"target_ip":"10.0.0.1","target_port":80,"request_processing_time":0.086,"target_processing_time":0.048,"response_processing_time":-1,"elb_status_code":200,"target_status_code":200,"received_bytes":0,"sent_bytes":57,"method":"GET","url":"https://www.example.com:443/?a=1","protocol":"HTTP/1.1","user_agent":"curl/7.46.0","ssl_cipher":"ECDHE","ssl_protocol":"TLSv1.2","target_group_arn":"arn:tg","trace_id":"Root=1-58","domain_name":"www.example.com","chosen_cert_arn":"arn:cert","matched_rule_priority":"1","request_creation_time":"2018-07-02T22:22:48.364000Z","actions_executed":"authenticate,forward","target_list":"10.0.0.1:80","target_status_code_list":"200","conn_trace_id":"TID_1","further":"new one -"}`,
			`{"type":"h2","ts":"2018-07-02T22:23:00.186641Z","elb":"app/my/50dc","client_ip":"[::1]","client_port":2817,"request_processing_time":-1,"target_processing_time":-1,"response_processing_time":-1,"elb_status_code":502,"received_bytes":0,"sent_bytes":57,"request":"- http://x:80-"}`}},
		"no load balancer": {"alb", "a b c\n", []string{"line 1: the line has 3 fields"}},
	} {
		r, err := Open(strings.NewReader(test.text), "access.log", Options{Format: test.format})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range test.want {
			text, rejected, err := r.Next()
			if rejected != nil {
				text = []byte(rejected.Message)
			}
			if err != nil || !strings.HasPrefix(string(text), want) {
				t.Errorf("%s: %s, %v; want %s", name, text, err, want)
			}
		}
		if text, _, err := r.Next(); err == nil {
			t.Errorf("%s: and %s", name, text)
		}
		r.Close()
		// A file that plainly is one says so.
		if strings.HasPrefix(test.want[0], "{") {
			if _, err := Open(strings.NewReader(test.text), "access.log", Options{}); err == nil || !strings.Contains(err.Error(), "say --format "+test.format) {
				t.Errorf("%s, no format: %v", name, err)
			}
		}
	}
	for _, text := range []string{"{}\n", "first line\n", "a b c d e f g h i j k l m n o p\n", ""} {
		if format := plainLog([]byte(text)); format != "" {
			t.Errorf("%q is taken for %s", text, format)
		}
	}
}

// Ten thousand real requests, written as a server logs them, come back as they were.
func TestARealLog(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "weblog.ndjson.gz"))
	if err != nil {
		t.Skip("SKIPPED LOUDLY: ../shared/data is not here: ", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	type request struct {
		TS              time.Time
		IP, Method, URL string
		Protocol        string
		Status, Bytes   int64
		Referer         string
		Agent           string `json:"user_agent"`
		Host            string `json:"remote_host"`
		Path            string
	}
	var log strings.Builder
	var all []request
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	for lines := bufio.NewScanner(z); lines.Scan(); {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
		or := func(text string) string {
			if text == "" {
				return "-"
			}
			return escape.Replace(text)
		}
		fmt.Fprintf(&log, "%s - - [%s] \"%s %s %s\" %d %d \"%s\" \"%s\"\n", r.IP, r.TS.Format("02/Jan/2006:15:04:05 -0700"), r.Method, escape.Replace(r.URL), r.Protocol, r.Status, r.Bytes, or(r.Referer), or(r.Agent))
	}
	r, err := Open(strings.NewReader(log.String()), "access.log", Options{Format: "combined"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i, want := range all {
		text, rejected, err := r.Next()
		if err != nil || rejected != nil {
			t.Fatalf("line %d: %v %+v", i+1, err, rejected)
		}
		var got request
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		if !got.TS.Equal(want.TS) || got.Host != want.IP || got.Path != want.URL || got.Method != want.Method || got.Protocol != want.Protocol || got.Status != want.Status || got.Bytes != want.Bytes ||
			got.Referer != want.Referer || got.Agent != want.Agent {
			t.Errorf("line %d: %s, want %+v", i+1, text, want)
		}
	}
	if len(all) != 10_000 {
		t.Errorf("%d requests", len(all))
	}
}
