#!/usr/bin/env bash
# Puts your domain, hosted zone, AWS account and region in place of the
# placeholders in all manifests.
#   manifests/set.sh DOMAIN ZONE_ID ACCOUNT REGION
set -euo pipefail
cd "$(dirname "$0")"
if (($# != 4)); then
	echo "usage: manifests/set.sh DOMAIN ZONE_ID ACCOUNT REGION" >&2
	exit 2
fi
fail() { echo "$1" >&2; exit 2; }
[[ $1 =~ ^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$ ]] || fail "domain \"$1\": want one such as example.org"
[[ $2 =~ ^Z[A-Z0-9]+$ ]] || fail "hosted zone \"$2\": want an identifier such as Z0123456789ABCDEFGHIJ (aws route53 list-hosted-zones)"
[[ $3 =~ ^[0-9]{12}$ ]] || fail "account \"$3\": want twelve digits (aws sts get-caller-identity)"
[[ $4 =~ ^[a-z]{2}(-[a-z]+)+-[0-9]$ ]] || fail "region \"$4\": want one such as eu-central-1"
find . -type f \( -name '*.yaml' -o -name '*.json' \) -print0 | sort -z | while IFS= read -r -d '' file; do
	sed -i "s/Z0000000000000000000/$2/g; s/111122223333/$3/g; s/eu-central-1/$4/g; s/example\.org/$1/g" "$file"
	echo "set ${file#./}"
done
