package project

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/biwa-data/biwa/internal/access"
)

// Setting is a key of biwa.yaml and the value it has, written there or by default.
type Setting struct {
	Key   string // limits.query_time; keys.NAME for one of the keys
	Value string // as people write it, without secrets
	// Mark is another one where Value is the same and what it stands for is not: a
	// key's secret. It is not for people.
	Mark string
}

// Settings are all of biwa.yaml as one list, those of the chosen environment in
// place, but not the environments themselves.
func (c Config) Settings() []Setting {
	return settings(nil, "", reflect.ValueOf(c))
}

func settings(list []Setting, path string, v reflect.Value) []Setting {
	for i := range v.NumField() {
		name, field := v.Type().Field(i).Tag.Get("yaml"), v.Field(i)
		if path != "" {
			name = path + "." + name
		}
		switch value := field.Interface().(type) {
		case []Key:
			for _, k := range value {
				list = append(list, k.setting(name))
			}
		case []string:
			list = append(list, Setting{Key: name, Value: strings.Join(value, ", ")})
		case map[string]Config: // the one that is chosen has been read over the rest
		default:
			if field.Kind() == reflect.Struct {
				list = settings(list, name, field)
				continue
			}
			setting := Setting{Key: name}
			if !field.IsZero() {
				setting.Value = fmt.Sprint(value)
			}
			list = append(list, setting)
		}
	}
	return list
}

// setting is a key without its secret.
func (k Key) setting(path string) Setting {
	said := []string{k.Scope}
	if len(k.Streams) > 0 {
		said = append(said, "streams "+strings.Join(k.Streams, " "))
	}
	if len(k.Origins) > 0 {
		said = append(said, "origins "+strings.Join(k.Origins, " "))
	}
	if k.Rate > 0 {
		said = append(said, fmt.Sprintf("rate %d", k.Rate))
	}
	mark := strings.ToLower(k.Hash)
	if k.Secret != "" {
		mark = fmt.Sprintf("sha256:%x", access.HashSecret(k.Secret))
	}
	return Setting{Key: path + "." + k.Name, Value: strings.Join(said, ", "), Mark: mark}
}
