#!/usr/bin/env bash
# Runs every fuzz test of the project for the given time (30s if none is given).
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-30s}
for package in $(go list ./...); do
	for test in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "== $package $test"
		go test -run '^$' -fuzz "^$test\$" -fuzztime "$time" "$package"
	done
done
