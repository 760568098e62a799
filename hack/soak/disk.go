// A small disk of our own: a file system in a file behind a loop device.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
)

// disk is a mounted file system that can be filled, slowed down and frozen.
type disk struct {
	folder string // where it is mounted
	image  string
	device string // as /dev/loop0
	// throttle slows down what the program writes; nil where it cannot be had.
	throttle *throttle
}

// newDisk makes a disk of size MiB in the folder work. What it returns together
// with an error must be closed as well.
func newDisk(ctx context.Context, work string, size int) (*disk, error) {
	d := &disk{folder: filepath.Join(work, "disk"), image: filepath.Join(work, "disk.img")}
	if err := os.Mkdir(d.folder, 0o700); err != nil {
		return d, err
	}
	image, err := os.Create(d.image)
	if err != nil {
		return d, err
	}
	if err := errors.Join(image.Truncate(int64(size)<<20), image.Close()); err != nil {
		return d, err
	}
	// Without blocks that are kept for root, which we are: full is full.
	if _, err := command(ctx, "mkfs.ext4", "-q", "-F", "-m", "0", d.image); err != nil {
		return d, err
	}
	device, err := command(ctx, "losetup", "--find", "--show", d.image)
	if err != nil {
		return d, err
	}
	d.device = device
	if _, err := command(ctx, "mount", d.device, d.folder); err != nil {
		return d, err
	}
	d.throttle, err = newThrottle(d.device)
	return d, err
}

// close takes the disk down as far as it was made.
func (d *disk) close() error {
	var failures []error
	ctx := context.Background()
	if d.throttle != nil {
		failures = append(failures, d.throttle.close())
	}
	if mounted, err := mountinfo.Mounted(d.folder); err == nil && mounted {
		_, err := command(ctx, "umount", d.folder)
		for i := 0; err != nil && i < 20; i++ { // its last user may just be ending
			time.Sleep(100 * time.Millisecond)
			_, err = command(ctx, "umount", d.folder)
		}
		failures = append(failures, err)
	}
	if d.device != "" {
		_, err := command(ctx, "losetup", "--detach", d.device)
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

func (d *disk) ballast() string { return filepath.Join(d.folder, "ballast") }

// fill leaves no block free: a file takes them all, in ever smaller pieces.
func (d *disk) fill(ctx context.Context, size int) error {
	offset := 0
	for piece := size << 20; piece >= 4096 && ctx.Err() == nil; {
		_, err := command(ctx, "fallocate", "--offset", strconv.Itoa(offset), "--length", strconv.Itoa(piece), d.ballast())
		if err != nil {
			piece /= 2 // there is no room for as much
			continue
		}
		offset += piece
	}
	if offset == 0 {
		return errors.New("the disk cannot be filled: not one block could be taken")
	}
	return nil
}

// free makes room again.
func (d *disk) free() error { return os.Remove(d.ballast()) }

// freeze stops all writing for a while: writers wait and get no error. A shell
// thaws the disk, so that it does not stay frozen if this program is killed.
func (d *disk) freeze(ctx context.Context, length time.Duration) error {
	seconds := fmt.Sprintf("%.1f", length.Seconds())
	_, err := command(context.WithoutCancel(ctx), "sh", "-c",
		`fsfreeze --freeze "$1" && { sleep "$2"; fsfreeze --unfreeze "$1"; }`, "sh", d.folder, seconds)
	return err
}

// command runs a program and returns what it prints.
func command(ctx context.Context, name string, arguments ...string) (string, error) {
	output, err := exec.CommandContext(ctx, name, arguments...).CombinedOutput()
	text := strings.TrimSpace(string(output))
	if err != nil {
		return text, fmt.Errorf("%s %s: %w: %s", name, strings.Join(arguments, " "), err, text)
	}
	return text, nil
}
