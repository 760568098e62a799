{{/*
Who may come in: the keys, and the consumers that have them. A stack has them
once, a service that is installed alone for itself.
*/}}

{{/* gateway-alone: a service without the umbrella brings its plugins, keys and consumers along. */}}
{{- define "fountain-lib.gateway-alone" -}}
{{- if and (not (include "fountain-lib.inStack" .)) (eq .Values.gateway.mode "ingress") -}}
{{- $labels := include "fountain-lib.labels" . -}}
{{- include "fountain-lib.kong.objects" (dict "root" . "gateway" .Values.gateway "labels" $labels) }}
---
{{ include "fountain-lib.keys" (dict "root" . "gateway" .Values.gateway "labels" $labels) }}
{{- end -}}
{{- end }}

{{- define "fountain-lib.keySecret" -}}
{{- (index .gateway.keys .consumer).existingSecret | default (include "fountain-lib.ownKeySecret" .) -}}
{{- end }}

{{/* ownKeySecret: the name of the Secret that the chart makes for a consumer. */}}
{{- define "fountain-lib.ownKeySecret" -}}
{{- printf "%s-key-%s" (include "fountain-lib.kong.prefix" .root) .consumer -}}
{{- end }}

{{/*
keySecrets: all Secrets whose keys are a consumer's, each once, as a list in JSON:
the one of keySecret, then the additional ones.
*/}}
{{- define "fountain-lib.keySecrets" -}}
{{- $names := dict -}}
{{- range $consumer := list "writer" "reader" -}}
{{- $first := include "fountain-lib.keySecret" (dict "root" $.root "gateway" $.gateway "consumer" $consumer) -}}
{{- $additional := (index $.gateway.keys $consumer).additionalSecrets | default list -}}
{{- $_ := set $names $consumer (concat (list $first) $additional | uniq) -}}
{{- end -}}
{{- range $names.writer -}}
{{- if has . $names.reader -}}
{{- fail (printf "gateway.keys: the Secret %s is named for the writer and for the reader, and a key can be of one of them alone; name another for one of them" .) -}}
{{- end -}}
{{- end -}}
{{- index $names .consumer | toJson -}}
{{- end }}

{{/*
keys: a Secret for each consumer whose key is not in one of the user's own, or
who keeps the one made before as an additional one. A key is made once: an
upgrade finds it in the cluster and keeps it. Where nobody can look into the
cluster (helm template, most GitOps tools) a new one would be made each time:
name existingSecret there.
*/}}
{{- define "fountain-lib.keys" -}}
{{- range $consumer := list "writer" "reader" }}
{{- $of := dict "root" $.root "gateway" $.gateway "consumer" $consumer }}
{{- $name := include "fountain-lib.ownKeySecret" $of }}
{{- $foreign := eq $name (index $.gateway.keys $consumer).existingSecret }}
{{- if and (not $foreign) (has $name (include "fountain-lib.keySecrets" $of | fromJsonArray)) }}
---
{{ include "fountain-lib.generatedSecret" (dict "root" $.root "name" $name "labels" $.labels "key" "key" "extraLabels" (dict "konghq.com/credential" "key-auth")) }}
{{- end }}
{{- end }}
{{- end }}

{{/*
generatedSecret: a random value of 43 characters (256 bits), made once and kept.
The annotation tells the operator, for which nothing is looked up, that the
value in the cluster is the one to keep.
*/}}
{{- define "fountain-lib.generatedSecret" -}}
{{- $existing := lookup "v1" "Secret" .root.Release.Namespace .name | default dict -}}
apiVersion: v1
kind: Secret
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- .labels | nindent 4 }}
    {{- with .extraLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- include "fountain-lib.annotations" (dict "root" .root "extra" (dict "fountain.coach/generated" "true")) }}
type: Opaque
data:
  {{ .key }}: {{ dig "data" .key "" $existing | default (randAlphaNum 43 | b64enc) }}
{{- end }}

{{/* kong.objects: plugins and consumers for the Ingress Controller. */}}
{{- define "fountain-lib.kong.objects" -}}
{{- $root := .root -}}
{{- $prefix := include "fountain-lib.kong.prefix" $root -}}
{{- $groups := include "fountain-lib.kong.groupPrefix" $root -}}
{{- $class := dict "kubernetes.io/ingress.class" .gateway.ingressClassName -}}
{{- $plugins := include "fountain-lib.kong.plugins" (dict "gateway" .gateway "groupPrefix" $groups) | fromYaml -}}
{{- range $name := keys $plugins | sortAlpha }}
{{- $plugin := index $plugins $name }}
---
apiVersion: configuration.konghq.com/v1
kind: KongPlugin
metadata:
  name: {{ $prefix }}-{{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- $.labels | nindent 4 }}
  {{- include "fountain-lib.annotations" (dict "root" $root "extra" $class) }}
plugin: {{ $plugin.plugin }}
config:
  {{- toYaml $plugin.config | nindent 2 }}
{{- end }}
{{- range $consumer := list "writer" "reader" }}
---
apiVersion: configuration.konghq.com/v1
kind: KongConsumer
metadata:
  name: {{ $prefix }}-{{ $consumer }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- $.labels | nindent 4 }}
  {{- include "fountain-lib.annotations" (dict "root" $root "extra" (merge (dict "konghq.com/plugins" (printf "%s-rate-limiting" $prefix)) $class)) }}
username: {{ $groups }}{{ $consumer }}
credentials:
  {{- range include "fountain-lib.keySecrets" (dict "root" $root "gateway" $.gateway "consumer" $consumer) | fromJsonArray }}
  - {{ . }}
  {{- end }}
  - {{ $prefix }}-group-{{ $consumer }}
---
# The group is no secret, but the controller reads it as a credential.
apiVersion: v1
kind: Secret
metadata:
  name: {{ $prefix }}-group-{{ $consumer }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- $.labels | nindent 4 }}
    konghq.com/credential: acl
  {{- include "fountain-lib.annotations" (dict "root" $root) }}
type: Opaque
data:
  group: {{ printf "%s%ss" $groups $consumer | b64enc }}
{{- end }}
{{- end }}
