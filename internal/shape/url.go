package shape

import (
	"bytes"
	"net/netip"
	"unicode/utf8"
	"unsafe"
)

// address is the parts of a URL that are asked for, as they stand in it; nil
// where there are none.
type address struct{ host, path, query []byte }

// splitAddress takes a URL apart. It is lenient, for what browsers and logs hold
// is: any text has parts, if only a path.
func splitAddress(s []byte) (a address) {
	if i := bytes.IndexByte(s, '#'); i >= 0 {
		s = s[:i]
	}
	if i := bytes.IndexByte(s, '?'); i >= 0 {
		s, a.query = s[:i], s[i+1:]
	}
	var hasHost bool
	if i := bytes.IndexByte(s, ':'); i > 0 && isScheme(s[:i]) {
		if hasHost = bytes.HasPrefix(s[i+1:], []byte("//")); !hasHost {
			return a // mailto:, javascript:, about:
		}
		s = s[i+3:]
	} else if hasHost = bytes.HasPrefix(s, []byte("//")); hasHost {
		s = s[2:]
	}
	if !hasHost {
		if len(s) > 0 {
			a.path = s
		}
		return a
	}
	a.host, a.path = s, rootPath
	if i := bytes.IndexByte(s, '/'); i >= 0 {
		a.host, a.path = s[:i], s[i:]
	}
	a.host = bareHost(a.host)
	return a
}

// rootPath is the path of an address that is only a host.
var rootPath = []byte("/")

func isScheme(s []byte) bool {
	for i, c := range s {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || !isDigit(c) && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return true
}

// bareHost takes user and port off.
func bareHost(h []byte) []byte {
	if i := bytes.LastIndexByte(h, '@'); i >= 0 {
		h = h[i+1:]
	}
	if i := bytes.LastIndexByte(h, ':'); i > bytes.LastIndexByte(h, ']') {
		h = h[:i]
	}
	if len(h) == 0 {
		return nil
	}
	return h
}

// urlEnricher sets <column>_host, <column>_path and the utm columns.
type urlEnricher struct {
	source, host, path *text
	utm                [3]*text
}

var utmNames = [3]string{"utm_source", "utm_medium", "utm_campaign"}

func (e *urlEnricher) enrich(row int) {
	a := splitAddress(e.source.get(row))
	setLower(e.host, row, a.host)
	if a.path == nil {
		e.path.null(row)
	} else {
		e.path.setBytes(row, a.path)
	}
	for _, u := range e.utm {
		u.null(row)
	}
	if bytes.Contains(a.query, []byte("utm_")) {
		e.takeUTM(row, a.query)
	}
}

// takeUTM sets the utm columns from a query; of two the first counts.
func (e *urlEnricher) takeUTM(row int, query []byte) {
	for len(query) > 0 {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte("&"))
		name, value, _ := bytes.Cut(pair, []byte("="))
		for i, u := range e.utm {
			if string(name) == utmNames[i] && len(value) > 0 && u.isNull(row) {
				u.end(row, appendDecoded(u.start(row), value))
			}
		}
	}
}

// appendDecoded appends a query's value with + and %XX resolved; if that is not
// UTF-8, as it stands.
func appendDecoded(dst, value []byte) []byte {
	start := len(dst)
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c == '+' {
			c = ' '
		}
		if c == '%' && i+2 < len(value) {
			if high, low := unhex(value[i+1]), unhex(value[i+2]); high >= 0 && low >= 0 {
				c = byte(high<<4 | low)
				i += 2
			}
		}
		dst = append(dst, c)
	}
	if !utf8.Valid(dst[start:]) {
		return append(dst[:start], value...)
	}
	return dst
}

func unhex(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// setLower sets a host, which is the same in any letter case.
func setLower(t *text, row int, host []byte) {
	if host == nil {
		t.null(row)
		return
	}
	dst := t.start(row)
	for _, c := range host {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	t.end(row, dst)
}

// addressEnricher makes IP addresses anonymous in their own column.
type addressEnricher struct{ source *text }

func (e *addressEnricher) enrich(row int) {
	if e.source.isNull(row) {
		return
	}
	addr, ok := parseAddr(e.source.get(row))
	if !ok {
		e.source.null(row)
		return
	}
	keep := 24
	if addr.Is6() {
		keep = 48
	}
	prefix, _ := addr.Prefix(keep)
	e.source.end(row, prefix.Addr().AppendTo(e.source.start(row)))
}

// parseAddr reads an address, the first of a list as proxies write it, with a
// port or without.
func parseAddr(s []byte) (netip.Addr, bool) {
	s, _, _ = bytes.Cut(s, []byte(","))
	s = bytes.TrimSpace(s)
	str := unsafe.String(unsafe.SliceData(s), len(s))
	addr, err := netip.ParseAddr(str)
	if err != nil {
		port, err := netip.ParseAddrPort(str)
		if err != nil {
			return addr, false
		}
		addr = port.Addr()
	}
	return addr.WithZone("").Unmap(), true
}
