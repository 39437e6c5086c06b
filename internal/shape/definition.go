package shape

import (
	"encoding/json"
	"fmt"

	"github.com/biwa-data/biwa/internal/record"
)

// Definition is a stream as its file streams/<name>.yaml describes it. From this
// one struct come the reading and checking of the file, the JSON Schema for
// editors and the reference page; it is stored as JSON with each generation.
type Definition struct {
	Description   string        `yaml:"description" json:"description,omitempty" jsonschema:"description=What the stream is; shown in the catalogue."`
	EventTime     string        `yaml:"event_time" json:"event_time,omitempty" jsonschema:"description=The column that says when the event happened. Without it: _received_at."`
	Lateness      Duration      `yaml:"lateness" json:"lateness,omitzero" jsonschema:"description=How long after its event time a record is still expected. Schedules wait as long before they take an interval for complete."`
	TimeRange     TimeRange     `yaml:"time_range" json:"time_range,omitzero" jsonschema:"description=Which event times are believed. Others are quarantined with the code time_out_of_range. The word off believes all."`
	Partition     []string      `yaml:"partition" json:"partition,omitempty" jsonschema:"description=How compacted files are laid out: day(c)\\, hour(c)\\, month(c) or year(c) in the project's time zone\\, bucket(n\\, c)\\, truncate(n\\, c)\\, or a column."`
	Columns       []Column      `yaml:"columns" json:"columns,omitempty" jsonschema:"description=The table's columns\\, in order."`
	Dropped       []string      `yaml:"dropped" json:"dropped,omitempty" jsonschema:"description=Columns to take out of the table. A column that is only left out of the stream stays in the table\\, NULL in new rows."`
	Enrich        []Enrichment  `yaml:"enrich" json:"enrich,omitempty" jsonschema:"description=Columns worked out from others: url\\, referer\\, user_agent\\, bot\\, session\\, ip_anonymize. A name\\, or a name with options."`
	Filter        string        `yaml:"filter" json:"filter,omitempty" jsonschema:"description=An SQL condition. Records for which it is not true are left out and counted as filtered in the ledger."`
	Transform     string        `yaml:"transform" json:"transform,omitempty" jsonschema:"description=A function of the project that rewrites records before they are parsed. Not built yet."`
	UnknownFields UnknownFields `yaml:"unknown_fields" json:"unknown_fields,omitempty" jsonschema:"enum=keep,enum=evolve,enum=quarantine,enum=drop,default=keep,description=What becomes of fields that no column takes: kept in _extra\\, made columns\\, the record quarantined\\, or dropped."`
	Dedupe        *Dedupe       `yaml:"dedupe" json:"dedupe,omitempty" jsonschema:"description=Leave out records whose key was seen within a window."`
	Retention     Retention     `yaml:"retention" json:"retention,omitzero" jsonschema:"description=How long to keep what. Without a value: for ever."`
	// EvolveColumns is limits.evolve_columns as it was when the definition was
	// applied, so that shaping depends on nothing else; 0 is the default.
	EvolveColumns int `yaml:"-" json:"evolve_columns,omitempty" jsonschema:"-"`
	// Lists are the versions of what enrichments look up, as they were then.
	Lists string `yaml:"-" json:"lists,omitempty" jsonschema:"-"`
	Flush Flush  `yaml:"flush" json:"flush,omitzero" jsonschema:"description=When recent rows are written to a file. Without it: as biwa.yaml says."`
}

// Column is one column of a stream's table.
type Column struct {
	Name        string    `yaml:"name" json:"name" jsonschema:"required,description=Letters\\, digits and _\\, starting with a letter. Letter case does not tell two names apart."`
	Type        string    `yaml:"type" json:"type" jsonschema:"required,description=boolean\\, int\\, bigint\\, double\\, decimal(p\\,s)\\, varchar\\, date\\, timestamp\\, timestamptz\\, json\\, type[] or struct(name type\\, ...)."`
	From        string    `yaml:"from" json:"from,omitempty" jsonschema:"description=Where in the record the value stands\\, such as log.items[0].id; a name with odd letters goes in double quotes. Or the request it came with: _request.client\\, _request.user_agent\\, _request.key\\, _request.door\\, _request.received_at. Without it: the field of the column's name."`
	Decode      string    `yaml:"decode" json:"decode,omitempty" jsonschema:"enum=json,description=The value is a string that holds JSON: take what it holds."`
	Format      string    `yaml:"format" json:"format,omitempty" jsonschema:"description=How a time or date is written: epoch_s\\, epoch_ms\\, epoch_us\\, epoch_ns\\, yyyymmdd or a pattern of strftime's fields such as %d/%b/%Y:%H:%M:%S %z. Then nothing else is read as one."`
	Default     Literal   `yaml:"default" json:"default,omitempty" jsonschema:"description=The value where the field is absent or null."`
	NotNull     bool      `yaml:"not_null" json:"not_null,omitempty" jsonschema:"description=Quarantine records without a value."`
	OneOf       []Literal `yaml:"one_of" json:"one_of,omitempty" jsonschema:"description=Quarantine records with any other value."`
	Min         Literal   `yaml:"min" json:"min,omitempty" jsonschema:"description=The least value of a number or time."`
	Max         Literal   `yaml:"max" json:"max,omitempty" jsonschema:"description=The greatest value of a number or time."`
	Pattern     string    `yaml:"pattern" json:"pattern,omitempty" jsonschema:"description=A regular expression (RE2) that must match somewhere in the text; use ^ and $ for all of it."`
	Expr        string    `yaml:"expr" json:"expr,omitempty" jsonschema:"description=Any SQL scalar expression over the stream's other columns."`
	Lookup      *Lookup   `yaml:"lookup" json:"lookup,omitempty" jsonschema:"description=Take the value from a seed file\\, by a key that the record has."`
	RenamedFrom Names     `yaml:"renamed_from" json:"renamed_from,omitempty" jsonschema:"description=The name that the table's column had before; of several\\, the newest first."`
	Description string    `yaml:"description" json:"description,omitempty" jsonschema:"description=What the column holds; shown in the catalogue."`
	// Inferred marks a column that unknown_fields: evolve has added. A value
	// that does not fit it goes to _extra instead of quarantine.
	Inferred bool `yaml:"-" json:"inferred,omitempty" jsonschema:"-"`
	// Hour is when the record that added it came, in hours since 1970.
	Hour int64 `yaml:"-" json:"hour,omitempty" jsonschema:"-"`
}

// Lookup takes a column's value from a seed, seeds/<seed>.csv.
type Lookup struct {
	Seed  string `yaml:"seed" json:"seed" jsonschema:"required,description=The file's name in seeds/\\, without .csv."`
	Key   string `yaml:"key" json:"key" jsonschema:"required,description=The seed's column that is compared with the record's value. Without from: also the record's field."`
	Value string `yaml:"value" json:"value" jsonschema:"required,description=The seed's column that is taken."`
}

// UnknownFields says what becomes of a field that no column takes.
type UnknownFields string

const (
	UnknownKeep       UnknownFields = "keep" // in _extra; the default
	UnknownEvolve     UnknownFields = "evolve"
	UnknownQuarantine UnknownFields = "quarantine"
	UnknownDrop       UnknownFields = "drop"
)

var unknownFieldsWords = []string{string(UnknownKeep), string(UnknownEvolve), string(UnknownQuarantine), string(UnknownDrop)}

// TimeRange bounds the event times that are believed. The zero value stands for
// the defaults: not before 1990, not more than a day ahead of receipt.
type TimeRange struct {
	Off   bool     `yaml:"-" json:"off,omitempty" jsonschema:"-"`
	Since string   `yaml:"since" json:"since,omitempty" jsonschema:"default=1990-01-01,description=The first day that is believed."`
	Past  Duration `yaml:"past" json:"past,omitzero" jsonschema:"description=How far before its receipt an event may have happened. Without it: only since counts."`
	Ahead Duration `yaml:"ahead" json:"ahead,omitzero" jsonschema:"default=1d,description=How far after its receipt an event may say it happened\\, for clocks that are wrong."`
}

// UnmarshalText reads the short form, the word off.
func (r *TimeRange) UnmarshalText(text []byte) error {
	if string(text) != "off" {
		return fmt.Errorf("%q is not a time range: write off, or since, past and ahead", text)
	}
	*r = TimeRange{Off: true}
	return nil
}

// UnmarshalJSON reads the stored form; the short form has no part in it.
func (r *TimeRange) UnmarshalJSON(text []byte) error {
	type plain TimeRange
	return json.Unmarshal(text, (*plain)(r))
}

// Dedupe leaves out records whose key was seen within the window.
type Dedupe struct {
	Key     string   `yaml:"key" json:"key" jsonschema:"required,description=The column that names an event. Records where it is null are never duplicates."`
	Window  Duration `yaml:"window" json:"window" jsonschema:"required,description=How long a key is remembered\\, by the time of receipt."`
	MaxKeys int64    `yaml:"max_keys" json:"max_keys,omitempty" jsonschema:"default=50000000,description=How many keys are remembered at most; about 30 bytes of disk each."`
	OnFull  string   `yaml:"on_full" json:"on_full,omitempty" jsonschema:"enum=shorten,enum=refuse,default=shorten,description=At max_keys: shorten the window\\, with a note in the ledger\\, or refuse records."`
}

// Retention says how long what is kept.
type Retention struct {
	Table      Duration `yaml:"table" json:"table,omitzero" jsonschema:"description=Rows of the table\\, by event time."`
	Raw        Duration `yaml:"raw" json:"raw,omitzero" jsonschema:"description=The raw archive\\, by time of receipt."`
	Quarantine Duration `yaml:"quarantine" json:"quarantine,omitzero" jsonschema:"description=Quarantined records\\, by time of receipt."`
}

// Flush says when recent rows are written to a file: at whichever comes first.
type Flush struct {
	Size Size     `yaml:"size" json:"size,omitzero" jsonschema:"description=How much memory the rows may take\\, such as 64MB."`
	Age  Duration `yaml:"age" json:"age,omitzero" jsonschema:"description=How old the oldest row may be\\, such as 10s; six times that while there are fewer than 1\\,000 rows."`
}

// Evolved is the definition with columns added and widened as Batch.Unknown says.
func (d Definition) Evolved(columns []record.NewColumn) Definition {
	added := make([]Column, 0, len(d.Columns)+len(columns))
	added = append(added, d.Columns...)
	for _, c := range columns {
		if c.Widened {
			for i := range added {
				if added[i].Inferred && added[i].Name == c.Name {
					added[i].Type = c.Type.String()
				}
			}
			continue
		}
		added = append(added, Column{Name: c.Name, Type: c.Type.String(), Description: c.Doc, Inferred: true, Hour: c.Hour})
	}
	d.Columns = added
	return d
}
