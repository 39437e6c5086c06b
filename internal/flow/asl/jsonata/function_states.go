package jsonata

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"math"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// Functions that Step Functions adds to the language.
var stateFunctions = map[string]*builtin{
	"partition": define("<an:a<a>>", 2, given(partition)),
	"range":     define("<nnn:a<n>>", 3, given(rangeOf)),
	"hash":      define("<ss:s>", 2, given(hashOf)),
	"random": define("<n?:n>", 0, func(r *run, args []any) any {
		if seed, ok := optional(args, 0); ok {
			return newSeeded(seed).float()
		}
		return r.random()
	}),
	"uuid":  define("<:s>", 0, func(r *run, _ []any) any { return r.uuid() }),
	"parse": define("<s:x>", 1, given(parseJSON)),
}

// Codes of these functions' errors.
const (
	codeChunk     = "D3501"
	codeDelta     = "D3502"
	codeInteger   = "D3503"
	codeAlgorithm = "D3504"
	codeJSON      = "D3505"
)

// partition cuts an array into arrays of a size, the last of which may be shorter.
func partition(r *run, args []any) any {
	size, ok := integral(argument(args, 1))
	if !ok || size < 1 {
		panic(mistake(codeChunk, 0).withValue(argument(args, 1)))
	}
	items := r.list(args[0])
	result := &array{}
	for len(items) > 0 {
		n := int(min(size, float64(len(items))))
		r.step()
		r.charge(bytesFrame)
		result.items = append(result.items, items[:n:n])
		items = items[n:]
	}
	return result
}

// rangeOf is the numbers from the first argument to the second, which is included, in steps of the third.
func rangeOf(r *run, args []any) any {
	var bounds [3]float64
	for i := range bounds {
		f, ok := integral(argument(args, i))
		if !ok {
			panic(mistake(codeInteger, 0).withValue(argument(args, i)).with("index", float64(i+1)))
		}
		bounds[i] = f
	}
	first, last, delta := bounds[0], bounds[1], bounds[2]
	if delta == 0 {
		panic(mistake(codeDelta, 0))
	}
	result := &array{}
	count := math.Floor((last-first)/delta) + 1
	if count <= 0 {
		return result
	}
	if count > maxSpan {
		panic(mistake("D2014", 0).withValue(count))
	}
	if count == 1 {
		return first // Step Functions gives the number itself
	}
	r.charge(int(count) * bytesNumber)
	r.work(int(count))
	result.items = make([]any, int(count))
	for i := range result.items {
		result.items[i] = first + float64(i)*delta
	}
	return result
}

var algorithms = map[string]func() hash.Hash{
	"MD5": md5.New, "SHA-1": sha1.New, "SHA-256": sha256.New, "SHA-384": sha512.New384, "SHA-512": sha512.New,
}

// hashOf is the hash of a text's UTF-8 bytes, in hexadecimal.
func hashOf(r *run, args []any) any {
	algorithm, ok := algorithms[textOf(args, 1)]
	if !ok {
		panic(mistake(codeAlgorithm, 0).withValue(argument(args, 1)))
	}
	s := args[0].(string)
	r.work(len(s) / 16)
	sum := algorithm()
	sum.Write([]byte(s))
	return hex.EncodeToString(sum.Sum(nil))
}

func parseJSON(r *run, args []any) any {
	s := args[0].(string)
	r.work(len(s))
	r.charge(4 * len(s))
	v, err := value.Parse([]byte(s))
	if err != nil {
		panic(mistake(codeJSON, 0).with("reason", err.Error()))
	}
	return v
}

// random is a number from 0 up to, but not, 1.
func (r *run) random() float64 {
	if r.env.Random == nil {
		r.env.Random = newSeeded(0).float
	}
	return r.env.Random()
}

func (r *run) uuid() string {
	if r.env.UUID != nil {
		return r.env.UUID()
	}
	var b [16]byte
	for i := range b {
		b[i] = byte(r.random() * 256)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// seeded is the linear congruential generator that Java's class library documents (java.util.Random): one seed gives the same numbers
// everywhere and always.
type seeded struct{ state uint64 }

const seededMask = 1<<48 - 1

func newSeeded(seed float64) *seeded {
	return &seeded{(uint64(int64(max(-1<<63, min(seed, 1<<62)))) ^ 0x5deece66d) & seededMask}
}

func (s *seeded) bits(n uint) uint64 {
	s.state = (s.state*0x5deece66d + 0xb) & seededMask
	return s.state >> (48 - n)
}

func (s *seeded) float() float64 {
	high := s.bits(26)
	return float64(high<<27+s.bits(27)) / (1 << 53)
}
