{{/* kong.yml for Kong in this release: the one at the root of the repository, with this release's names. */}}

{{- define "fountainai.kongYAML" -}}
{{- $gateway := .Values.global.gateway -}}
{{- $plugins := include "fountain-lib.kong.plugins" (dict "gateway" $gateway) | fromYaml -}}
{{- $services := list -}}
{{- $upstreams := list -}}
{{- range $name := splitList "," (include "fountainai.services" .) -}}
{{- $service := include "fountainai.kongService" (dict "name" $name "domain" $.Values.global.domain "plugins" $plugins) | fromYaml -}}
{{- $services = append $services $service -}}
{{- $port := index $.Values $name "service" "port" | int -}}
{{- $target := printf "%s-%s.%s.svc:%d" (include "fountain-lib.stackName" $) $name $.Release.Namespace $port -}}
{{- $checks := include "fountain-lib.kong.healthchecks" $ | fromYaml -}}
{{- $upstreams = append $upstreams (dict "name" (printf "%s.upstream" $name) "algorithm" "round-robin" "targets" (list (dict "target" $target)) "healthchecks" $checks) -}}
{{- end -}}
{{- if .Values.orchestrator.enabled -}}
{{- $services = append $services (include "fountainai.kongOrchestrator" (dict "root" . "plugins" $plugins) | fromYaml) -}}
{{- end -}}
{{- $global := list -}}
{{- range splitList "," (include "fountain-lib.kong.forEveryRequest" $gateway) -}}
{{- $plugin := index $plugins . -}}
{{- $global = append $global (dict "name" $plugin.plugin "config" $plugin.config) -}}
{{- end -}}
_format_version: "3.0"
{{ dict "services" $services "upstreams" $upstreams "plugins" $global | toYaml }}
consumers:
  - username: writer
    acls: [{group: writers}]
  - username: reader
    acls: [{group: readers}]
{{- end }}

{{- define "fountainai.kongService" -}}
name: {{ .name }}
host: {{ .name }}.upstream
protocol: http
connect_timeout: 2000
write_timeout: 30000
read_timeout: 30000
retries: 1
routes:
  - name: {{ .name }}
    {{- include "fountainai.kongRoute" (merge (dict "use" (list "key-auth" "acl-read")) .) | nindent 4 }}
  - name: {{ .name }}-write
    methods: [POST, PUT, PATCH, DELETE]
    {{- include "fountainai.kongRoute" (merge (dict "use" (list "key-auth" "acl-write")) .) | nindent 4 }}
  - name: {{ .name }}-docs
    methods: [GET, HEAD]
    paths:
      {{- include "fountain-lib.kong.docsPaths" . | nindent 6 }}
    {{- include "fountainai.kongRoute" (merge (dict "use" (list "docs-rate-limiting")) .) | nindent 4 }}
{{- end }}

{{- define "fountainai.kongRoute" -}}
hosts: [{{ .name }}.{{ .domain }}{{ if ne .domain "localhost" }}, {{ .name }}.localhost{{ end }}]
protocols: [http, https]
strip_path: false
preserve_host: true
plugins:
  {{- range .use }}
  {{- $plugin := index $.plugins . }}
  - name: {{ $plugin.plugin }}
    config:
      {{- toYaml $plugin.config | nindent 6 }}
  {{- end }}
{{- end }}
