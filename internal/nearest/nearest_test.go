package nearest

import "testing"

func TestWord(t *testing.T) {
	words := []string{"columns", "partition", "event_time", "retention", "ts"}
	tests := []struct{ written, want string }{
		{"column", "columns"},
		{"partiton", "partition"},
		{"evnet_time", "event_time"},
		{"EVENT_TIME", "event_time"},
		{"st", "ts"},
		{"colour", ""},
		{"x", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := Word(tt.written, words); got != tt.want {
			t.Errorf("Word(%q) = %q, want %q", tt.written, got, tt.want)
		}
	}
}
