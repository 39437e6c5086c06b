package asl

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

func (p *parser) mapState(s *State, n *node) {
	m := &mapFields{kind: Standard}
	s.mapping = m
	p.oneOf(n, s.Path, true, "ItemProcessor", "Iterator")
	processor, field := n.member("ItemProcessor"), "ItemProcessor"
	if processor == nil {
		processor, field = n.member("Iterator"), "Iterator"
	}
	if processor != nil {
		p.processor(s, processor, s.Path+"/"+field)
	}
	if s.Language == JSONPath {
		m.itemsPath = p.pathField(n, s.Path, "ItemsPath", false)
	} else {
		m.items = p.payload(s, n, "Items")
	}
	p.oneOf(n, s.Path, false, "ItemSelector", "Parameters")
	m.selector = p.payload(s, n, "ItemSelector", "Parameters")
	m.concurrency = p.number(s, n, s.Path, "MaxConcurrency", true, 0, maxSeconds)
	m.toleratedCount = p.number(s, n, s.Path, "ToleratedFailureCount", true, 0, maxSeconds)
	m.toleratedShare = p.number(s, n, s.Path, "ToleratedFailurePercentage", false, 0, 100)
	p.itemReader(s, n)
	p.itemBatcher(s, n)
	p.resultWriter(s, n)
	if label := n.member("Label"); label != nil {
		m.label = p.text(n, s.Path, "Label")
		p.label(m.label, s.Path+"/Label", label)
	}
	if !m.distributed {
		for _, only := range []string{"ItemReader", "ItemBatcher", "ResultWriter", "Label"} {
			if at := n.member(only); at != nil {
				p.schema(s.Path+"/"+only, at, "Field '%s' is only supported for Map states in DISTRIBUTED mode", only)
			}
		}
	}
}

// processor reads ItemProcessor or its older name Iterator.
func (p *parser) processor(s *State, n *node, place string) {
	if !n.isObject() {
		p.schema(place, n, "Expected value of type Object")
		return
	}
	p.required(n, place, "StartAt", "States")
	p.supported(n, place, []string{"Comment", "StartAt", "States", "ProcessorConfig"})
	if config := p.object(n, place, "ProcessorConfig"); config != nil {
		at := place + "/ProcessorConfig"
		p.supported(config, at, []string{"Comment", "Mode", "ExecutionType"})
		switch mode := p.oneText(config, at, "Mode", "INLINE", "DISTRIBUTED"); mode {
		case "DISTRIBUTED":
			s.mapping.distributed = true
			p.required(config, at, "ExecutionType")
			s.mapping.kind = Kind(p.oneText(config, at, "ExecutionType", string(Standard), string(Express)))
		default:
			if n := config.member("ExecutionType"); n != nil {
				p.schema(at, n, "Field 'ExecutionType' is not supported")
			}
		}
		if s.mapping.distributed && p.kind == Express {
			p.schema(at+"/Mode", config.member("Mode"), "Express state machine does not support Map states in DISTRIBUTED mode")
		}
	}
	outer := p.kind
	if s.mapping.distributed && s.mapping.kind != "" {
		p.kind = s.mapping.kind
	}
	s.Machines = append(s.Machines, p.machine(n, place, s))
	p.kind = outer
}

// oneText reads a text that has to be one of some values.
func (p *parser) oneText(n *node, place, field string, values ...string) string {
	at := n.member(field)
	if at == nil {
		return ""
	}
	text, _ := at.value.(string)
	if !slices.Contains(values, text) {
		p.schema(child(place, field), at, "The field '%s' should have one of these values: [%s]", field, strings.Join(values, ", "))
		return ""
	}
	return text
}

func (p *parser) itemReader(s *State, n *node) {
	r := p.object(n, s.Path, "ItemReader")
	if r == nil {
		return
	}
	place := s.Path + "/ItemReader"
	p.required(r, place, "Resource")
	p.supported(r, place, []string{"Comment", "Resource", "Parameters", "Arguments", "ReaderConfig"})
	p.inLanguage(s, r, place)
	reader := &itemReader{resource: p.text(r, place, "Resource")}
	reader.parameters = p.nested(s, r, place, "ItemReader", "Parameters", "Arguments")
	if config := p.object(r, place, "ReaderConfig"); config != nil {
		at := place + "/ReaderConfig"
		p.supported(config, at, []string{"Comment", "InputType", "CSVHeaderLocation", "CSVHeaders", "CSVDelimiter", "MaxItems", "MaxItemsPath", "ManifestType", "Transformation", "ItemsPointer"})
		p.inLanguage(s, config, at)
		reader.config = ReaderConfig{
			InputType:      p.oneText(config, at, "InputType", "JSON", "JSONL", "CSV", "PARQUET", "MANIFEST"),
			HeaderLocation: p.oneText(config, at, "CSVHeaderLocation", "FIRST_ROW", "GIVEN"),
			ManifestType:   p.oneText(config, at, "ManifestType", "ATHENA_DATA", "S3_INVENTORY"),
			Transformation: p.oneText(config, at, "Transformation", "NONE", "LOAD_AND_FLATTEN"),
			ItemsPointer:   p.text(config, at, "ItemsPointer"),
			Headers:        p.texts(config, at, "CSVHeaders"),
			Delimiter:      csvDelimiter(p.oneText(config, at, "CSVDelimiter", "COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB")),
		}
		reader.maxItems = p.number(s, config, at, "MaxItems", true, 0, 100_000_000)
	}
	s.mapping.reader = reader
}

func csvDelimiter(name string) string {
	return map[string]string{"PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}[name]
}

func (p *parser) itemBatcher(s *State, n *node) {
	b := p.object(n, s.Path, "ItemBatcher")
	if b == nil {
		return
	}
	place := s.Path + "/ItemBatcher"
	p.supported(b, place, []string{"Comment", "BatchInput", "MaxItemsPerBatch", "MaxItemsPerBatchPath", "MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"})
	p.inLanguage(s, b, place)
	s.mapping.batcher = &itemBatcher{
		maxItems: p.number(s, b, place, "MaxItemsPerBatch", true, 0, maxSeconds),
		maxBytes: p.number(s, b, place, "MaxInputBytesPerBatch", true, 0, maxDataBytes),
		input:    p.nested(s, b, place, "ItemBatcher", "BatchInput"),
	}
	if s.mapping.batcher.maxItems == nil && s.mapping.batcher.maxBytes == nil {
		p.schema(place, b, "One of the following fields is required: [MaxItemsPerBatch, MaxItemsPerBatchPath, MaxInputBytesPerBatch, MaxInputBytesPerBatchPath]")
	}
}

func (p *parser) resultWriter(s *State, n *node) {
	w := p.object(n, s.Path, "ResultWriter")
	if w == nil {
		return
	}
	place := s.Path + "/ResultWriter"
	p.supported(w, place, []string{"Comment", "Resource", "Parameters", "Arguments", "WriterConfig"})
	p.inLanguage(s, w, place)
	writer := &resultWriter{resource: p.text(w, place, "Resource"), parameters: p.nested(s, w, place, "ResultWriter", "Parameters", "Arguments")}
	if config := p.object(w, place, "WriterConfig"); config != nil {
		at := place + "/WriterConfig"
		p.supported(config, at, []string{"Comment", "Transformation", "OutputType"})
		writer.config = WriterConfig{Transformation: p.oneText(config, at, "Transformation", "NONE", "COMPACT", "FLATTEN"), OutputType: p.oneText(config, at, "OutputType", "JSON", "JSONL")}
	}
	s.mapping.writer = writer
}

// nested reads the payload template of a field inside ItemReader, ItemBatcher or ResultWriter.
func (p *parser) nested(s *State, n *node, place, outer string, fields ...string) *template {
	for _, field := range fields {
		if at := n.member(field); at != nil {
			return p.template(s, at, place+"/"+field, outer+"/"+field, field)
		}
	}
	return nil
}

// label checks a distributed Map's Label, which becomes a part of names.
func (p *parser) label(label, place string, at *node) {
	switch {
	case label == "":
		p.schema(place, at, "Label cannot be empty")
	case utf8.RuneCountInString(label) > maxLabelLength:
		p.schema(place, at, "Label cannot exceed %d characters", maxLabelLength)
	}
	for _, r := range label {
		if r <= 0x20 || r >= 0x7f && r <= 0x9f || strings.ContainsRune("?*<>{}[]:;,\\|^~$#%&`\"/", r) {
			p.schema(place, at, "Label contains invalid character: %s", quoteRune(r))
			return
		}
	}
}

// quoteRune writes a character in single quotes with the escapes that programs use.
func quoteRune(r rune) string {
	switch {
	case r == '\\':
		return `'\\'`
	case r == '\t':
		return `'\t'`
	case r == '\n':
		return `'\n'`
	case r == '\r':
		return `'\r'`
	case r < 0x20 || r >= 0x7f && r <= 0x9f:
		return fmt.Sprintf(`'\x%02x'`, r)
	}
	return "'" + string(r) + "'"
}
