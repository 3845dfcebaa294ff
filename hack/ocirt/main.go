// Command ocirt is an OCI runtime that asks for less: on a host whose bounding
// set lacks CAP_SYS_RESOURCE, runc and crun refuse privileged containers,
// raised limits and a lowered OOM score. It takes these out of the bundle (and
// out of an exec's process file) and hands over to the real runtime.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "ocirt: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if file, kind := specFile(args); file != "" {
		if err := rewrite(file, kind); err != nil {
			return fmt.Errorf("relaxing %s: %w", file, err)
		}
	}
	runtime, err := realRuntime()
	if err != nil {
		return err
	}
	return syscall.Exec(runtime, append([]string{runtime}, args...), os.Environ())
}

// realRuntime is OCIRT_RUNTIME, or the first of runc and crun that is found. An
// engine may call its runtime without a PATH.
func realRuntime() (string, error) {
	if runtime := os.Getenv("OCIRT_RUNTIME"); runtime != "" {
		return runtime, nil
	}
	folders := filepath.SplitList(os.Getenv("PATH"))
	folders = append(folders, "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin")
	for _, name := range []string{"runc", "crun"} {
		for _, folder := range folders {
			path := filepath.Join(folder, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("finding the real runtime: neither runc nor crun is installed")
}

// specFile finds the file that says what shall run: config.json of the bundle
// of create and run, or the process file of exec.
func specFile(args []string) (file string, kind specKind) {
	command, bundle, process := "", ".", ""
	for i := 0; i < len(args); i++ {
		name, value, inline := strings.Cut(args[i], "=")
		next := func() string {
			if inline {
				return value
			}
			if i+1 < len(args) {
				i++
				return args[i]
			}
			return ""
		}
		switch name {
		case "create", "run", "exec":
			if command == "" {
				command = name
			}
		case "--bundle", "-b":
			bundle = next()
		case "--process", "-p":
			process = next()
		case "--root", "--log", "--log-format", "--criu", "--rootless", "--cgroup-manager":
			next()
		}
	}
	switch {
	case command == "exec" && process != "":
		return process, processSpec
	case command == "create" || command == "run":
		return filepath.Join(bundle, "config.json"), bundleSpec
	}
	return "", ""
}

func rewrite(file string, kind specKind) error {
	before, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	after, err := relax(before, kind)
	if err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, after, info.Mode().Perm())
}
