{{/*
Who may talk to a service: the gateway, the peers that read from it, the backup
job, the monitoring, the chart's own test. And whom it may talk to.
*/}}

{{- define "fountain-lib.networkpolicy" -}}
{{- if .Values.networkPolicy.enabled -}}
{{- $gateway := include "fountain-lib.gateway" . | fromYaml -}}
{{- $monitoring := include "fountain-lib.monitoring" . | fromYaml -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "fountain-lib.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "fountain-lib.labels" . | nindent 4 }}
  {{- include "fountain-lib.annotations" (dict "root" .) }}
spec:
  podSelector:
    matchLabels:
      {{- include "fountain-lib.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    - ports:
        - port: http
          protocol: TCP
      from:
        - podSelector:
            matchLabels:
              app.kubernetes.io/instance: {{ .Release.Name }}
              app.kubernetes.io/part-of: fountainai
            matchExpressions:
              - {key: app.kubernetes.io/component, operator: In, values: [gateway, backup, test]}
        {{- if eq $gateway.mode "ingress" }}
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: {{ $gateway.controller.namespace }}
          {{- with $gateway.controller.podLabels }}
          podSelector:
            matchLabels:
              {{- toYaml . | nindent 14 }}
          {{- end }}
        {{- end }}
        {{- with .Values.networkPolicy.readers }}
        - podSelector:
            matchLabels:
              app.kubernetes.io/instance: {{ $.Release.Name }}
              app.kubernetes.io/part-of: fountainai
            matchExpressions:
              - {key: app.kubernetes.io/name, operator: In, values: [{{ join ", " . }}]}
        {{- end }}
        {{- if $monitoring.serviceMonitor.enabled }}
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: {{ $monitoring.namespace }}
        {{- end }}
    {{- with .Values.networkPolicy.extraIngress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  egress:
    {{- include "fountain-lib.egress" . | trim | nindent 4 }}
{{- end -}}
{{- end }}

{{- define "fountain-lib.egress" -}}
{{- $restore := include "fountain-lib.restoreSettings" . | fromYaml }}
# Names.
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- with .Values.peers }}
# The peers it reads from.
- ports:
    - port: 8000
      protocol: TCP
  to:
    - podSelector:
        matchLabels:
          app.kubernetes.io/part-of: fountainai
        matchExpressions:
          - {key: app.kubernetes.io/name, operator: In, values: [{{ keys . | sortAlpha | join ", " }}]}
{{- end }}
{{- if and $restore.enabled (ne $restore.source "claim") }}
{{ include "fountain-lib.objectStoreEgress" $restore.objectStore }}
{{- end }}
{{- with include "fountain-lib.replicaEgress" . | trim }}
{{ . }}
{{- end }}
{{- with include "fountain-lib.databaseEgress" . }}
{{ . }}
{{- end }}
{{- with .Values.networkPolicy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* objectStoreEgress: the bucket, and where the cloud gives out credentials, wherever they are. */}}
{{- define "fountain-lib.objectStoreEgress" -}}
{{- $port := 443 -}}
{{- with .endpoint -}}
{{- $host := (urlParse .).host -}}
{{- if regexMatch ":[0-9]+$" $host -}}
{{- $port = regexFind "[0-9]+$" $host | int -}}
{{- else if hasPrefix "http://" . -}}
{{- $port = 80 -}}
{{- end -}}
{{- end -}}
# The object store, wherever it is.
- ports:
    - {port: {{ $port }}, protocol: TCP}
    {{- if ne (int $port) 443 }}
    - {port: 443, protocol: TCP}
    {{- end }}
{{- if not .existingSecret }}
# Where EKS Pod Identity gives out credentials.
- ports:
    - {port: 80, protocol: TCP}
  to:
    - ipBlock: {cidr: 169.254.170.23/32}
{{- end }}
{{- end }}
