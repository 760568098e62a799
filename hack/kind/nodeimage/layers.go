// Layers and archives of images. They are not compressed: they go no further than this machine.

package nodeimage

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/go-containerregistry/pkg/compression"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// layer is a tar file that is there, or a folder to make one of.
type layer struct{ file, tree string }

// parts is what an image is made of.
type parts struct {
	layers []layer
	config v1.Config
}

// place puts programs at their places below tree. They are linked where the file system allows it.
func place(tree string, files map[string]string) error {
	for target, source := range files {
		target = filepath.Join(tree, filepath.FromSlash(target))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if os.Link(source, target) == nil {
			continue
		}
		if err := copyFile(source, target); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(source, target string) error {
	in, err := os.Open(source)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}

// writeImages writes one archive of several images; a layer that several have is in it once.
func writeImages(archive string, images map[string]parts) error {
	references := map[name.Reference]v1.Image{}
	for title, p := range images {
		reference, err := name.NewTag(title)
		if err != nil {
			return err
		}
		if references[reference], err = p.image(); err != nil {
			return fmt.Errorf("%s: %w", title, err)
		}
	}
	return tarball.MultiRefWriteToFile(archive, references)
}

func (p parts) image() (v1.Image, error) {
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: "linux", Architecture: runtime.GOARCH, Config: p.config, RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	for _, l := range p.layers {
		file := l.file
		if file == "" {
			file = l.tree + ".layer.tar"
			if err := writeTree(l.tree, file); err != nil {
				return nil, err
			}
		}
		layer, err := tarball.LayerFromFile(file, tarball.WithCompression(compression.None))
		if err != nil {
			return nil, err
		}
		if image, err = mutate.AppendLayers(image, layer); err != nil {
			return nil, err
		}
	}
	return image, nil
}

// writeTree writes a folder as a tar file: all of it root's, and of no time, so that the same files make the same layer.
func writeTree(tree, file string) (err error) {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() {
		if closed := out.Close(); err == nil {
			err = closed
		}
	}()
	w := tar.NewWriter(out)
	if err := filepath.WalkDir(tree, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == tree {
			return err
		}
		return writeEntry(w, tree, path, entry)
	}); err != nil {
		return err
	}
	return w.Close()
}

func writeEntry(w *tar.Writer, tree, path string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	target := ""
	if entry.Type() == fs.ModeSymlink {
		if target, err = os.Readlink(path); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	relative, err := filepath.Rel(tree, path)
	if err != nil {
		return err
	}
	header.Name = filepath.ToSlash(relative)
	if entry.IsDir() {
		header.Name += "/"
	}
	header.Uid, header.Gid, header.Uname, header.Gname = 0, 0, "root", "root"
	header.ModTime, header.AccessTime, header.ChangeTime = time.Unix(0, 0), time.Time{}, time.Time{}
	if err := w.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(w, in)
	return err
}
