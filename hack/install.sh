#!/usr/bin/env bash
# install.sh PACKAGE COMMAND ...: installs the Debian packages whose commands are
# not there. Only root can, so a person at work is told what is missing instead.
set -euo pipefail

missing=()
while (($#)); do
	if ! command -v "$2" >/dev/null && [[ " ${missing[*]} " != *" $1 "* ]]; then missing+=("$1"); fi
	shift 2
done
((${#missing[@]})) || exit 0
if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
	echo "not installed here: ${missing[*]} (on Debian: sudo apt-get install ${missing[*]})" >&2
	exit 1
fi
echo "installing ${missing[*]}"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
