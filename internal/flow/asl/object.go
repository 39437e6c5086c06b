package asl

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// readItems reads what an ItemReader names: the objects under a prefix, or the items in an object.
func readItems(objects Objects, resource string, parameters any, config *ReaderConfig) ([]any, error) {
	if objects == nil {
		return nil, cause("there is no object store here")
	}
	bucket, key := textMember(parameters, "Bucket"), textMember(parameters, "Key")
	if strings.HasSuffix(resource, ":s3:listObjectsV2") {
		return listItems(objects, bucket, textMember(parameters, "Prefix"))
	}
	body, err := objects.Read(bucket, key)
	if err != nil {
		return nil, err
	}
	if config.InputType != "MANIFEST" {
		return DecodeItems(config, body)
	}
	return manifestItems(objects, config, body)
}

// listItems are the objects of a listing as items.
func listItems(objects Objects, bucket, prefix string) ([]any, error) {
	found, err := objects.List(bucket, prefix)
	if err != nil {
		return nil, err
	}
	items := make([]any, 0, len(found))
	for _, o := range found {
		items = append(items, value.ObjectOf(
			"Etag", o.ETag, "Key", o.Key, "LastModified", float64(o.Modified.Unix()), "Size", float64(o.Size), "StorageClass", "STANDARD"))
	}
	return items, nil
}

// manifestItems are the items of the objects that a manifest lists: an S3 inventory (JSON) or Athena's list of URIs.
func manifestItems(objects Objects, config *ReaderConfig, body []byte) ([]any, error) {
	inner := *config
	inner.InputType = "CSV"
	if config.ManifestType == "ATHENA_DATA" {
		inner.InputType = "JSONL"
		var items []any
		for _, uri := range strings.Fields(string(body)) {
			bucket, key, _ := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(uri, ","), "s3://"), "/")
			part, err := objects.Read(bucket, key)
			if err != nil {
				return nil, err
			}
			more, err := DecodeItems(&inner, part)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", uri, err)
			}
			items = append(items, more...)
		}
		return items, nil
	}
	manifest, err := value.Parse(body)
	if err != nil {
		return nil, cause("The manifest is not valid JSON.")
	}
	bucket := strings.TrimPrefix(textMember(manifest, "destinationBucket"), "arn:aws:s3:::")
	inner.HeaderLocation = "GIVEN"
	for _, column := range strings.Split(textMember(manifest, "fileSchema"), ",") {
		inner.Headers = append(inner.Headers, strings.TrimSpace(column))
	}
	var items []any
	files, _ := manifest.(*value.Object).Get("files")
	list, _ := files.([]any)
	for _, file := range list {
		part, err := objects.Read(bucket, textMember(file, "key"))
		if err != nil {
			return nil, err
		}
		more, err := DecodeItems(&inner, part)
		if err != nil {
			return nil, err
		}
		items = append(items, more...)
	}
	return items, nil
}

// DecodeItems turns an object's bytes into items. The errors are the causes of States.ItemReaderFailed.
func DecodeItems(config *ReaderConfig, body []byte) ([]any, error) {
	switch config.InputType {
	case "CSV":
		return csvItems(config, body)
	case "JSONL":
		var items []any
		for _, line := range bytes.Split(body, []byte("\n")) {
			if len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			item, err := value.Parse(line)
			if err != nil {
				return nil, fmt.Errorf("item %d is not valid JSON: %w", len(items), err)
			}
			items = append(items, item)
		}
		return items, nil
	case "PARQUET":
		return nil, cause("Parquet items cannot be read here.")
	}
	v, err := value.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("the object is not valid JSON: %w", err)
	}
	for _, step := range strings.Split(strings.Trim(config.ItemsPointer, "/"), "/") {
		if o, ok := v.(*value.Object); ok && step != "" {
			v, _ = o.Get(strings.NewReplacer("~1", "/", "~0", "~").Replace(step))
		}
	}
	items, ok := v.([]any)
	if !ok {
		return nil, cause("Attempting to map over non-iterable node.")
	}
	return items, nil
}

// csvItems makes an object of each row: fields without a header are dropped, missing ones are empty.
func csvItems(config *ReaderConfig, body []byte) ([]any, error) {
	rows := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	rows.FieldsPerRecord, rows.LazyQuotes, rows.ReuseRecord = -1, true, false
	if config.Delimiter != "" {
		rows.Comma = rune(config.Delimiter[0])
	}
	headers := config.Headers
	if config.HeaderLocation != "GIVEN" {
		first, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return []any{}, nil
		}
		if err != nil {
			return nil, err
		}
		headers = first
	}
	seen := map[string]bool{}
	for _, h := range headers {
		if seen[h] {
			return nil, cause("CSV headers cannot contain duplicates.")
		}
		seen[h] = true
	}
	items := []any{}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return items, nil
		}
		if err != nil {
			return nil, err
		}
		item := value.NewObject(len(headers))
		for i, h := range headers {
			field := ""
			if i < len(row) {
				field = row[i]
			}
			item.Set(h, field)
		}
		items = append(items, item)
	}
}

// writeResults writes what ResultWriter asks for: a manifest and a file for each way to end, and says where.
func writeResults(objects Objects, c *Command, all []childResult) (any, error) {
	bucket, prefix := textMember(c.Parameters, "Bucket"), textMember(c.Parameters, "Prefix")
	if c.Resource == "" {
		return transformed(c.Writer, all), nil
	}
	folder := strings.Trim(prefix, "/") + "/" + c.MapRun[strings.LastIndex(c.MapRun, ":")+1:]
	folder = strings.TrimPrefix(folder, "/")
	key := folder + "/manifest.json"
	if objects != nil {
		files := value.NewObject(3)
		for _, kind := range []string{"FAILED", "PENDING", "SUCCEEDED"} {
			list := []any{}
			if text, n := resultFile(c.Writer, kind, all); n > 0 {
				name := folder + "/" + kind + "_0." + strings.ToLower(orText(c.Writer.OutputType, "JSON"))
				if err := objects.Write(bucket, name, text); err != nil {
					return nil, err
				}
				list = append(list, value.ObjectOf("Key", name, "Size", float64(len(text))))
			}
			files.Set(kind, list)
		}
		manifest := value.ObjectOf("DestinationBucket", bucket, "MapRunArn", c.MapRun, "ResultFiles", files)
		if err := objects.Write(bucket, key, value.Append(nil, manifest)); err != nil {
			return nil, err
		}
	}
	return value.ObjectOf("MapRunArn", c.MapRun, "ResultWriterDetails", value.ObjectOf("Bucket", bucket, "Key", key)), nil
}

// resultFile is the file of the children that ended one way, and how many they are.
func resultFile(w *WriterConfig, kind string, all []childResult) ([]byte, int) {
	var entries []any
	for _, r := range all {
		if (r.error == "" && r.cause == "") != (kind == "SUCCEEDED") || kind == "PENDING" {
			continue
		}
		if w.Transformation == "COMPACT" || w.Transformation == "FLATTEN" {
			if kind == "SUCCEEDED" {
				entries = appendResult(entries, w, r.output)
				continue
			}
		}
		entry := value.ObjectOf("Input", value.Text(r.input), "Name", r.name, "Status", kind)
		if kind == "SUCCEEDED" {
			entry.Set("Output", value.Text(r.output))
		} else {
			setText(entry, "Error", r.error)
			setText(entry, "Cause", r.cause)
		}
		entries = append(entries, entry)
	}
	if w.OutputType == "JSONL" {
		var text []byte
		for _, entry := range entries {
			text = append(value.Append(text, entry), '\n')
		}
		return text, len(entries)
	}
	return value.Append(nil, entries), len(entries)
}

// transformed are the outputs as WriterConfig wants them in the state's own result.
func transformed(w *WriterConfig, all []childResult) any {
	outputs := []any{}
	for _, r := range all {
		if r.error == "" && r.cause == "" {
			outputs = appendResult(outputs, w, r.output)
		}
	}
	return outputs
}

func appendResult(outputs []any, w *WriterConfig, output any) []any {
	if list, ok := output.([]any); ok && w.Transformation == "FLATTEN" {
		return append(outputs, list...)
	}
	return append(outputs, output)
}

func orText(text, missing string) string {
	if text == "" {
		return missing
	}
	return text
}
