{{/* Everything that one service consists of. A service's chart includes this and is done. */}}

{{- define "fountain-lib.all" -}}
{{- include "fountain-lib.checks" . -}}
{{- range $part := list
      "serviceaccount" "claim" "statefulset" "autoscaler" "service" "networkpolicy" "poddisruptionbudget"
      "servicemonitor" "upstreampolicy" "ingresses" "certificate" "gateway-alone" }}
{{- $object := include (printf "fountain-lib.%s" $part) $ | trim }}
{{- if $object }}
---
{{ $object }}
{{- end }}
{{- end }}
{{- end }}

{{/* checks: settings that contradict each other, each fine by itself. It renders nothing. */}}
{{- define "fountain-lib.checks" -}}
{{- include "fountain-lib.databaseChecks" . -}}
{{- $tls := (include "fountain-lib.gateway" . | fromYaml).tls -}}
{{- if and $tls.certManager.enabled (not $tls.enabled) -}}
{{- fail (printf "%sgateway.tls.certManager.enabled needs %[1]sgateway.tls.enabled, without which there would be plain HTTP and no certificate: set both to true, or neither" (ternary "global." "" (eq (include "fountain-lib.inStack" .) "true"))) -}}
{{- end -}}
{{- include "fountain-lib.replicaChecks" . -}}
{{- end }}

{{- define "fountain-lib.serviceaccount" -}}
{{- if .Values.serviceAccount.create -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "fountain-lib.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "fountain-lib.labels" . | nindent 4 }}
  {{- include "fountain-lib.annotations" (dict "root" . "extra" .Values.serviceAccount.annotations) }}
automountServiceAccountToken: false
{{- end -}}
{{- end }}

{{/*
claim: an object of its own and not a volumeClaimTemplate, so that it can be
expanded by an upgrade and is kept, or deleted, as storage.retention says.
*/}}
{{- define "fountain-lib.claim" -}}
{{- if not (or .Values.storage.existingClaim (include "fountain-lib.onServer" .)) -}}
{{- $extra := deepCopy (.Values.storage.annotations | default dict) -}}
{{- if eq .Values.storage.retention "Retain" }}{{ $_ := set $extra "helm.sh/resource-policy" "keep" }}{{ end -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ include "fountain-lib.claimName" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "fountain-lib.labels" . | nindent 4 }}
  {{- include "fountain-lib.annotations" (dict "root" . "extra" $extra) }}
spec:
  accessModes:
    {{- toYaml .Values.storage.accessModes | nindent 4 }}
  resources:
    requests:
      storage: {{ .Values.storage.size }}
  {{- $class := .Values.storage.className | default (dig "storageClassName" "" (.Values.global | default dict)) }}
  {{- with $class }}
  storageClassName: {{ . | quote }}
  {{- end }}
  {{- with .Values.storage.volumeName }}
  volumeName: {{ . }}
  {{- end }}
{{- end -}}
{{- end }}

{{- define "fountain-lib.service" -}}
{{- if and (include "fountain-lib.inStack" .) (ne (int .Values.service.port) 8000) -}}
{{- fail (printf "%s: service.port is for a service that is installed alone; in a stack the backups and the other services find it at port 8000" .Chart.Name) -}}
{{- end -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "fountain-lib.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "fountain-lib.labels" . | nindent 4 }}
  {{- $kong := include "fountain-lib.kong.serviceAnnotations" . | fromYaml }}
  {{- include "fountain-lib.annotations" (dict "root" . "extra" (merge (dict) .Values.service.annotations $kong)) }}
spec:
  type: {{ .Values.service.type }}
  selector:
    {{- include "fountain-lib.selectorLabels" . | nindent 4 }}
  ports:
    - name: http
      port: {{ .Values.service.port }}
      targetPort: http
      protocol: TCP
{{- end }}

{{/* One replica has nobody to hand over to: the budget lets a node be drained and says so. Of several, one at a time goes. */}}
{{- define "fountain-lib.poddisruptionbudget" -}}
{{- if .Values.podDisruptionBudget.enabled -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "fountain-lib.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "fountain-lib.labels" . | nindent 4 }}
  {{- include "fountain-lib.annotations" (dict "root" .) }}
spec:
  maxUnavailable: {{ .Values.podDisruptionBudget.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "fountain-lib.selectorLabels" . | nindent 6 }}
{{- end -}}
{{- end }}

{{- define "fountain-lib.servicemonitor" -}}
{{- $monitoring := include "fountain-lib.monitoring" . | fromYaml -}}
{{- if $monitoring.serviceMonitor.enabled -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ include "fountain-lib.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "fountain-lib.labels" . | nindent 4 }}
    {{- with $monitoring.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- include "fountain-lib.annotations" (dict "root" .) }}
spec:
  selector:
    matchLabels:
      {{- include "fountain-lib.selectorLabels" . | nindent 6 }}
  endpoints:
    - port: http
      path: /metrics
      interval: {{ $monitoring.serviceMonitor.interval }}
      scrapeTimeout: {{ $monitoring.serviceMonitor.scrapeTimeout }}
      relabelings:
        # The rules and dashboards know the services as the job "fountain".
        - targetLabel: job
          replacement: fountain
        - sourceLabels: [__meta_kubernetes_pod_label_app_kubernetes_io_name]
          targetLabel: service
{{- end -}}
{{- end }}

{{/* monitoring and gateway: the settings of the stack, or of this service alone. */}}
{{- define "fountain-lib.monitoring" -}}
{{- dig "monitoring" dict (.Values.global | default dict) | default .Values.monitoring | toYaml -}}
{{- end }}

{{- define "fountain-lib.gateway" -}}
{{- dig "gateway" dict (.Values.global | default dict) | default .Values.gateway | toYaml -}}
{{- end }}
