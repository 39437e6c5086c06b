-- Macros every statement can use: what Redshift, Athena and PostgreSQL have and
-- DuckDB has not, or has in another sense. One statement ends with ";" at the
-- end of its line. A macro that shadows a function of DuckDB calls it by its
-- full name, system.main.<name>.

-- Time zones. ICU knows most short names; these it does not.
CREATE MACRO zone_name(zone) AS CASE upper(zone)
  WHEN 'KST' THEN 'Asia/Seoul' WHEN 'SGT' THEN 'Asia/Singapore' WHEN 'HKT' THEN 'Asia/Hong_Kong' WHEN 'JDT' THEN 'Asia/Tokyo'
  WHEN 'PDT' THEN 'America/Los_Angeles' WHEN 'MDT' THEN 'America/Denver' WHEN 'CDT' THEN 'America/Chicago' WHEN 'EDT' THEN 'America/New_York'
  WHEN 'EST' THEN 'America/New_York' WHEN 'MST' THEN 'America/Denver' WHEN 'GST' THEN 'Asia/Dubai' WHEN 'CEST' THEN 'Europe/Paris' WHEN 'AEST' THEN 'Australia/Sydney'
  WHEN 'AEDT' THEN 'Australia/Sydney' WHEN 'BST' THEN 'Europe/London' WHEN 'IST' THEN 'Asia/Kolkata' WHEN 'JST' THEN 'Asia/Tokyo'
  WHEN 'Z' THEN 'UTC' ELSE zone END;
CREATE MACRO timezone(zone) AS system.main.timezone(zone), (zone, x) AS system.main.timezone(zone_name(zone), x);
CREATE MACRO convert_timezone(zone, x) AS system.main.timezone(zone_name(zone), x::TIMESTAMPTZ), (source, zone, x) AS system.main.timezone(zone_name(zone), system.main.timezone(zone_name(source), x::TIMESTAMP));
CREATE MACRO at_timezone(x, zone) AS system.main.timezone(zone_name(zone), x::TIMESTAMPTZ);
CREATE MACRO with_timezone(x, zone) AS system.main.timezone(zone_name(zone), x::TIMESTAMP);

-- Now and dates.
CREATE MACRO getdate() AS now();
CREATE MACRO sysdate() AS now();
CREATE MACRO date_interval(part, n) AS CASE lower(part)
  WHEN 'year' THEN to_years(n::INTEGER) WHEN 'years' THEN to_years(n::INTEGER) WHEN 'quarter' THEN to_months(3 * n::INTEGER) WHEN 'quarters' THEN to_months(3 * n::INTEGER)
  WHEN 'month' THEN to_months(n::INTEGER) WHEN 'months' THEN to_months(n::INTEGER) WHEN 'mon' THEN to_months(n::INTEGER) WHEN 'week' THEN to_weeks(n::INTEGER) WHEN 'weeks' THEN to_weeks(n::INTEGER)
  WHEN 'day' THEN to_days(n::INTEGER) WHEN 'days' THEN to_days(n::INTEGER) WHEN 'd' THEN to_days(n::INTEGER) WHEN 'hour' THEN to_hours(n::BIGINT) WHEN 'hours' THEN to_hours(n::BIGINT)
  WHEN 'minute' THEN to_minutes(n::BIGINT) WHEN 'minutes' THEN to_minutes(n::BIGINT) WHEN 'second' THEN to_seconds(n::BIGINT) WHEN 'seconds' THEN to_seconds(n::BIGINT)
  WHEN 'millisecond' THEN to_milliseconds(n::BIGINT) WHEN 'microsecond' THEN to_microseconds(n::BIGINT)
  ELSE error('"' || part || '" is not a date part: year, quarter, month, week, day, hour, minute, second, millisecond, microsecond') END;
CREATE MACRO dateadd(part, n, x) AS x + date_interval(part, n);
CREATE MACRO date_add(x, i) AS x + i, (part, n, x) AS x + date_interval(part, n);
CREATE MACRO add_months(x, n) AS x + to_months(n::INTEGER);
CREATE MACRO months_between(a, b) AS date_diff('month', b, a);
CREATE MACRO day_of_week(x) AS isodow(x);
CREATE MACRO day_of_month(x) AS day(x);
CREATE MACRO day_of_year(x) AS dayofyear(x);
CREATE MACRO from_unixtime(n) AS to_timestamp(n), (n, zone) AS system.main.timezone(zone_name(zone), to_timestamp(n));
CREATE MACRO to_unixtime(x) AS epoch(x);
CREATE MACRO from_iso8601_timestamp(s) AS s::TIMESTAMPTZ;
CREATE MACRO from_iso8601_date(s) AS s::DATE;
CREATE MACRO to_iso8601(x) AS strftime(x::TIMESTAMPTZ, '%Y-%m-%dT%H:%M:%S.%g%z');

-- Formats. Statements' constant formats have been rewritten to strftime's before
-- they come here; see format.go.
CREATE MACRO date_format(x, f) AS strftime(x, f);
CREATE MACRO date_parse(s, f) AS strptime(s, f);
CREATE MACRO to_char(x, f) AS strftime(x, f);
CREATE MACRO to_date(s, f) AS strptime(s, f)::DATE;

-- Nulls and text.
CREATE MACRO nvl(a, b) AS coalesce(a, b), (a, b, c) AS coalesce(a, b, c);
CREATE MACRO nvl2(a, b, c) AS CASE WHEN a IS NULL THEN c ELSE b END;
CREATE MACRO regexp_like(s, p) AS regexp_matches(s, p);
CREATE MACRO regexp_substr(s, p) AS regexp_extract(s, p);
CREATE MACRO charindex(part, s) AS strpos(s, part), (part, s, start) AS CASE WHEN strpos(substr(s, start), part) = 0 THEN 0 ELSE strpos(substr(s, start), part) + start - 1 END;
CREATE MACRO strtol(s, base) AS list_reduce(list_transform(string_split(lower(s), ''), lambda c: strpos('0123456789abcdefghijklmnopqrstuvwxyz', c)::BIGINT - 1), lambda a, c: a * base + c);
CREATE MACRO split_to_array(s) AS string_split(s, ','), (s, sep) AS string_split(s, sep);
CREATE MACRO array_join(l, sep) AS array_to_string(l, sep);

-- Addresses.
CREATE MACRO url_extract_protocol(u) AS regexp_extract(u, '^([A-Za-z][A-Za-z0-9+.-]*):', 1);
CREATE MACRO url_extract_host(u) AS regexp_extract(u, '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)', 1);
CREATE MACRO url_extract_port(u) AS TRY_CAST(regexp_extract(u, '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?:\[[^\]]*\]|[^/?#:]*):([0-9]+)', 1) AS BIGINT);
CREATE MACRO url_extract_path(u) AS regexp_extract(u, '^(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?([^?#]*)', 1);
CREATE MACRO url_extract_query(u) AS regexp_extract(u, '^[^?#]*\?([^#]*)', 1);
CREATE MACRO url_extract_fragment(u) AS regexp_extract(u, '#(.*)$', 1);
CREATE MACRO url_extract_parameter(u, name) AS CASE WHEN regexp_matches(u, '^[^?#]*\?(?:[^#]*&)?' || regexp_escape(name) || '=')
  THEN url_decode(replace(regexp_extract(u, '^[^?#]*\?(?:[^#]*&)?' || regexp_escape(name) || '=([^&#]*)', 1), '+', ' ')) END;

-- JSON, arrays and maps.
CREATE MACRO json_parse(s) AS s::JSON;
CREATE MACRO json_format(j) AS j::VARCHAR;
CREATE MACRO json_extract_scalar(j, path) AS CASE WHEN json_type(j, path) IN ('OBJECT', 'ARRAY') THEN NULL ELSE json_extract_string(j, path) END;
CREATE MACRO json_extract_path_text(j, a) AS json_extract_string(j, a), (j, a, b) AS json_extract_string(json_extract(j, a), b), (j, a, b, c) AS json_extract_string(json_extract(json_extract(j, a), b), c), (j, a, b, c, d) AS json_extract_string(json_extract(json_extract(json_extract(j, a), b), c), d);
CREATE MACRO json_array_get(j, i) AS json_extract(j, i::BIGINT);
CREATE MACRO is_valid_json(s) AS json_valid(s);
CREATE MACRO cardinality(x) AS json_array_length(CASE json_type(to_json(x)) WHEN 'OBJECT' THEN to_json(json_keys(to_json(x))) ELSE to_json(x) END);
CREATE MACRO element_at(x, i) AS x[i];

-- Aggregates.
CREATE MACRO approx_distinct(x) AS approx_count_distinct(x);
CREATE MACRO approx_percentile(x, p) AS approx_quantile(x, p);

-- Functions whose result can be far larger than their arguments answer to no
-- memory limit, so a single value of theirs is bounded.
CREATE MACRO bounded(n, most, what) AS CASE WHEN n > most THEN error(what || ' would make more than ' || most || ' in one value') ELSE n END;
CREATE MACRO repeat(x, n) AS system.main.repeat(x, bounded(n::BIGINT * greatest(len(x), 1), 100000, 'repeat') // greatest(len(x), 1));
CREATE MACRO lpad(s, n, fill) AS system.main.lpad(s, bounded(n::BIGINT, 100000, 'lpad')::INTEGER, fill);
CREATE MACRO rpad(s, n, fill) AS system.main.rpad(s, bounded(n::BIGINT, 100000, 'rpad')::INTEGER, fill);
CREATE MACRO list_resize(l, n) AS system.main.list_resize(l, bounded(n::BIGINT, 100000, 'list_resize')), (l, n, fill) AS system.main.list_resize(l, bounded(n::BIGINT, 100000, 'list_resize'), fill);
CREATE MACRO array_resize(l, n) AS list_resize(l, n), (l, n, fill) AS list_resize(l, n, fill);
CREATE MACRO bitstring(s, n) AS system.main.bitstring(s, bounded(n::BIGINT, 100000, 'bitstring')::INTEGER);
-- A series is of numbers or of times; by way of text one macro serves both.
CREATE MACRO series_length(a, b, step) AS coalesce(
  (TRY_CAST(b::VARCHAR AS HUGEINT) - TRY_CAST(a::VARCHAR AS HUGEINT)) // nullif(TRY_CAST(step::VARCHAR AS HUGEINT), 0),
  epoch_us(TRY_CAST(b::VARCHAR AS TIMESTAMP) - TRY_CAST(a::VARCHAR AS TIMESTAMP)) // nullif(epoch_us(TRY_CAST(step::VARCHAR AS INTERVAL)), 0));
CREATE MACRO series_end(a, b, step) AS CASE WHEN series_length(a, b, step) > 100000 THEN error('a series of more than 100000 values: put range or generate_series into FROM') ELSE b END;
CREATE MACRO range(n) AS system.main.range(series_end(0, n, 1)), (a, b) AS system.main.range(a, series_end(a, b, 1)), (a, b, step) AS system.main.range(a, series_end(a, b, step), step);
CREATE MACRO generate_series(n) AS system.main.generate_series(series_end(0, n, 1)), (a, b) AS system.main.generate_series(a, series_end(a, b, 1)), (a, b, step) AS system.main.generate_series(a, series_end(a, b, step), step);

-- Gives its operand, which the optimizer then does not take for a constant: distinct.go.
CREATE MACRO "@!@"(x) AS CASE WHEN random() < 2 THEN x END;
