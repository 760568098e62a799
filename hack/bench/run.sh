#!/usr/bin/env bash
# Measures the services beside a FastAPI rendition and an empty handler, in
# turns, on this machine. Needs Debian's wrk, python3-fastapi,
# python3-sqlalchemy and uvicorn; says so if they are missing.
set -euo pipefail
cd "$(dirname "$0")/../.."
for command in wrk uvicorn; do
	command -v "$command" >/dev/null || {
		echo "$command is missing: apt-get install wrk uvicorn python3-fastapi python3-sqlalchemy" >&2
		exit 1
	}
done
make --no-print-directory build
go build -o bin/bench-empty ./hack/bench/empty
go run ./hack/bench "$@"
