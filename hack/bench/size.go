// The size of the programs and of their images.
package main

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// measureSize weighs what is in bin/, and the images where Docker has them.
func (b *bench) measureSize(ctx context.Context) ([]section, error) {
	empty, err := megabytes("bin/bench-empty")
	if err != nil {
		return nil, err
	}
	size := section{
		Name: "size", Title: "Size", Axis: "size, of that of the empty handler's program",
		Text: "Static programs, stripped; images are FROM scratch, built by `make images` (left out where Docker does not answer).",
	}
	for _, name := range append(serviceNames, "fountain") {
		program, err := megabytes("bin/" + name)
		if err != nil {
			return nil, err
		}
		size.Comparisons = append(size.Comparisons, compare(name, "MB", []float64{program}, "empty handler", []float64{empty}, nil))
		if image, err := imageMegabytes(ctx, "fountainai/"+name); err == nil {
			size.Comparisons = append(size.Comparisons, compare(name+", image", "MB", []float64{image}, "empty handler", []float64{empty}, nil))
		}
	}
	return []section{size}, nil
}

func megabytes(path string) (float64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return float64(info.Size()) / 1e6, nil
}

func imageMegabytes(ctx context.Context, image string) (float64, error) {
	output, err := exec.CommandContext(ctx, "docker", "image", "inspect", "--format", "{{.Size}}", image).Output()
	if err != nil {
		return 0, err
	}
	size, err := strconv.ParseFloat(strings.TrimSpace(string(output)), 64)
	return size / 1e6, err
}
