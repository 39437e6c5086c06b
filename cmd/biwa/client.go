package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

const defaultURL = "http://localhost:2492"

// client talks to a running node.
type client struct {
	base string
	key  string
	http *http.Client
}

// clientFlags adds --url and --key.
func clientFlags(c *cobra.Command) *client {
	cl := &client{http: &http.Client{}}
	base := os.Getenv("BIWA_URL")
	if base == "" {
		base = defaultURL
	}
	c.Flags().StringVar(&cl.base, "url", base, "address of the node (BIWA_URL)")
	c.Flags().StringVar(&cl.key, "key", "", "key to show (BIWA_KEY)")
	return cl
}

// problemError is an answer that says what is wrong.
type problemError struct {
	Status int             `json:"status"`
	Detail string          `json:"detail"`
	Errors json.RawMessage `json:"errors"`
}

func (e *problemError) Error() string { return e.Detail }

// do sends a request and returns the answer if its status is 2xx.
func (c *client) do(ctx context.Context, method, path string, body io.Reader, headers map[string]string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.base, "/")+path, body)
	if err != nil {
		return nil, usagef("--url %s: %w", c.base, err)
	}
	key := c.key
	if key == "" {
		key = os.Getenv("BIWA_KEY")
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	r.Header.Set("User-Agent", "biwa/"+version)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		var reason *url.Error
		if errors.As(err, &reason) {
			err = reason.Err
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil, fmt.Errorf("no node answers at %s: start one with biwa up, or name another with --url", c.base)
		}
		return nil, fmt.Errorf("%s: %w", c.base, err)
	}
	if answer.StatusCode/100 == 2 {
		return answer, nil
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	p := &problemError{Status: answer.StatusCode}
	if json.Unmarshal(text, p) != nil || p.Detail == "" {
		p.Detail = fmt.Sprintf("%s answered %s: %s", c.base, answer.Status, bytes.TrimSpace(text))
	}
	return nil, p
}

// call sends a JSON body, nil for none, and decodes the JSON answer.
func (c *client) call(ctx context.Context, method, path string, body, answer any) error {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		reader = bytes.NewReader(text)
	}
	r, err := c.do(ctx, method, path, reader, map[string]string{"Content-Type": "application/json"})
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if answer == nil {
		return nil
	}
	if err := json.NewDecoder(r.Body).Decode(answer); err != nil {
		return fmt.Errorf("%s: the answer does not read: %w", c.base, err)
	}
	return nil
}

// printJSON writes a value as indented JSON.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
