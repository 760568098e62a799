// Folders of modules, from which the CustomResourceDefinitions are read.
package binaries

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"fountain.coach/fountainai/internal/controlplane/command"
)

// ModuleFolder downloads a module that one of the tool modules under hack/controlplane requires, and returns its folder.
func ModuleFolder(ctx context.Context, root, tool, module string) (string, error) {
	out, err := command.Output(command.Go(ctx, filepath.Join(root, "hack", "controlplane", tool), "mod", "download", "-json", module))
	if err != nil {
		return "", fmt.Errorf("cannot get the module %s: %w", module, err)
	}
	var found struct{ Dir string }
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		return "", fmt.Errorf("cannot read what go mod download says of %s: %w", module, err)
	}
	return found.Dir, nil
}
