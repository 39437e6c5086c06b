// Package nearest finds the word somebody probably meant.
package nearest

import "strings"

// Word is the word of words that is closest to the one written, "" if none is
// close enough to be worth a suggestion. Letter case does not count.
func Word(written string, words []string) string {
	best, least := "", len([]rune(written))/3+2
	for _, w := range words {
		if d := distance(strings.ToLower(written), strings.ToLower(w)); d < least && d < len([]rune(w)) {
			best, least = w, d
		}
	}
	return best
}

// distance is how many letters must be put in, taken out, replaced or swapped
// with their neighbour to make b of a.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
