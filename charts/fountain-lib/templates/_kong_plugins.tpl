{{/*
Kong's plugins, once: as KongPlugin objects behind the Ingress Controller and in
the kong.yml of the dbless mode. A test holds them against kong.yml at the root
of the repository; why each setting is what it is stands there.
*/}}

{{/* plugins: what each plugin is called here, its name in Kong and its configuration. */}}
{{- define "fountain-lib.kong.plugins" -}}
{{- $gateway := .gateway -}}
{{- $prefix := .groupPrefix | default "" -}}
key-auth:
  plugin: key-auth
  config:
    key_names: [X-API-Key]
    key_in_header: true
    key_in_query: false
    key_in_body: false
    hide_credentials: true
    run_on_preflight: true
acl-read:
  plugin: acl
  config:
    allow: [{{ $prefix }}readers, {{ $prefix }}writers]
    hide_groups_header: true
acl-write:
  plugin: acl
  config:
    allow: [{{ $prefix }}writers]
    hide_groups_header: true
docs-rate-limiting:
  plugin: rate-limiting
  config:
    minute: {{ $gateway.rateLimit.docsPerMinute }}
    limit_by: ip
    policy: local
    fault_tolerant: true
    hide_client_headers: false
correlation-id:
  plugin: correlation-id
  config:
    header_name: X-Request-Id
    generator: uuid
    echo_downstream: true
cors:
  plugin: cors
  config:
    origins: {{ $gateway.cors.origins | toJson }}
    methods: [GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS]
    headers: [Accept, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-API-Key, X-Request-Id]
    exposed_headers:
      [Allow, ETag, Link, Location, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Request-Id]
    credentials: false
    max_age: 3600
    preflight_continue: false
request-size-limiting:
  plugin: request-size-limiting
  config:
    allowed_payload_size: {{ $gateway.maxBodyKilobytes }}
    size_unit: kilobytes
    require_content_length: false
rate-limiting:
  plugin: rate-limiting
  config:
    minute: {{ $gateway.rateLimit.perMinute }}
    limit_by: consumer
    policy: local
    fault_tolerant: true
    hide_client_headers: false
prometheus:
  plugin: prometheus
  config:
    per_consumer: true
    status_code_metrics: true
    latency_metrics: true
    bandwidth_metrics: true
    upstream_health_metrics: true
{{- if $gateway.accessLog }}
file-log:
  plugin: file-log
  config:
    path: /dev/stdout
    reopen: false
    custom_fields_by_lua:
      request.headers: return nil
      request.querystring: return nil
      response.headers: return nil
{{- end }}
{{- end }}

{{/*
forEveryRequest: the plugins that kong.yml has for every request. Behind a
controller that others share they are put on the services of this stack; but
rate-limiting is put on its consumers, so that a consumer has one budget for all
five services and not one for each.
*/}}
{{- define "fountain-lib.kong.forEveryRequest" -}}
correlation-id,cors,request-size-limiting,rate-limiting,prometheus{{ if .accessLog }},file-log{{ end }}
{{- end }}

{{/* healthcheck: how Kong asks a service whether it may send it requests, with kong.yml's names. */}}
{{- define "fountain-lib.kong.healthchecks" -}}
active:
  type: http
  http_path: /readyz
  timeout: 2
  concurrency: 2
  healthy:
    interval: 10
    successes: 1
    http_statuses: [200]
  unhealthy:
    interval: 2
    http_failures: 3
    tcp_failures: 3
    timeouts: 3
    http_statuses: [429, 500, 501, 502, 503, 504, 505]
{{- end }}

{{/* docsPaths: the contract of a service, which needs no key. */}}
{{- define "fountain-lib.kong.docsPaths" -}}
- '~/openapi\.(json|yaml)$'
- '~/docs(/[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)*/?$'
{{- end }}
