{{/* Names and labels of the objects that the stack has once. */}}

{{- define "fountainai.services" -}}
centralsequence,character,scriptmanagement,sessioncontext,storyfactory
{{- end }}

{{/* labels: takes root and the component: gateway, backup, monitoring, orchestrator, test. */}}
{{- define "fountainai.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "fountainai.selectorLabels" . }}
app.kubernetes.io/part-of: fountainai
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "fountainai.selectorLabels" -}}
app.kubernetes.io/name: {{ .component }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "fountainai.hosts" -}}
{{- range splitList "," (include "fountainai.services" .) }}
- {{ . }}.{{ $.Values.global.domain }}
{{- end }}
{{- if .Values.orchestrator.enabled }}
- {{ include "fountainai.orchestratorHost" . }}
{{- end }}
{{- end }}

{{/* podSecurity and containerSecurity: the restricted Pod Security level. */}}
{{- define "fountainai.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "fountainai.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "fountainai.tlsSecret" -}}
{{- .Values.global.gateway.tls.existingSecret | default (printf "%s-gateway-tls" (include "fountain-lib.stackName" .)) -}}
{{- end }}
