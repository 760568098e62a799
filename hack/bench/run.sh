#!/usr/bin/env bash
# Measures the services beside other things, in turns, on this machine, and
# writes docs/bench. Needs Debian's wrk, nginx-light, python3-fastapi, python3-sqlalchemy,
# uvicorn and postgresql; says so if they are missing.
set -euo pipefail
cd "$(dirname "$0")/../.."
for command in wrk nginx uvicorn; do
	command -v "$command" >/dev/null || {
		echo "$command is missing: apt-get install wrk nginx-light uvicorn python3-fastapi python3-sqlalchemy postgresql" >&2
		exit 1
	}
done
make --no-print-directory build
for program in empty driver profiled; do
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "bin/bench-$program" "./hack/bench/$program"
done
go run ./hack/bench "$@"
