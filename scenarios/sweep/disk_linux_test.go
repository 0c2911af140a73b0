package sweep

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// mount mounts a small file system of the given options, for which a test needs rights.
func mount(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		if os.Getenv("MPSIM_REQUIRE_MOUNT") != "" {
			t.Fatal(err)
		}
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	return dir
}

// A full disk ends the sweep with an error that says so; the runs that fitted are kept,
// the existing table is untouched, and with room the sweep goes on.
func TestFullDisk(t *testing.T) {
	dir := mount(t, "size=64k")
	p := plan(t, write(t, grid))
	out := filepath.Join(dir, "out")
	fill := filepath.Join(dir, "fill")
	if err := os.Mkdir(out, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(fill, make([]byte, 56<<10), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := p.Execute(t.Context(), Options{Out: out, Jobs: 2})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "--resume") {
		t.Fatalf("full disk: %v", err)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	sweepTo(t, p, Options{Out: out, Resume: true})
	whole := t.TempDir()
	sweepTo(t, p, Options{Out: whole})
	equal(t, "after a full disk", whole, out)
}

// A directory that cannot be written is an error before anything runs.
func TestReadOnly(t *testing.T) {
	dir := mount(t, "size=64k,ro")
	_, err := plan(t, write(t, grid)).Execute(t.Context(), Options{Out: filepath.Join(dir, "out"), Jobs: 1})
	if !errors.Is(err, syscall.EROFS) {
		t.Errorf("read-only: %v", err)
	}
}
