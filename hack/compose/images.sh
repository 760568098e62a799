#!/usr/bin/env bash
# Builds the eight images, or those that are named: images.sh docker|host [NAME...].
# "docker" compiles inside Docker; "host" compiles here and needs no registry.
# VERSION and LDFLAGS come from make.
set -euo pipefail
cd "$(dirname "$0")/../.."
limit=25000000
prefix=${FOUNTAIN_IMAGES:-fountainai}
tag=${FOUNTAIN_VERSION:-latest}
how=${1:-docker}
shift || true
names=("$@")
certificates=/etc/ssl/certs/ca-certificates.crt
services=(centralsequence character scriptmanagement sessioncontext storyfactory)

# What the image of the command leaves out: commands for clusters and for models.
tags=nostack,nomodel

# stage lays out what the image of $1, with the binary of package $2 and the
# folders $3..., is made of.
stage() {
	local name=$1 package=$2 folder root=bin/images/$1
	shift 2
	rm -rf "$root"
	install -D -m 644 "$certificates" "$root/rootfs/etc/ssl/certs/ca-certificates.crt"
	for folder in "$@"; do mkdir -p "$root/owned/$folder"; done
	cp LICENSE "$root/"
	CGO_ENABLED=0 go build -trimpath -tags "$tags" -ldflags "$LDFLAGS" -o "$root/rootfs/$name" "$package"
}

build() {
	local name=$1 dockerfile=$2 image=$prefix/$1:$tag size
	shift 2
	docker build --quiet --build-arg "VERSION=$VERSION" -f "$dockerfile" -t "$image" "$@" >/dev/null
	size=$(docker image inspect -f '{{.Size}}' "$image")
	printf '%-40s %5.1f MB\n' "$image" "$(awk "BEGIN {print $size / 1000000}")"
	if ((size >= limit)); then
		echo "$image is not below $((limit / 1000000)) MB" >&2
		return 1
	fi
}

# fountain builds the image of the command, which has the clients of both kinds
# of database and of S3.
fountain() {
	local limit=30000000
	build fountain cmd/fountain/Dockerfile "$@"
}

# orchestrator builds the image of the command with the doors for models.
orchestrator() {
	local limit=75000000
	build orchestrator cmd/fountain/orchestrator.Dockerfile "$@"
}

# operator builds the image of the operator, which holds Helm and may be larger.
operator() {
	local limit=100000000
	build operator operator/Dockerfile "$@"
}

# wanted NAME: whether an image is to be built.
wanted() { ((${#names[@]} == 0)) || [[ " ${names[*]} " == *" $1 "* ]]; }

case $how in
docker)
	for name in "${services[@]}"; do
		! wanted "$name" || build "$name" "services/$name/Dockerfile" .
	done
	! wanted fountain || fountain .
	! wanted orchestrator || orchestrator .
	! wanted operator || operator .
	;;
host)
	[ -r "$certificates" ] || { echo "no CA bundle at $certificates; install ca-certificates" >&2; exit 1; }
	for name in "${services[@]}"; do
		wanted "$name" || continue
		stage "$name" "./services/$name/cmd" data
		build "$name" "services/$name/Dockerfile" --target host "bin/images/$name"
	done
	if wanted fountain; then
		stage fountain ./cmd/fountain work/data work/certs gateway backups "${services[@]/#/data/}"
		fountain --target host bin/images/fountain
	fi
	if wanted orchestrator; then
		tags=nostack stage orchestrator ./cmd/fountain
		orchestrator --target host bin/images/orchestrator
	fi
	if wanted operator; then
		LDFLAGS="-s -w -X main.version=$VERSION" stage operator ./operator
		operator --target host bin/images/operator
	fi
	;;
*)
	echo "IMAGE_BUILD is $how; want docker or host" >&2
	exit 2
	;;
esac
