#!/usr/bin/env bash
# Installs what a cluster needs beside Go. Where a Docker engine answers that is
# nothing; elsewhere an engine is started, and the image of a node may be built.
set -euo pipefail
docker version >/dev/null 2>&1 && exit
"$(dirname "$0")/../install.sh" docker.io docker docker.io dockerd iptables iptables iproute2 ip mmdebstrap mmdebstrap postgresql pg_ctlcluster ||
	[[ ${FOUNTAIN_ALLOW_NO_CLUSTER:-} == 1 ]] # then it is said where a cluster is to be made
