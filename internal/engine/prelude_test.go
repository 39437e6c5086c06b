package engine

import (
	"strings"
	"testing"
	"time"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// TestPrelude is run in Tokyo, nine hours ahead of UTC.
func TestPrelude(t *testing.T) {
	e, _ := openEngine(t, func(o *Options) { o.Location = zone(t, "Asia/Tokyo") })
	for _, c := range []struct{ expr, want string }{
		{"CONVERT_TIMEZONE('JST', '2026-05-01 00:00:00+00'::timestamptz)", "2026-05-01 09:00:00"},
		{"CONVERT_TIMEZONE('JST', getdate()) = now() AT TIME ZONE 'Asia/Tokyo'", "true"},
		{"CONVERT_TIMEZONE('UTC', 'JST', timestamp '2026-05-01 00:00:00')", "2026-05-01 09:00:00"},
		{"convert_timezone('PDT', '2026-05-01 12:00:00+00'::timestamptz)", "2026-05-01 05:00:00"},
		{"'2026-05-01 00:00:00+00'::timestamptz AT TIME ZONE 'JST'", "2026-05-01 09:00:00"},
		{"timestamp '2026-05-01 00:00:00' AT TIME ZONE 'KST'", "2026-05-01 00:00:00+09"},
		{"at_timezone('2026-05-01 00:00:00+00'::timestamptz, 'Asia/Tokyo')", "2026-05-01 09:00:00"},
		{"with_timezone(timestamp '2026-05-01 00:00:00', 'UTC')", "2026-05-01 09:00:00+09"},
		{"getdate() = now()", "true"},
		{"sysdate() = now()", "true"},
		{"dateadd('day', 1, timestamp '2026-05-01 10:00:00')", "2026-05-02 10:00:00"},
		{"dateadd(day, 1, timestamp '2026-05-01 10:00:00')", "2026-05-02 10:00:00"},
		{"DATEADD(Month, -2, date '2026-05-31')", "2026-03-31 00:00:00"},
		{"dateadd(hr, 1, timestamp '2026-05-01 10:00:00')", "2026-05-01 11:00:00"},
		{"dateadd(qtr, 1, date '2026-05-01')", "2026-08-01 00:00:00"},
		{"dateadd(week, 1, date '2026-05-01')", "2026-05-08 00:00:00"},
		{"dateadd(ms, 1500, timestamp '2026-05-01 10:00:00')", "2026-05-01 10:00:01.5"},
		{"date_add('day', 1, timestamp '2026-05-01 10:00:00')", "2026-05-02 10:00:00"},
		{"date_add(date '2026-05-01', INTERVAL 1 DAY)", "2026-05-02 00:00:00"},
		{"datediff(day, date '2026-05-01', date '2026-05-03')", "2"},
		{"datediff('day', date '2026-05-01', date '2026-05-03')", "2"},
		{"date_diff('hour', timestamp '2026-05-01 00:00:00', timestamp '2026-05-01 05:59:00')", "5"},
		{"datediff(mon, date '2026-01-31', date '2026-03-01')", "2"},
		{"date_part(year, date '2026-05-01')", "2026"},
		{"datepart('dow', date '2026-05-01')", "5"},
		{"add_months(date '2026-01-31', 1)", "2026-02-28 00:00:00"},
		{"months_between(date '2026-05-01', date '2026-03-01')", "2"},
		{"day_of_week(date '2026-05-03')", "7"},
		{"day_of_month(date '2026-05-03')", "3"},
		{"day_of_year(date '2026-02-01')", "32"},
		{"from_unixtime(0)", "1970-01-01 09:00:00+09"},
		{"from_unixtime(0, 'UTC')", "1970-01-01 00:00:00"},
		{"to_unixtime('1970-01-01 09:00:10+09'::timestamptz)", "10.0"},
		{"from_iso8601_timestamp('2026-05-01T00:00:00Z')", "2026-05-01 09:00:00+09"},
		{"from_iso8601_date('2026-05-01')", "2026-05-01"},
		{"date_format(timestamp '2026-05-01 13:04:05', '%Y-%m-%d %H:%i:%s')", "2026-05-01 13:04:05"},
		{"date_format(timestamp '2026-05-01 13:04:05', '%M %e, %h:%i %p %W')", "May 1, 01:04 PM Friday"},
		{"date_format('2026-05-01 00:00:00+00'::timestamptz, '%Y-%m-%d %T')", "2026-05-01 09:00:00"},
		{"date_parse('2026-05-01 13:04:05', '%Y-%m-%d %H:%i:%s')", "2026-05-01 13:04:05"},
		{"to_char(timestamp '2026-05-01 13:04:05', 'YYYY-MM-DD HH24:MI:SS')", "2026-05-01 13:04:05"},
		{"to_char(timestamp '2026-05-01 13:04:05', 'Mon DD, HH12:MI AM \"at\"')", "May 01, 01:04 PM at"},
		{"to_char(date '2026-05-01', 'YYYYMMDD')", "20260501"},
		{"to_date('20260501', 'YYYYMMDD')", "2026-05-01"},
		{"nvl(NULL, 3)", "3"},
		{"nvl(NULL, NULL, 4)", "4"},
		{"nvl2(NULL, 1, 2)", "2"},
		{"regexp_like('abc', 'b.')", "true"},
		{"regexp_substr('abc', 'b.')", "bc"},
		{"charindex('b', 'abc')", "2"},
		{"charindex('b', 'abcb', 3)", "4"},
		{"strtol('ff', 16)", "255"},
		{"strtol('101', 2)", "5"},
		{"split_to_array('a,b')", "[a, b]"},
		{"array_join(['a', 'b'], '-')", "a-b"},
		{"url_extract_protocol('https://user@example.com:8443/a/b?x=1#top')", "https"},
		{"url_extract_host('https://user@example.com:8443/a/b?x=1#top')", "example.com"},
		{"url_extract_host('http://[::1]:80/')", "[::1]"},
		{"url_extract_port('https://user@example.com:8443/a/b?x=1#top')", "8443"},
		{"url_extract_port('https://example.com/')", "NULL"},
		{"url_extract_path('https://user@example.com:8443/a/b?x=1#top')", "/a/b"},
		{"url_extract_path('/a/b?x=1')", "/a/b"},
		{"url_extract_query('https://user@example.com:8443/a/b?x=1#top')", "x=1"},
		{"url_extract_fragment('https://user@example.com:8443/a/b?x=1#top')", "top"},
		{"url_extract_parameter('https://example.com/?ax=2&x=%E6%B9%96+1&y=3', 'x')", "湖 1"},
		{"url_extract_parameter('https://example.com/?y=3', 'x')", "NULL"},
		{"json_parse('{\"a\": 1}').a", "1"},
		{"json_format('{\"a\": 1}'::json)", `{"a": 1}`},
		{"json_extract_scalar('{\"a\": {\"b\": \"x\"}}', '$.a.b')", "x"},
		{"json_extract_scalar('{\"a\": {\"b\": \"x\"}}', '$.a')", "NULL"},
		{"json_extract_path_text('{\"a\": {\"b\": \"x\"}}', 'a', 'b')", "x"},
		{"json_array_get('[1, 2]', 1)", "2"},
		{"is_valid_json('{')", "false"},
		{"cardinality([1, 2, 3])", "3"},
		{"cardinality(MAP {'a': 1})", "1"},
		{"cardinality([])", "0"},
		{"element_at([4, 5], 2)", "5"},
		{"element_at(MAP {'a': 1}, 'a')", "1"},
		{"(SELECT approx_distinct(x) FROM (VALUES (1), (2), (2)) t(x))", "2"},
		{"(SELECT approx_percentile(x, 0.5) FROM (VALUES (1), (2), (3)) t(x))", "2"},
		{"current_date = (now() AT TIME ZONE 'Asia/Tokyo')::date", "true"},
		{"'2026-05-01 20:00:00+00'::timestamptz::date", "2026-05-02"},
	} {
		got, err := tryRows(t.Context(), e, Request{SQL: "SELECT coalesce((" + c.expr + ")::varchar, 'NULL')"})
		if err != nil || strings.Join(got, ",") != c.want {
			t.Errorf("%s: %v, %v, want %s", c.expr, got, err, c.want)
		}
	}
	for _, sql := range []string{
		"SELECT dateadd('fortnight', 1, date '2026-05-01')", "SELECT to_char(now(), f) FROM (SELECT 'YYYY' AS f)", "SELECT dateadd(fortnight, 1, date '2026-05-01')",
	} {
		if got, err := tryRows(t.Context(), e, Request{SQL: sql}); err == nil {
			t.Errorf("%s gave %v", sql, got)
		}
	}
}

func TestTimeZoneOfARequest(t *testing.T) {
	e, _ := openEngine(t, nil)
	const sql = "SELECT '2026-05-01 20:00:00+00'::timestamptz::date::varchar || ' ' || '2026-05-01 20:00:00+00'::timestamptz::varchar"
	for name, want := range map[string]string{
		"Asia/Tokyo": "2026-05-02 2026-05-02 05:00:00+09", "America/New_York": "2026-05-01 2026-05-01 16:00:00-04", "UTC": "2026-05-01 2026-05-01 20:00:00+00",
	} {
		got, err := tryRows(t.Context(), e, Request{SQL: sql, Location: zone(t, name)})
		if err != nil || got[0] != want {
			t.Errorf("%s: %v, %v, want %s", name, got, err, want)
		}
	}
	if _, err := tryRows(t.Context(), e, Request{SQL: "SELECT 1", Location: time.FixedZone("Atlantis", 3600)}); err == nil {
		t.Error("an unknown time zone was taken")
	}
	if got := rows(t, e, sql); got[0] != "2026-05-01 2026-05-01 20:00:00+00" {
		t.Errorf("the next query is in another zone: %v", got)
	}
}
