// fountain export: a story is read back and written as a screenplay.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"fountain.coach/fountainai/internal/play"
)

type exportOptions struct {
	remoteOptions
	output string
}

func newExportCommand() *cobra.Command {
	var options exportOptions
	command := &cobra.Command{
		Use:   "export SCRIPT_ID",
		Short: "Write a script's story as a screenplay",
		Long: `Read a story from the Story Factory and write it in the Fountain format, or with
--json as elements in JSON.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			scriptID, err := strconv.ParseInt(arguments[0], 10, 64)
			if err != nil || scriptID < 1 {
				return fmt.Errorf("script id %q: want a positive whole number, as fountain import printed it", arguments[0])
			}
			return export(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), scriptID, options)
		},
	}
	options.addFlags(command)
	command.Flags().StringVarP(&options.output, "output", "o", "", "file to write (standard output if empty)")
	return command
}

func export(ctx context.Context, stdout, stderr io.Writer, scriptID int64, options exportOptions) error {
	api, err := options.connect()
	if err != nil {
		return err
	}
	story, err := play.Fetch(ctx, api, scriptID)
	if err != nil {
		return fmt.Errorf("export script %d: %w", scriptID, err)
	}
	if !story.Complete {
		fmt.Fprintln(stderr, "fountain: the story is incomplete; an import is under way or was interrupted: run it again to complete it")
	}
	script := play.FromStory(story)
	content := script.Format()
	if options.json {
		if content, err = json.MarshalIndent(script, "", "  "); err != nil {
			return err
		}
		content = append(content, '\n')
	}
	if options.output == "" || options.output == "-" {
		_, err := stdout.Write(content)
		return err
	}
	return replaceFile(options.output, content, 0o666)
}

// replaceFile writes a file so that the name always stands for a whole one. A
// link is followed, an existing file keeps its mode, and what is no regular
// file, as /dev/stdout, is written to and not replaced.
//
// A new file gets the mode less the umask.
func replaceFile(name string, content []byte, mode fs.FileMode) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return os.WriteFile(name, content, mode)
		}
		mode = info.Mode().Perm()
	}
	partial := fmt.Sprintf("%s.%d.partial", name, os.Getpid())
	file, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(partial, name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	return nil
}
