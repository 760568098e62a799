// Files that pages load, each under a name made of its content, so that it can
// be kept forever.
package webui

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"fountain.coach/fountainai/internal/screenplay/layout"
)

//go:embed assets templates
var embedded embed.FS

var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// assets are the files by the names they are served under.
type assets struct {
	content map[string][]byte
	// served is the name that a file is served under.
	served map[string]string
}

func loadAssets() (*assets, error) {
	a := &assets{content: map[string][]byte{}, served: map[string]string{}}
	a.add("screenplay.css", []byte(layout.Stylesheet))
	entries, err := fs.ReadDir(embedded, "assets")
	if err != nil {
		return nil, fmt.Errorf("webui: %w", err)
	}
	for _, entry := range entries {
		content, err := fs.ReadFile(embedded, "assets/"+entry.Name())
		if err != nil {
			return nil, fmt.Errorf("webui: %w", err)
		}
		a.add(entry.Name(), content)
	}
	return a, nil
}

func (a *assets) add(name string, content []byte) {
	sum := sha256.Sum256(content)
	extension := path.Ext(name)
	served := strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(sum[:6]) + extension
	a.content[served], a.served[name] = content, served
}

// path returns the address of a file. Templates use it.
func (a *assets) path(name string) (string, error) {
	served, found := a.served[name]
	if !found {
		return "", fmt.Errorf("there is no file %s", name)
	}
	return "/assets/" + served, nil
}

func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	content, found := a.content[name]
	if !found {
		http.Error(w, "There is no such file. Load the page again: it names the current ones.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", mediaTypes[path.Ext(name)])
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(content)
}
