package app

import (
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
)

func TestAPartitionsDayIsADayWhoeverWroteIt(t *testing.T) {
	for _, day := range []any{int64(20786), int32(20786), int(20786), arrow.Date32(20786)} {
		got := partitionText([]any{day, int32(7), "jp", nil}, []bool{true, false, false, true})
		if want := []string{"2026-11-29", "7", "jp", ""}; !slices.Equal(got, want) {
			t.Errorf("%T: %q, want %q", day, got, want)
		}
	}
}
