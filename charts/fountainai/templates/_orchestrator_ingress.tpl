{{/* What the Kong Ingress Controller is told of the orchestrator: one route, its plugin and its certificate. */}}

{{- define "fountainai.orchestratorIngress" -}}
{{- $root := . -}}
{{- $gateway := .Values.global.gateway -}}
{{- $labels := include "fountainai.labels" (dict "root" . "component" "orchestrator") -}}
{{- $certificate := include "fountainai.orchestratorTLS" . -}}
{{- range $name, $plugin := include "fountainai.orchestratorPlugins" . | fromYaml }}
---
apiVersion: configuration.konghq.com/v1
kind: KongPlugin
metadata:
  name: {{ include "fountain-lib.kong.prefix" $root }}-{{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- $labels | nindent 4 }}
  {{- include "fountain-lib.annotations" (dict "root" $root "extra" (dict "kubernetes.io/ingress.class" $gateway.ingressClassName)) }}
plugin: {{ $plugin.plugin }}
config:
  {{- toYaml $plugin.config | nindent 2 }}
{{- end }}
---
# The orchestrator asks for keys itself; kong.yml says why.
{{ include "fountain-lib.ingress" (dict
      "root" . "gateway" $gateway "name" (include "fountainai.orchestratorName" .) "host" (include "fountainai.orchestratorHost" .)
      "labels" $labels "certificate" $certificate "suffix" "" "paths" (list (dict "path" "/" "type" "Prefix"))
      "plugins" (list "docs-rate-limiting" "orchestrator-size-limiting") "annotations" (dict "konghq.com/response-buffering" "false")) }}
{{- if and $gateway.tls.enabled $gateway.tls.certManager.enabled (not $gateway.tls.existingSecret) }}
---
{{ include "fountain-lib.certificateFor" (dict "root" . "tls" $gateway.tls "name" $certificate "labels" $labels "hosts" (list (include "fountainai.orchestratorHost" .))) }}
{{- end }}
{{- end }}
