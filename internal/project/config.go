package project

import (
	"time"

	"github.com/biwa-data/biwa/internal/shape"
)

// Config is biwa.yaml.
type Config struct {
	Name           string            `yaml:"name" json:"name,omitempty" jsonschema:"description=What the project is called. Without it: the folder's name."`
	Timezone       string            `yaml:"timezone" json:"timezone,omitempty" jsonschema:"default=UTC,description=The IANA name of the project's time zone\\, such as Asia/Tokyo: times without a zone are read in it\\, and its days part the tables."`
	Bundle         string            `yaml:"bundle" json:"bundle,omitempty" jsonschema:"enum=single,default=single,description=What runs underneath: single is everything in one process."`
	Storage        Storage           `yaml:"storage" json:"storage,omitzero" jsonschema:"description=Where data is kept."`
	Listeners      Listeners         `yaml:"listeners" json:"listeners,omitzero" jsonschema:"description=The addresses of the doors: host:port\\, or off. Flags of biwa up win over them."`
	Keys           []Key             `yaml:"keys" json:"keys,omitempty" jsonschema:"description=Who may do what. Without keys other than public ones the node listens on loopback only."`
	TrustedProxies []string          `yaml:"trusted_proxies" json:"trusted_proxies,omitempty" jsonschema:"description=Addresses or networks (10.0.0.0/8) whose X-Forwarded-For is believed."`
	Limits         Limits            `yaml:"limits" json:"limits,omitzero" jsonschema:"description=What the node may use. Each can be seen with its peak on the limits page."`
	Idempotency    Idempotency       `yaml:"idempotency" json:"idempotency,omitzero" jsonschema:"description=Retries of clients that send an Idempotency-Key."`
	Flush          shape.Flush       `yaml:"flush" json:"flush,omitzero" jsonschema:"description=When recent rows are written to a file\\, of streams that do not say it themselves."`
	Archive        Archive           `yaml:"archive" json:"archive,omitzero" jsonschema:"description=The raw archive: what clients sent\\, as they sent it."`
	Environments   map[string]Config `yaml:"environments" json:"environments,omitempty" jsonschema:"description=Keys of this file by the name of an environment\\, such as production: they win where BIWA_ENV names it."`
}

// Storage says where data is kept.
type Storage struct {
	Data string `yaml:"data" json:"data,omitempty" jsonschema:"default=data,description=The folder of all data\\, relative to the project. The flag --data wins over it."`
}

// Listeners are the addresses of the doors.
type Listeners struct {
	HTTP     string `yaml:"http" json:"http,omitempty" jsonschema:"default=:2492,description=Console\\, HTTP API and Iceberg catalogue."`
	AWS      string `yaml:"aws" json:"aws,omitempty" jsonschema:"default=:4566,description=AWS APIs."`
	Postgres string `yaml:"postgres" json:"postgres,omitempty" jsonschema:"default=off,description=PostgreSQL wire. Not built yet: nothing listens there."`
}

// Off is what a listener's address is where the door stays shut.
const Off = "off"

// Key is one key and what it allows.
type Key struct {
	Name    string   `yaml:"name" json:"name,omitempty" jsonschema:"required,description=What the key is called in logs and in _request.key; the access key id of AWS clients."`
	Scope   string   `yaml:"scope" json:"scope,omitempty" jsonschema:"required,enum=ingest,enum=read,enum=admin,enum=public,description=ingest sends records\\, read queries\\, admin does everything. public stands in pages and apps for everyone to read: it can only write\\, to one stream."`
	Secret  string   `yaml:"secret" json:"secret,omitempty" secret:"file" jsonschema:"description=The secret itself\\, best from outside: ${BIWA_KEY:?}\\, or file:PATH relative to the project. AWS signatures need it."`
	Hash    string   `yaml:"hash" json:"hash,omitempty" jsonschema:"description=In place of the secret\\, sha256: and its SHA-256 in 64 hexadecimal digits."`
	Streams []string `yaml:"streams" json:"streams,omitempty" jsonschema:"description=The streams an ingest key may send to. Without it: all. A public key names exactly one."`
	Origins []string `yaml:"origins" json:"origins,omitempty" jsonschema:"description=The pages a public key works on: https://www.example.com\\, https://*.example.com for its subdomains\\, or * for every page. Without it: none\\, only apps and servers."`
	Rate    int      `yaml:"rate" json:"rate,omitempty" jsonschema:"default=500,description=How many records a second a public key brings at most; a bucket of ten seconds evens bursts out. Beyond it: 429 with Retry-After."`
}

// Limits are what the node may use.
type Limits struct {
	Body          shape.Size     `yaml:"body" json:"body,omitzero" jsonschema:"default=32MiB,description=The body of one request."`
	InFlight      shape.Size     `yaml:"in_flight" json:"in_flight,omitzero" jsonschema:"default=64MiB,description=Records that are being stored; beyond it the doors answer 503."`
	Journal       shape.Size     `yaml:"journal" json:"journal,omitzero" jsonschema:"default=1GiB,description=The young part of the log."`
	Recent        shape.Size     `yaml:"recent" json:"recent,omitzero" jsonschema:"default=256MiB,description=Rows that are in no file yet\\, of all streams."`
	Memory        shape.Size     `yaml:"memory" json:"memory,omitzero" jsonschema:"default=2GiB,description=The memory of SQL queries."`
	Temp          shape.Size     `yaml:"temp" json:"temp,omitzero" jsonschema:"default=16GiB,description=The disk SQL queries may spill to."`
	DiskReserve   shape.Size     `yaml:"disk_reserve" json:"disk_reserve,omitzero" jsonschema:"default=1GiB,description=Free disk space below which the doors answer 503."`
	HeavyQueries  int            `yaml:"heavy_queries" json:"heavy_queries,omitempty" jsonschema:"default=2,description=Heavy queries at a time."`
	Queue         int            `yaml:"queue" json:"queue,omitempty" jsonschema:"default=64,description=Heavy queries that may wait."`
	QueryTime     shape.Duration `yaml:"query_time" json:"query_time,omitzero" jsonschema:"default=10m,description=How long a query may take."`
	EvolveColumns int            `yaml:"evolve_columns" json:"evolve_columns,omitempty" jsonschema:"default=32,description=How many columns unknown_fields: evolve adds to a stream's table for what came within one hour."`
	IdleRead      shape.Duration `yaml:"idle_read" json:"idle_read,omitzero" jsonschema:"default=1m,description=How long a query waits for a client that reads nothing; then it is ended."`
}

// Idempotency is about retries of clients.
type Idempotency struct {
	Window shape.Duration `yaml:"window" json:"window,omitzero" jsonschema:"default=24h,description=How long a key's first answer is given again."`
}

// Archive is about the raw archive.
type Archive struct {
	Retention shape.Duration `yaml:"retention" json:"retention,omitzero" jsonschema:"description=How long it is kept\\, of streams without retention.raw. Without it: for ever."`
}

// defaults fills in what a project leaves out; the tags above name the same
// values for the reference, which a test compares.
func (c *Config) defaults(folder string) {
	c.Name = orElse(c.Name, folder)
	c.Timezone = orElse(c.Timezone, "UTC")
	c.Bundle = orElse(c.Bundle, "single")
	c.Storage.Data = orElse(c.Storage.Data, "data")
	c.Listeners.HTTP = orElse(c.Listeners.HTTP, ":2492")
	c.Listeners.AWS = orElse(c.Listeners.AWS, ":4566")
	c.Listeners.Postgres = orElse(c.Listeners.Postgres, Off)
	l := &c.Limits
	l.Body = orElse(l.Body, 32<<20)
	l.InFlight = orElse(l.InFlight, 64<<20)
	l.Journal = orElse(l.Journal, 1<<30)
	l.Recent = orElse(l.Recent, 256<<20)
	l.Memory = orElse(l.Memory, 2<<30)
	l.Temp = orElse(l.Temp, 16<<30)
	l.DiskReserve = orElse(l.DiskReserve, 1<<30)
	l.HeavyQueries = orElse(l.HeavyQueries, 2)
	l.Queue = orElse(l.Queue, 64)
	l.EvolveColumns = orElse(l.EvolveColumns, shape.EvolveColumns)
	l.QueryTime = orElse(l.QueryTime, shape.Duration(10*time.Minute))
	l.IdleRead = orElse(l.IdleRead, shape.Duration(time.Minute))
	c.Idempotency.Window = orElse(c.Idempotency.Window, shape.Duration(24*time.Hour))
	c.Flush.Size = orElse(c.Flush.Size, 64<<20)
	c.Flush.Age = orElse(c.Flush.Age, shape.Duration(10*time.Second))
}

func orElse[T comparable](value, other T) T {
	var zero T
	if value == zero {
		return other
	}
	return value
}
