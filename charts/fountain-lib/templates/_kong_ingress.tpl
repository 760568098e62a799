{{/*
What a service shows to the Kong Ingress Controller: its annotations, its
upstream, and three Ingresses that are the three routes of kong.yml.
*/}}

{{/* prefix: of the plugins and consumers, which a stack has once and a service alone for itself. */}}
{{- define "fountain-lib.kong.prefix" -}}
{{- if include "fountain-lib.inStack" . }}{{ include "fountain-lib.stackName" . }}{{ else }}{{ include "fountain-lib.fullname" . }}{{ end -}}
{{- end }}

{{/*
groupPrefix: usernames and groups are common to all of a Kong. With the
namespace and the release in front, a key of one stack opens no other.
*/}}
{{- define "fountain-lib.kong.groupPrefix" -}}
{{ .Release.Namespace }}.{{ include "fountain-lib.kong.prefix" . }}.
{{- end }}

{{- define "fountain-lib.kong.pluginNames" -}}
{{- $prefix := include "fountain-lib.kong.prefix" .root -}}
{{- $names := list -}}
{{- range .plugins }}{{ $names = append $names (printf "%s-%s" $prefix .) }}{{ end -}}
{{- join "," $names -}}
{{- end }}

{{- define "fountain-lib.kong.serviceAnnotations" -}}
{{- $gateway := include "fountain-lib.gateway" . | fromYaml -}}
{{- if eq $gateway.mode "ingress" -}}
konghq.com/upstream-policy: {{ include "fountain-lib.fullname" . }}
{{ include "fountain-lib.kong.callAnnotations" (dict "root" . "gateway" $gateway "readTimeout" 30000) }}
{{- end -}}
{{- end }}

{{/* callAnnotations: how Kong calls a Service, with the plugins for every request. */}}
{{- define "fountain-lib.kong.callAnnotations" -}}
{{- $plugins := without (splitList "," (include "fountain-lib.kong.forEveryRequest" .gateway)) "rate-limiting" -}}
konghq.com/plugins: {{ include "fountain-lib.kong.pluginNames" (dict "root" .root "plugins" $plugins) }}
konghq.com/protocol: http
konghq.com/connect-timeout: "2000"
konghq.com/write-timeout: "30000"
konghq.com/read-timeout: {{ .readTimeout | toString | quote }}
konghq.com/retries: "1"
{{- end }}

{{- define "fountain-lib.upstreampolicy" -}}
{{- $gateway := include "fountain-lib.gateway" . | fromYaml -}}
{{- if eq $gateway.mode "ingress" -}}
{{- $checks := (include "fountain-lib.kong.healthchecks" . | fromYaml).active -}}
apiVersion: configuration.konghq.com/v1beta1
kind: KongUpstreamPolicy
metadata:
  name: {{ include "fountain-lib.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "fountain-lib.labels" . | nindent 4 }}
  {{- include "fountain-lib.annotations" (dict "root" . "extra" (dict "kubernetes.io/ingress.class" $gateway.ingressClassName)) }}
spec:
  algorithm: round-robin
  healthchecks:
    active:
      type: {{ $checks.type }}
      httpPath: {{ $checks.http_path }}
      timeout: {{ $checks.timeout }}
      concurrency: {{ $checks.concurrency }}
      healthy:
        interval: {{ $checks.healthy.interval }}
        successes: {{ $checks.healthy.successes }}
        httpStatuses: {{ $checks.healthy.http_statuses | toJson }}
      unhealthy:
        interval: {{ $checks.unhealthy.interval }}
        httpFailures: {{ $checks.unhealthy.http_failures }}
        tcpFailures: {{ $checks.unhealthy.tcp_failures }}
        timeouts: {{ $checks.unhealthy.timeouts }}
        httpStatuses: {{ $checks.unhealthy.http_statuses | toJson }}
{{- end -}}
{{- end }}

{{- define "fountain-lib.ingresses" -}}
{{- $gateway := include "fountain-lib.gateway" . | fromYaml -}}
{{- if eq $gateway.mode "ingress" -}}
{{- $all := list (dict "path" "/" "type" "Prefix") -}}
{{- $docs := list -}}
{{- range include "fountain-lib.kong.docsPaths" . | fromYamlArray }}
{{- $docs = append $docs (dict "path" (printf "/%s" .) "type" "ImplementationSpecific") }}
{{- end }}
{{- $service := dict "root" . "gateway" $gateway "name" (include "fountain-lib.fullname" .) "host" (include "fountain-lib.host" .) "labels" (include "fountain-lib.labels" .) "certificate" (include "fountain-lib.tlsSecret" .) -}}
{{- include "fountain-lib.ingress" (merge (dict "suffix" "" "paths" $all "plugins" (list "key-auth" "acl-read")) $service) }}
---
{{ include "fountain-lib.ingress" (merge (dict "suffix" "-write" "paths" $all "plugins" (list "key-auth" "acl-write") "methods" "POST,PUT,PATCH,DELETE") $service) }}
---
{{ include "fountain-lib.ingress" (merge (dict "suffix" "-docs" "paths" $docs "plugins" (list "docs-rate-limiting") "methods" "GET,HEAD") $service) }}
{{- end -}}
{{- end }}

{{/* ingress: takes root, gateway, name, host, labels and certificate of what it leads to; suffix, paths, plugins, methods and annotations of its own. */}}
{{- define "fountain-lib.ingress" -}}
{{- $root := .root -}}
{{- $annotations := dict
      "konghq.com/plugins" (include "fountain-lib.kong.pluginNames" (dict "root" $root "plugins" .plugins))
      "konghq.com/strip-path" "false"
      "konghq.com/preserve-host" "true"
      "konghq.com/protocols" (ternary "https" "http,https" .gateway.tls.enabled)
-}}
{{- if .gateway.tls.enabled }}{{ $_ := set $annotations "konghq.com/https-redirect-status-code" "308" }}{{ end -}}
{{- with .methods }}{{ $_ := set $annotations "konghq.com/methods" . }}{{ end -}}
{{- $annotations = merge $annotations (.annotations | default dict) (include "fountain-lib.dnsAnnotations" (dict "gateway" .gateway "suffix" .suffix) | fromYaml) .gateway.ingressAnnotations -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ .name }}{{ .suffix }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- .labels | nindent 4 }}
  {{- include "fountain-lib.annotations" (dict "root" $root "extra" $annotations) }}
spec:
  ingressClassName: {{ .gateway.ingressClassName }}
  {{- if .gateway.tls.enabled }}
  tls:
    - hosts: [{{ .host }}]
      secretName: {{ .certificate }}
  {{- end }}
  rules:
    - host: {{ .host }}
      http:
        paths:
          {{- range .paths }}
          - path: {{ .path | squote }}
            pathType: {{ .type }}
            backend:
              service:
                name: {{ $.name }}
                port:
                  name: http
          {{- end }}
{{- end }}

{{/*
dnsAnnotations: the three Ingresses of a service share a host; external-dns
needs one of them. Those that it must not read say so: a controller other than
"dns-controller" is not external-dns's.
*/}}
{{- define "fountain-lib.dnsAnnotations" -}}
{{- if and .gateway.dns.enabled (not .suffix) -}}
{{- with .gateway.dns.ttl }}
external-dns.alpha.kubernetes.io/ttl: {{ . | quote }}
{{- end }}
{{- with .gateway.dns.target }}
external-dns.alpha.kubernetes.io/target: {{ . | quote }}
{{- end }}
{{- else }}
external-dns.alpha.kubernetes.io/controller: none
{{- end }}
{{- end }}

{{/* tlsSecret: the certificate of a service: one for all, if the user has one, or its own. */}}
{{- define "fountain-lib.tlsSecret" -}}
{{- $gateway := include "fountain-lib.gateway" . | fromYaml -}}
{{- $gateway.tls.existingSecret | default (printf "%s-tls" (include "fountain-lib.fullname" .)) -}}
{{- end }}

{{- define "fountain-lib.certificate" -}}
{{- $gateway := include "fountain-lib.gateway" . | fromYaml -}}
{{- if and (eq $gateway.mode "ingress") $gateway.tls.enabled $gateway.tls.certManager.enabled (not $gateway.tls.existingSecret) -}}
{{- include "fountain-lib.certificateFor" (dict
      "root" . "tls" $gateway.tls "name" (include "fountain-lib.tlsSecret" .)
      "labels" (include "fountain-lib.labels" .) "hosts" (list (include "fountain-lib.host" .))) }}
{{- end -}}
{{- end }}

{{/*
certificateFor: an object of its own and not the annotation of an Ingress,
because three Ingresses would each claim the certificate they share.
*/}}
{{- define "fountain-lib.certificateFor" -}}
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- .labels | nindent 4 }}
  {{- include "fountain-lib.annotations" (dict "root" .root) }}
spec:
  secretName: {{ .name }}
  dnsNames:
    {{- toYaml .hosts | nindent 4 }}
  privateKey:
    algorithm: ECDSA
    size: 256
    rotationPolicy: Always
  usages: [digital signature, server auth]
  issuerRef:
    group: cert-manager.io
    kind: {{ .tls.certManager.issuerRef.kind }}
    name: {{ required "gateway.tls.certManager.issuerRef.name: name the issuer (kubectl get clusterissuers)" .tls.certManager.issuerRef.name }}
{{- end }}
