#!/usr/bin/env bash
# Brings docker-compose.yml up for real (with the embedded gateway for Kong, since
# there may be no registry), and tries to break it. Uses the Docker engine that
# answers, else starts one of its own. Removes whatever it made, also on failure.
#
#   FOUNTAIN_ALLOW_NO_DOCKER=1   no failure where Docker cannot run
#   FOUNTAIN_TEST_PORT=20080     the first of five free ports on loopback
#   FOUNTAIN_COMPOSE_V2=FILE     a Compose v2 binary, if `docker compose` is none
#   KEEP=1                       leave it all running to look at
set -uo pipefail
cd "$(dirname "$0")/../.."

passed=0 failed=0
pass() { passed=$((passed + 1)); printf 'ok    %s\n' "$1"; }
fail() { failed=$((failed + 1)); printf 'FAIL  %s\n' "$1"; }
# check DESCRIPTION COMMAND...: what the command says is shown only if it fails.
check() {
	local what=$1 output
	shift
	if output=$("$@" 2>&1); then pass "$what"; else fail "$what"; sed 's/^/      /' <<<"$output" | tail -n 25; fi
}
# same WANTED GOT: nothing at all is no answer.
same() { [ -n "$1" ] && [ "$1" = "$2" ] || { diff <(echo "$1") <(echo "$2"); return 1; }; }
section() { printf '%s (%ds)\n' "$1" "$SECONDS"; }
give_up() {
	echo "$1" >&2
	if [ "${FOUNTAIN_ALLOW_NO_DOCKER:-}" = 1 ]; then
		echo "THE COMPOSE STACK WAS NOT TESTED; FOUNTAIN_ALLOW_NO_DOCKER=1 lets that pass." >&2
		echo "0 passed, 0 failed, 1 skipped"
		exit 0
	fi
	echo "The Compose stack cannot be tested here. FOUNTAIN_ALLOW_NO_DOCKER=1 lets that pass." >&2
	echo "0 passed, 1 failed"
	exit 1
}

missing=()
for tool in docker docker-compose curl jq go; do command -v $tool >/dev/null || missing+=("$tool"); done
engine=theirs
docker version >/dev/null 2>&1 || engine=ours
if [ $engine = ours ]; then
	for tool in dockerd iptables ip unshare; do command -v $tool >/dev/null || missing+=("$tool"); done
	[ "$(id -u)" = 0 ] || missing+=("root")
fi
[ ${#missing[@]} = 0 ] || give_up "Missing: ${missing[*]}. On Debian: apt-get install docker.io docker-compose iptables iproute2 curl jq"

# An engine of our own gets a network of its own, with everything that talks to
# it: it changes no bridge and no rule of this machine, and no port is taken.
if [ $engine = ours ] && [ "${FOUNTAIN_TEST_NETWORK:-}" != own ]; then
	# The modules come over the network of the machine.
	go build ./services/... ./cmd/... && go test -run '^$' ./internal/gateway/conformance >/dev/null || exit 1
	unshare --net true || give_up "No network namespace can be made here."
	FOUNTAIN_TEST_NETWORK=own exec unshare --net hack/compose/test.sh
fi
[ "${FOUNTAIN_TEST_NETWORK:-}" != own ] || ip link set lo up

work=$(mktemp -d /tmp/fountain-compose.XXXXXX)
id=fountaintest$$
export COMPOSE_PROJECT_NAME=$id FOUNTAIN_IMAGES=$id FOUNTAIN_VERSION=test
export COMPOSE_FILE=docker-compose.yml:docker-compose.embedded.yml
export FOUNTAIN_CERTS=$work/certs FOUNTAIN_BACKUPS=$work/backups
export FOUNTAIN_BACKUP_EVERY=4s FOUNTAIN_BACKUP_KEEP=2
# No test asks a model, whatever is set here.
unset FOUNTAIN_REPLICA_URL FOUNTAIN_DATABASE_URL FOUNTAIN_DATABASE_CA PGPASSWORD OPENAI_API_KEY OPENAI_BASE_URL FOUNTAIN_MODEL FOUNTAIN_MODEL_LOOSE FOUNTAIN_PUBLIC_URL FOUNTAIN_URL FOUNTAIN_GATEWAY FOUNTAIN_CA
# Anybody may make a file in them; the containers are nobody in particular.
mkdir -m 1777 "$FOUNTAIN_CERTS" "$FOUNTAIN_BACKUPS"
chmod 1777 "$FOUNTAIN_CERTS" "$FOUNTAIN_BACKUPS"
chmod 755 "$work"

start_engine() {
	export DOCKER_HOST=unix://$work/docker.sock
	setsid dockerd --host "$DOCKER_HOST" --data-root "$work/engine" --exec-root "$work/exec" \
		--pidfile "$work/dockerd.pid" --storage-driver overlay2 >"$work/dockerd.log" 2>&1 &
	for _ in $(seq 60); do
		docker version >/dev/null 2>&1 && return
		sleep 0.5
	done
	tail -n 20 "$work/dockerd.log" >&2
	return 1
}

stop_engine() {
	local pid
	pid=$(cat "$work/dockerd.pid" 2>/dev/null) || return 0
	kill "$pid" 2>/dev/null
	for _ in $(seq 60); do kill -0 "$pid" 2>/dev/null || break; sleep 0.5; done
	kill -9 "$pid" 2>/dev/null
	awk -v work="$work/" 'index($2, work) == 1 {print $2}' /proc/mounts | sort -r | xargs -r umount -l 2>/dev/null
}

clean_up() {
	local status=$?
	trap - EXIT INT TERM
	if [ "${KEEP:-}" = 1 ]; then
		echo "Kept: DOCKER_HOST=${DOCKER_HOST:-} COMPOSE_PROJECT_NAME=$id in $work" >&2
		exit $status
	fi
	docker-compose --profile backup --profile tools --profile orchestrator down --volumes --remove-orphans --timeout 5 >/dev/null 2>&1
	[ ! -d "$work/server" ] || stop_server
	docker images -q "$id/*" 2>/dev/null | sort -u | xargs -r docker rmi -f >/dev/null 2>&1
	[ $engine = theirs ] || stop_engine
	rm -rf "$work"
	exit $status
}
trap clean_up EXIT
trap 'exit 130' INT TERM

free_port() {
	local port=${FOUNTAIN_TEST_PORT:-$((20000 + RANDOM % 10000))} i
	for _ in $(seq 50); do
		for i in 0 1 2 3 4; do
			if (exec 3<>"/dev/tcp/127.0.0.1/$((port + i))") 2>/dev/null; then port=$((port + 5)); continue 2; fi
		done
		echo "$port"
		return
	done
	return 1
}
port=$(free_port) || { echo "no free ports from ${FOUNTAIN_TEST_PORT:-20000} on" >&2; exit 1; }
export FOUNTAIN_HTTP_PORT=127.0.0.1:$port FOUNTAIN_HTTPS_PORT=127.0.0.1:$((port + 2))
export FOUNTAIN_PORT_MAPS=$port:8000,$((port + 2)):8443
http=http://localhost:$port https=https://localhost:$((port + 2))
services=(centralsequence character scriptmanagement sessioncontext storyfactory)
fountain=bin/images-$FOUNTAIN_VERSION/fountain/rootfs/fountain

# --- What can be said without running anything -------------------------------
section "Files"

# The five Dockerfiles differ in name, title and description only.
dockerfiles_alike() {
	local name reference= this
	for name in "${services[@]}"; do
		this=$(sed -e "s/$name/SERVICE/g" -e '/image.title=/d' -e '/image.description=/d' -e '1s/# .*\. Built/# Built/' "services/$name/Dockerfile")
		[ -n "$reference" ] || reference=$this
		same "$reference" "$this" || { echo "services/$name/Dockerfile differs"; return 1; }
	done
}
# What matters to Docker, from the file as the given Compose understands it.
loads() {
	local file
	for file in docker-compose.yml docker-compose.yml:docker-compose.embedded.yml docker-compose.yml:docker-compose.replica.yml docker-compose.yml:docker-compose.postgres.yml; do
		FOUNTAIN_REPLICA_URL=s3://bucket FOUNTAIN_DATABASE_URL=postgres://db COMPOSE_FILE=$file "$@" --profile backup --profile tools --profile orchestrator config >"$work/config.yml" || return 1
	done
}
# Of Grafana, which is only there with its profile, the loopback address alone.
only_kong_publishes() {
	local config publishers
	config=$(COMPOSE_FILE=docker-compose.yml docker-compose --profile backup --profile tools --profile monitoring --profile orchestrator config) || return 1
	publishers=$(awk '/^  [a-z]+:$/ { name = $1 } /^    ports:/ { printf "%s", name }' <<<"$config")
	echo "published: $publishers"
	[ "$publishers" = "grafana:kong:" ] && grep -q 'kong:3.9' <<<"$config" && grep -Eq '127.0.0.1:[0-9]+:3000' <<<"$config" &&
		! grep -Eq 'privileged|docker.sock|host.*network' <<<"$config"
}
check "the five Dockerfiles are alike" dockerfiles_alike
check "docker-compose 1.29 loads all files" loads docker-compose
v2=${FOUNTAIN_COMPOSE_V2:-}
if [ -n "$v2" ]; then check "Compose v2 loads all files" loads "$v2"
elif docker compose version >/dev/null 2>&1; then check "Compose v2 loads all files" loads docker compose
else echo "      Compose v2 is not installed: not checked"; fi
# A copy elsewhere, or a server, gives the services a way out and no way in, and
# needs an address.
wired() { # FILE VARIABLE ADDRESS
	local config=$work/wired.yml files=docker-compose.yml:$1
	env "$2=$3" COMPOSE_FILE="$files" docker-compose config >"$config" || return 1
	[ "$(awk '/^  [a-z]+:$/ { name = $1 } name != "backup:"' "$config" | grep -c "$2: $3")" = 5 ] || { echo "not all five services have it"; return 1; }
	# Compose 1.29 prints Grafana, which publishes a port too, whatever the profile.
	[ "$(awk '/^  [a-z]+:$/ { name = $1 } /^    ports:/ && name != "grafana:" { printf "%s", name }' "$config")" = kong: ] || { echo "a service publishes a port"; return 1; }
	grep -q 'FOUNTAIN_CHARACTER_URL: http://character:8000' "$config" || { echo "the story factory has lost its peers"; return 1; }
	! env "$2=" COMPOSE_FILE="$files" docker-compose config >/dev/null 2>&1
}
check "docker-compose.replica.yml reaches all five services" wired docker-compose.replica.yml FOUNTAIN_REPLICA_URL s3://bucket
check "docker-compose.postgres.yml reaches all five services" wired docker-compose.postgres.yml FOUNTAIN_DATABASE_URL postgres://db
check "only Kong publishes ports, and Grafana on loopback" only_kong_publishes

# --- Images -------------------------------------------------------------------
section "Engine and images"
if [ $engine = ours ]; then start_engine || give_up "dockerd does not start."; fi
build=$(make --no-print-directory images IMAGE_BUILD=host 2>&1) || { echo "$build" >&2; fail "make images IMAGE_BUILD=host"; echo "$passed passed, $failed failed"; exit 1; }
grep ' MB$' <<<"$build" | sed 's/^/      /'
pass "eight images are built without a registry, each below 25 MB (the command 30, the orchestrator 75, the operator 100)"

image_is_bare() { # no shell, nobody's files but its own, a user without rights
	local image=$id/$1:test files container
	same 65532:65532 "$(docker image inspect -f '{{.Config.User}}' "$image")" || return 1
	docker image inspect "$image" | jq -e '.[0].Config | .Healthcheck.Test and .Labels["org.opencontainers.image.version"] and .Labels["org.opencontainers.image.licenses"]' || return 1
	container=$(docker create "$image") || return 1
	files=$(docker export "$container" | tar -tf - | grep -v '/$' | grep -Ev '^(\.dockerenv|dev/|etc/(hostname|hosts|mtab|resolv.conf)$)' | sort)
	docker rm -v "$container" >/dev/null
	same "$(printf '%s\n' LICENSE "$1" etc/ssl/certs/ca-certificates.crt | LC_ALL=C sort)" "$(LC_ALL=C sort <<<"$files")"
}
for name in "${services[@]}" fountain orchestrator; do check "image $name: the binary, CA bundle and licence, user 65532, labels, a health check" image_is_bare "$name"; done

# --- First start --------------------------------------------------------------
section "First start"
compose() { docker-compose "$@"; }
status() { SSL_CERT_FILE=$FOUNTAIN_CERTS/ca.crt FOUNTAIN_API_KEY=$writer timeout 20 "$fountain" status --json --url "$1"; }
wait_ready() { # URL
	local end=$((SECONDS + 60))
	until status "$1" >/dev/null 2>"$work/waiting"; do
		[ $SECONDS -lt $end ] || { cat "$work/waiting"; docker-compose ps; docker-compose logs --tail 5; return 1; }
		sleep 0.3
	done
}
rows() { status "$1" | jq -cS 'map({service, rows}) | sort_by(.service)[]'; }
# containers SERVICE [OPTION...]
containers() { docker ps -q --filter "label=com.docker.compose.project=$id" --filter "label=com.docker.compose.service=$1" "${@:2}"; }
container() { containers "$1" | tail -n 1; }
healthy() {
	local end=$((SECONDS + 40)) name
	for name in "$@"; do
		until [ "$(docker inspect -f '{{.State.Health.Status}}' "$(container "$name")" 2>/dev/null)" = healthy ]; do
			[ $SECONDS -lt $end ] || { echo "$name is not healthy"; docker-compose ps; docker-compose logs --tail 10 "$name"; return 1; }
			sleep 0.3
		done
	done
}
check "docker-compose up" compose up -d
writer=$(docker-compose run --rm init key 2>/dev/null | tr -d '\r')
reader=$(docker-compose run --rm init key --reader 2>/dev/null | tr -d '\r')
keys=("$writer" "$reader")
check "docker-compose run --rm init key tells the keys" grep -Exq '[0-9a-f]{64}' <<<"$writer"
check "the reader's key is another" test "${#reader}" = 64 -a "$reader" != "$writer"
# Without keys nothing further can work, and an empty one would be found anywhere.
[ ${#writer} = 64 ] && [ ${#reader} = 64 ] || { docker-compose logs; echo "$passed passed, $failed failed"; exit 1; }
check "every service answers through the gateway" wait_ready "$http"
check "every container is healthy" healthy "${services[@]}" kong
check "init is done and tells where the keys are" grep -q 'init key' <(docker-compose logs --no-color init)

# conformance URL [PLAIN_URL CA]
conformance() {
	FOUNTAIN_GATEWAY_URL=$1 FOUNTAIN_GATEWAY_PLAIN_URL=${2:-} FOUNTAIN_GATEWAY_CA=${3:-} FOUNTAIN_GATEWAY_DOMAIN=localhost \
		FOUNTAIN_GATEWAY_WRITER_KEY=$writer FOUNTAIN_GATEWAY_READER_KEY=$reader \
		timeout 120 go test ./internal/gateway/conformance -count=1 -v -run External >"$work/conformance" 2>&1 &&
		grep -q '^--- PASS: TestConformanceExternal' "$work/conformance" || { grep -Ev '^=== ' "$work/conformance"; return 1; }
}
check "the gateway conforms over HTTP" conformance "$http"

import() { SSL_CERT_FILE=$FOUNTAIN_CERTS/ca.crt FOUNTAIN_API_KEY=$writer timeout 60 "$fountain" import --url "$1" "$2"; }
export_play() { SSL_CERT_FILE=$FOUNTAIN_CERTS/ca.crt FOUNTAIN_API_KEY=$writer timeout 60 "$fountain" export --url "$1" "$2"; }
check "a screenplay goes in over HTTP" import "$http" samples/the-lighthouse-keeper.fountain
story=$(export_play "$http" 1)
check "and comes out whole" same "$(sha256sum <samples/the-lighthouse-keeper.fountain)" "$(sha256sum <<<"$story")"

# --- The orchestrator -----------------------------------------------------------
section "Orchestrator"
answers() { # STATUS TEXT URL PATH CURL_OPTIONS...: the orchestrator's answer, as it comes in time
	local status=$1 text=$2 url=$3 path=$4 got trust=() end=$((SECONDS + 20))
	shift 4
	[[ $url != https:* ]] || trust=(--cacert "$FOUNTAIN_CERTS/ca.crt")
	until got=$(curl -sS --max-time 10 "${trust[@]}" -o "$work/answer" -w '%{http_code}' --resolve "orchestrator.localhost:${url##*:}:127.0.0.1" \
		"${url/localhost/orchestrator.localhost}$path" "$@") && [ "$got" = "$status" ] && grep -qF -e "$text" "$work/answer"; do
		[ $SECONDS -lt $end ] || { echo "answers $got"; cat "$work/answer"; docker-compose --profile orchestrator logs --tail 5 orchestrator; return 1; }
		sleep 0.3
	done
}
check "without the orchestrator its host says that there is none" answers 503 "" "$http" /readyz
check "and the services answer" wait_ready "$http"
check "docker-compose --profile orchestrator up" compose --profile orchestrator up -d --no-recreate orchestrator
check "it is healthy" healthy orchestrator
check "/readyz through the gateway" answers 200 ready "$http" /readyz
check "its page has a login" answers 200 "<form" "$http" /login
ask() { answers "$1" "$2" "$3" /v1/ask -d '{"question": "Who is there?"}' -H 'Content-Type: application/json' "${@:4}"; }
check "a question without a key is refused" ask 401 missing_api_key "$http"
check "a question with a wrong key too" ask 401 "" "$http" -H "X-API-Key: nobody-has-this-key"
check "without a model it says what to set" ask 503 OPENAI_API_KEY "$http" -H "X-API-Key: $writer"

# --- Confinement --------------------------------------------------------------
section "Confinement"
confined() { # by what the kernel says of the running process, not by what was asked for
	local container pid inspected
	container=$(container "$1")
	pid=$(docker inspect -f '{{.State.Pid}}' "$container")
	grep -Eq '^Uid:\s65532\s65532' "/proc/$pid/status" || { echo "not user 65532"; return 1; }
	grep -Eq '^CapEff:\s0+$' "/proc/$pid/status" && grep -Eq '^CapBnd:\s0+$' "/proc/$pid/status" || { echo "has capabilities"; return 1; }
	grep -Eq '^NoNewPrivs:\s1' "/proc/$pid/status" || { echo "may gain privileges"; return 1; }
	awk '$2 == "/" {print $4}' "/proc/$pid/mounts" | grep -Eq '^ro(,|$)' || { echo "its root can be written"; return 1; }
	inspected=$(docker inspect "$container")
	jq -e '.[0].HostConfig | .Memory > 0 and .NanoCpus > 0 and .PidsLimit > 0 and .RestartPolicy.Name == "unless-stopped" and .LogConfig.Config["max-size"] == "10m"' <<<"$inspected" >/dev/null || { echo "a limit is missing"; return 1; }
}
for name in "${services[@]}" kong orchestrator; do check "$name: no root, no capabilities, read-only, limited" confined "$name"; done
published() { docker ps --filter "label=com.docker.compose.project=$id" --format '{{.Label "com.docker.compose.service"}} {{.Ports}}' | grep -e '->'; }
check "only the gateway publishes ports, and only two" same \
	"kong 127.0.0.1:$port->8000/tcp, 127.0.0.1:$((port + 2))->8443/tcp" "$(published | sed -E 's/, 8100\/tcp|8100\/tcp, //')"
no_way_out() {
	local name networks
	same true "$(docker network inspect -f '{{.Internal}}' "${id}_private")" || return 1
	for name in "${services[@]}"; do
		networks=$(docker inspect "$(container "$name")" | jq -r '.[0].NetworkSettings.Networks | keys | join(" ")')
		same "${id}_private" "$networks" || return 1
	done
}
check "the services have no way out of the host" no_way_out

# --- kill -9 ------------------------------------------------------------------
section "kill -9"
before=$(rows "$http")
killed() { # the data is all there after SIGKILL, and the container came back by itself
	local container pid created after
	created=$(curl -sS --max-time 10 -H "X-API-Key: $writer" -H 'Content-Type: application/json' -H "Host: character.localhost" \
		-d "{\"name\": \"WITNESS OF $1\", \"description\": \"Created right before the kill.\"}" "$http/characters" | jq -r .characterId)
	container=$(container "$1")
	pid=$(docker inspect -f '{{.State.Pid}}' "$container")
	kill -9 "$pid" || return 1
	for _ in $(seq 50); do
		[ "$(docker inspect -f '{{.RestartCount}}' "$container")" -ge 1 ] && break
		sleep 0.2
	done
	[ "$(docker inspect -f '{{.RestartCount}}' "$container")" -ge 1 ] || { echo "$1 was not started again"; return 1; }
	wait_ready "$http" || return 1
	curl -sS --fail --max-time 10 -o /dev/null -X DELETE -H "X-API-Key: $writer" -H "Host: character.localhost" "$http/characters/$created" ||
		{ echo "an acknowledged write is gone"; return 1; }
	after=$(rows "$http")
	same "$before" "$after"
}
for name in "${services[@]}" kong; do check "$name is killed and comes back with all its data" killed "$name"; done
check "the story is still the same" same "$story" "$(export_play "$http" 1)"

# --- Scale ----------------------------------------------------------------------
section "Scale"
second_service_refused() {
	docker-compose up -d --no-recreate --scale character=2 character || return 1
	local end=$((SECONDS + 20))
	until grep 'database is in use' <(docker-compose logs --no-color character 2>&1); do
		[ $SECONDS -lt $end ] || { docker ps; docker-compose logs --tail 5 character; return 1; }
		sleep 0.3
	done
	same "$before" "$(rows "$http")" || return 1
	docker-compose up -d --no-recreate --scale character=1 character
}
second_gateway() {
	FOUNTAIN_HTTP_PORT=127.0.0.1:$((port + 1)) FOUNTAIN_HTTPS_PORT=127.0.0.1:$((port + 3)) \
		docker-compose up -d --no-recreate --scale kong=2 kong || return 1
	wait_ready "http://localhost:$((port + 1))" || return 1
	same "$(rows "$http")" "$(rows "http://localhost:$((port + 1))")" || return 1
	docker-compose up -d --no-recreate --scale kong=1 kong
}
check "a second replica of a service is refused by its database's lock" second_service_refused
check "a second gateway serves the same, with the same keys" second_gateway

# --- HTTPS ----------------------------------------------------------------------
section "HTTPS"
restarted_with_certificate() {
	docker-compose run --rm certs && docker-compose run --rm init && docker-compose restart kong && wait_ready "$https"
}
check "docker-compose run --rm certs turns HTTPS on" restarted_with_certificate
check "the keys are still the same" same "$writer" "$(docker-compose run --rm init key 2>/dev/null | tr -d '\r')"
check "the gateway conforms over HTTPS and sends HTTP there" conformance "$https" "$http" "$FOUNTAIN_CERTS/ca.crt"
printf 'Title: Over TLS\nAuthor: A Test\n\nINT. KITCHEN - DAY\n\nANNA looks up.\n\nANNA\nWho is there?\n' >"$work/play.fountain"
check "a screenplay goes in over HTTPS" import "$https" "$work/play.fountain"
check "and comes out" grep -q 'Who is there?' <(export_play "$https" 2)

over_https() {
	FOUNTAIN_URL=https://localhost FOUNTAIN_GATEWAY=kong:8443 FOUNTAIN_CA=$FOUNTAIN_CERTS/ca.crt docker-compose --profile orchestrator up -d --no-deps orchestrator
}
check "the orchestrator calls the services over HTTPS" over_https
check "/readyz through the gateway over HTTPS" answers 200 ready "$https" /readyz
check "a question there" ask 503 OPENAI_API_KEY "$https" -H "X-API-Key: $writer"

# --- Backup and restore ---------------------------------------------------------
section "Backup and restore"
before=$(rows "$https")
backups() { find "$FOUNTAIN_BACKUPS" -mindepth 2 -maxdepth 2 -name manifest.json -printf '%h\n' | sort; }
scheduled() {
	local first end=$((SECONDS + 40))
	docker-compose --profile backup up -d --no-recreate backup || return 1
	until [ "$(backups | wc -l)" -ge 1 ]; do [ $SECONDS -lt $end ] || { docker-compose --profile backup logs backup; return 1; }; sleep 0.5; done
	first=$(backups | head -n 1)
	while [ -e "$first" ]; do [ $SECONDS -lt $end ] || { echo "$first is not pruned"; backups; return 1; }; sleep 0.5; done
	[ "$(backups | wc -l)" -le 3 ]
}
check "backups are made on schedule and old ones pruned" scheduled
check "the backup container is confined too" confined backup
docker-compose --profile backup --profile orchestrator logs --no-color backup orchestrator >"$work/logs" 2>&1
docker-compose --profile backup stop backup >/dev/null 2>&1
docker-compose logs --no-color >>"$work/logs" 2>&1
check "everything is destroyed" compose --profile backup --profile tools --profile orchestrator down --volumes
check "no volume is left" test -z "$(docker volume ls -q --filter "label=com.docker.compose.project=$id")"
latest=$(basename "$(backups | tail -n 1)")
check "docker-compose run --rm fountain restore" compose run --rm fountain restore "/backups/$latest" --data /data
check "docker-compose up" compose up -d
old=$writer
writer=$(docker-compose run --rm init key 2>/dev/null | tr -d '\r')
reader=$(docker-compose run --rm init key --reader 2>/dev/null | tr -d '\r')
keys+=("$writer" "$reader")
check "every service answers with new keys" wait_ready "$https"
refused() { same 401 "$(curl -s --cacert "$FOUNTAIN_CERTS/ca.crt" -o /dev/null -w '%{http_code}' -H "X-API-Key: $old" "https://character.localhost:$((port + 2))/characters")"; }
check "the old key is refused" refused
check "all rows are back" same "$before" "$(rows "$https")"
check "the story is back" same "$story" "$(export_play "$https" 1)"

# --- PostgreSQL -----------------------------------------------------------------
section "PostgreSQL"
# A server of this machine, which the containers reach at the bridge of the edge.
start_server() {
	local gateway
	gateway=$(docker network inspect -f '{{(index .IPAM.Config 0).Gateway}}' "${id}_edge") || return 1
	install -d -o postgres "$work/server" && echo "$password" >"$work/password" && chmod 644 "$work/password" || return 1
	runuser -u postgres -- "$postgres/initdb" --pgdata "$work/server" --username fountain --pwfile "$work/password" --auth scram-sha-256 >/dev/null || return 1
	echo "host all all all scram-sha-256" >>"$work/server/pg_hba.conf"
	runuser -u postgres -- "$postgres/pg_ctl" --pgdata "$work/server" --log "$work/server/log" --wait \
		-o "-c listen_addresses=$gateway -c port=$((port + 4)) -c unix_socket_directories=" start >/dev/null || { cat "$work/server/log"; return 1; }
	export FOUNTAIN_DATABASE_URL="postgres://fountain@$gateway:$((port + 4))/postgres?sslmode=disable&pool_max_conns=4" PGPASSWORD=$password
	export COMPOSE_FILE=$COMPOSE_FILE:docker-compose.postgres.yml
}
stop_server() { runuser -u postgres -- "$postgres/pg_ctl" --pgdata "$work/server" --mode immediate stop >/dev/null 2>&1; }
no_stale_backup() { # the volumes still have the files of before
	local output
	output=$(docker-compose run --rm backup backup /backups/stale --data /data 2>&1) && { echo "made one"; return 1; }
	grep 'pg_dump' <<<"$output" && [ ! -e "$FOUNTAIN_BACKUPS/stale" ]
}
every_replica_works() { # each answers the same, also when one is killed
	local end=$((SECONDS + 40)) pid
	docker-compose up -d --no-recreate --scale character=3 || return 1
	until [ "$(containers character --filter health=healthy | wc -l)" = 3 ]; do [ $SECONDS -lt $end ] || { docker ps; docker-compose logs --tail 5 character; return 1; }; sleep 0.3; done
	for _ in 1 2 3 4 5 6; do same "$before" "$(rows "$https")" || return 1; done
	pid=$(docker inspect -f '{{.State.Pid}}' "$(container character)")
	kill -9 "$pid" && wait_ready "$https" && same "$before" "$(rows "$https")"
}
postgres=$(find /usr/lib/postgresql -path '*/bin/initdb' -printf '%h\n' 2>/dev/null | sort -V | tail -n 1)
if [ -z "$postgres" ] || [ "$(id -u)" != 0 ]; then
	if [ "${FOUNTAIN_REQUIRE_POSTGRES:-}" = 1 ]; then fail "PostgreSQL is not installed"; else echo "      PostgreSQL is not installed, or this is not root: not checked"; fi
else
	password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	check "the stack stops" compose stop
	start_server || fail "PostgreSQL does not start"
	check "docker-compose run --rm migrate" compose run --rm migrate
	check "docker-compose up" compose up -d
	check "every service answers from the server" wait_ready "$https"
	check "all rows are there" same "$before" "$(rows "$https")"
	check "the story is the same" same "$story" "$(export_play "$https" 1)"
	check "three replicas of a service share them" every_replica_works
	check "the files of before are not backed up" no_stale_backup
	check "no password in a log" test -z "$(docker-compose logs --no-color 2>&1 | grep -F -e "$password")"
fi

# --- Secrets --------------------------------------------------------------------
section "Secrets"
docker-compose logs --no-color >>"$work/logs" 2>&1
docker inspect $(docker ps -aq --filter "label=com.docker.compose.project=$id") >"$work/inspected"
mkdir "$work/saved"
docker save $(docker images -q "$id/*" | sort -u) | tar -x -C "$work/saved"
# Layers are tar files, compressed by some engines and not by others.
find "$work/saved" -type f | while read -r layer; do
	if gzip -t "$layer" 2>/dev/null; then gzip -dc "$layer" >"$layer.tar"; fi
done
private=$(grep -v -e '^-' "$FOUNTAIN_CERTS/tls.key" | head -n 1)
nowhere() { # FILES...
	local secret
	for secret in "${keys[@]}" "$private"; do
		[ ${#secret} -gt 30 ] || { echo "no secret to look for: $secret"; return 1; }
		if grep -rqF -e "$secret" "$@"; then echo "found"; return 1; fi
	done
}
check "no key in a log" nowhere "$work/logs"
check "no key in the settings of a container" nowhere "$work/inspected"
check "the image layers are there to be searched" grep -rqF 'fountain.coach/fountainai' "$work/saved"
check "no key in an image layer" nowhere "$work/saved"

section "Done"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
