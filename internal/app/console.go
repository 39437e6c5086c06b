package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/serve/console"
)

// Settings of the console.
const (
	settingConsoleSecret = "console.secret" // hexadecimal; signs sessions
	settingConsoleOnce   = "console.once"   // hash of the one-time login token, or "used"
)

// newConsole makes the pages for people.
func (n *Node) newConsole(guard *access.Guard, version string) (*console.Console, error) {
	secret, err := n.consoleSecret(context.Background())
	if err != nil {
		return nil, err
	}
	return console.New(console.Options{Node: pagesOf{n}, Guard: guard, Location: func() *time.Location { return n.project.Load().Location },
		Now: n.clock.Now, Log: n.log, Project: n.o.Project.Name, Version: version, Secret: secret,
		Once: func(r *http.Request, token string) (bool, error) { return n.useLogin(r.Context(), token) }, Ended: n.taps.Done(), AWS: func() string { return n.o.AWSURL }, Watched: n.o.Watched, Demo: n.o.Demo}), nil
}

// consoleSecret is drawn once for a data folder.
func (n *Node) consoleSecret(ctx context.Context) (secret []byte, err error) {
	err = n.meta.Update(ctx, func(tx *sql.Tx) error {
		text, err := meta.Setting(ctx, tx, settingConsoleSecret)
		if err != nil {
			return err
		}
		if text == "" {
			text = rand.Text() + rand.Text()
			if err := meta.Set(ctx, tx, settingConsoleSecret, text); err != nil {
				return err
			}
		}
		secret = []byte(text)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	return secret, nil
}

// LoginPath is the console's page that lets one browser in once, "" where such a
// link was given before: the first start of a data folder prints it.
func (n *Node) LoginPath(ctx context.Context) (path string, err error) {
	err = n.meta.Update(ctx, func(tx *sql.Tx) error {
		given, err := meta.Setting(ctx, tx, settingConsoleOnce)
		if err != nil || given != "" {
			return err
		}
		token := rand.Text()
		path = "/login?once=" + token
		return meta.Set(ctx, tx, settingConsoleOnce, hashToken(token))
	})
	return path, err
}

func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// useLogin says whether a token is the one that was given, and uses it up.
func (n *Node) useLogin(ctx context.Context, token string) (good bool, err error) {
	err = n.meta.Update(ctx, func(tx *sql.Tx) error {
		given, err := meta.Setting(ctx, tx, settingConsoleOnce)
		if err != nil || subtle.ConstantTimeCompare([]byte(given), []byte(hashToken(token))) != 1 {
			return err
		}
		good = true
		return meta.Set(ctx, tx, settingConsoleOnce, "used")
	})
	return good, err
}

// pagesOf tells the console what its pages show.
type pagesOf struct{ node *Node }

// Ready is nil when the node takes records and its answers are exact.
func (p pagesOf) Ready() error { return p.node.Started() }
