package source

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// extendedLog reads W3C Extended logs, as IIS and CloudFront write them. The line
// #Fields: names the columns, anew where it comes again.
type extendedLog struct {
	names []string
}

// numeric are the fields that hold numbers.
var numeric = map[string]bool{"sc_status": true, "sc_substatus": true, "sc_win32_status": true, "sc_bytes": true, "cs_bytes": true, "time_taken": true, "s_port": true, "c_port": true, "time_to_first_byte": true, "sc_content_len": true}

func (x *extendedLog) parse(line string) (fields, error) {
	if list, ok := strings.CutPrefix(line, "#Fields:"); ok {
		x.names = nil
		for _, name := range strings.Fields(list) {
			x.names = append(x.names, columnName(name))
		}
		return nil, nil
	}
	if strings.HasPrefix(line, "#") {
		return nil, nil
	}
	if len(x.names) == 0 {
		return nil, errors.New("no line #Fields: has named the columns")
	}
	tabs := strings.IndexByte(line, '\t') >= 0
	var cells []string
	if tabs {
		cells = strings.Split(line, "\t")
	} else if cells = spaced(line); cells == nil {
		return nil, errors.New("a quote does not end")
	}
	if len(cells) != len(x.names) {
		return nil, fmt.Errorf("the line has %d %s, #Fields: has %d", len(cells), plural(len(cells), "field", "fields"), len(x.names))
	}
	return x.fields(cells, tabs)
}

// fields names the cells; date and time together are ts, in UTC.
func (x *extendedLog) fields(cells []string, tabs bool) (f fields, err error) {
	date, clock := "", ""
	for i, name := range x.names {
		switch name {
		case "date":
			date = cells[i]
		case "time":
			clock = cells[i]
		}
	}
	if date != "" && clock != "" {
		at := date + "T" + clock + "Z"
		if _, err := time.Parse(time.RFC3339Nano, at); err != nil {
			return nil, fmt.Errorf("date %q and time %q are no time", clip(date), clip(clock))
		}
		f.add("ts", at)
	}
	for i, name := range x.names {
		value := cells[i]
		switch {
		case (name == "date" || name == "time") && len(f) > 0 && f[0].name == "ts":
		case numeric[name]:
			f.addNumber(name, value)
		case name == "cs_user_agent":
			f.add(name, agent(value, tabs))
		default:
			f.add(name, value)
		}
	}
	if len(f) == 0 {
		return nil, errors.New("no field of the line has a value")
	}
	return f, nil
}

// agent is a user agent as it was: CloudFront writes a blank as %20, IIS as +.
func agent(value string, tabs bool) string {
	if !tabs {
		return strings.ReplaceAll(value, "+", " ")
	}
	if plain, err := url.PathUnescape(value); err == nil {
		return plain
	}
	return value
}

// columnName makes a name that SQL takes without quotes: cs(User-Agent) is cs_user_agent.
func columnName(name string) string {
	name = strings.Trim(strings.Map(func(c rune) rune {
		switch {
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		}
		return '_'
	}, name), "_")
	return strings.ReplaceAll(name, "__", "_")
}

// spaced cuts a line at its blanks; a cell in quotes may have some. nil where a
// quote does not end.
func spaced(line string) (cells []string) {
	for {
		line = strings.TrimLeft(line, " ")
		if line == "" {
			return cells
		}
		if line[0] == '"' {
			value, rest, ok := quoted(line)
			if !ok {
				return nil
			}
			cells, line = append(cells, unescaped(value)), rest
			continue
		}
		cell, rest, _ := strings.Cut(line, " ")
		cells, line = append(cells, cell), rest
	}
}

// loadBalancer are the fields of an access log of an Application Load Balancer;
// those that begin with # are numbers. AWS adds more at the end as time goes on.
var loadBalancer = strings.Fields("type ts elb client target #request_processing_time #target_processing_time #response_processing_time #elb_status_code #target_status_code " +
	"#received_bytes #sent_bytes request user_agent ssl_cipher ssl_protocol target_group_arn trace_id domain_name chosen_cert_arn matched_rule_priority request_creation_time " +
	"actions_executed redirect_url error_reason target_list target_status_code_list classification classification_reason conn_trace_id")

// loadBalancerLog reads a line of such a log. What follows the fields that are
// known is in further.
func loadBalancerLog(line string) (f fields, err error) {
	cells := spaced(line)
	if len(cells) < 14 {
		return nil, fmt.Errorf("the line has %d fields, an access log of a load balancer has 14 and more", len(cells))
	}
	if _, err := time.Parse(time.RFC3339Nano, cells[1]); err != nil {
		return nil, fmt.Errorf("%q is no time such as 2018-07-02T22:23:00.186641Z", clip(cells[1]))
	}
	for i, name := range loadBalancer[:min(len(cells), len(loadBalancer))] {
		value := cells[i]
		number, isNumber := strings.CutPrefix(name, "#")
		at := strings.LastIndexByte(value, ':')
		switch {
		case isNumber:
			f.addNumber(number, value)
		case name == "request":
			f.request(strings.TrimSuffix(value, " "), "url")
		case (name == "client" || name == "target") && at >= 0:
			f.add(name+"_ip", value[:at])
			f.addNumber(name+"_port", value[at+1:])
		case name == "client" || name == "target":
			f.add(name+"_ip", value)
		default:
			f.add(name, value)
		}
	}
	if len(cells) > len(loadBalancer) {
		f.add("further", strings.Join(cells[len(loadBalancer):], " "))
	}
	return f, nil
}
