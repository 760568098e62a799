#!/usr/bin/env bash
# Fails if a generated file differs from what its source makes now. Works on a
# tree with uncommitted changes: it compares files, not commits.
set -euo pipefail
cd "$(dirname "$0")/.."
before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
generated() {
	find . -name '*.gen.go'
	find charts \( -name README.md -o -name values.schema.json -o -path 'charts/fountainai/files/*' -type f -o -path '*/crds/*' \)
	echo manifests/operator.yaml docs/fountainstack.md | tr ' ' '\n'
}
generated | xargs cp --parents -t "$before"
make --no-print-directory generate
status=0
while read -r file; do
	if ! cmp -s "$file" "$before/$file"; then
		echo "$file was out of date; it has been rebuilt: commit it" >&2
		status=1
	fi
done < <(generated)
exit $status
