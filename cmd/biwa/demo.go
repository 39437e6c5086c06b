package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newDemo() *cobra.Command {
	return &cobra.Command{Use: "demo", Short: "Run the example platform with generated traffic", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return errors.New("being written")
	}}
}
