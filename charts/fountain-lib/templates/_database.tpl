{{/*
A database on a PostgreSQL server, and what it allows: pods without a volume,
any number of them. The StatefulSet stays, so that a release changes its pods
and not its objects when it changes the engine; it replaces one pod after the other.
*/}}

{{/* engine: sqlite or postgres; in a stack global.storageEngine is that of all. */}}
{{- define "fountain-lib.engine" -}}
{{- dig "storageEngine" "" (.Values.global | default dict) | default .Values.storage.engine -}}
{{- end }}

{{/* onServer: "true" where the database is on a server. */}}
{{- define "fountain-lib.onServer" -}}
{{- if eq (include "fountain-lib.engine" .) "postgres" }}true{{ end -}}
{{- end }}

{{/* database: the settings of the stack, or of this service alone. */}}
{{- define "fountain-lib.database" -}}
{{- dig "database" dict (.Values.global | default dict) | default .Values.database | toYaml -}}
{{- end }}

{{/* scales: "true" where there may be more than one pod. */}}
{{- define "fountain-lib.scales" -}}
{{- if or .Values.autoscaling.enabled (gt (int .Values.replicas) 1) }}true{{ end -}}
{{- end }}

{{/* databaseChecks: settings that contradict the engine. It renders nothing. */}}
{{- define "fountain-lib.databaseChecks" -}}
{{- $restore := include "fountain-lib.restoreSettings" . | fromYaml -}}
{{- if include "fountain-lib.onServer" . -}}
{{- $prefix := ternary "global." "" (eq (include "fountain-lib.inStack" .) "true") -}}
{{- if not (include "fountain-lib.database" . | fromYaml).existingSecret -}}
{{- fail (printf "%sdatabase.existingSecret: name the Secret with the URL of the PostgreSQL server, which storage.engine postgres needs" $prefix) -}}
{{- end -}}
{{- if $restore.enabled -}}
{{- fail (printf "%srestore.enabled fills volumes, and with storage.engine postgres there are none: restore the server's own backup, or move one with fountain migrate" $prefix) -}}
{{- end -}}
{{- if dig "backup" "enabled" false (.Values.global | default dict) -}}
{{- fail "global.backup.enabled copies SQLite files, and with storage.engine postgres there are none: back the server up where it runs, and set this to false" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (lt (int .Values.autoscaling.maxReplicas) (int .Values.autoscaling.minReplicas)) -}}
{{- fail (printf "%s: autoscaling.maxReplicas is below autoscaling.minReplicas" .Chart.Name) -}}
{{- end -}}
{{- else if include "fountain-lib.scales" . -}}
{{- fail (printf "%s: a SQLite file has one process; more replicas need storage.engine postgres" .Chart.Name) -}}
{{- end -}}
{{- end }}

{{- define "fountain-lib.databaseEnv" -}}
- name: FOUNTAIN_DATABASE_URL
{{- if include "fountain-lib.onServer" . }}
{{- $database := include "fountain-lib.database" . | fromYaml }}
  valueFrom:
    secretKeyRef:
      name: {{ $database.existingSecret }}
      key: {{ $database.key | replace "{service}" .Chart.Name | quote }}
{{- else }}
  value: file:/data/{{ .Chart.Name }}.db
{{- end }}
{{- end }}

{{/* databaseEgress: the server, wherever it is unless its peers are named. */}}
{{- define "fountain-lib.databaseEgress" -}}
{{- if include "fountain-lib.onServer" . -}}
{{- $database := include "fountain-lib.database" . | fromYaml -}}
# The PostgreSQL server.
- ports:
    - {port: {{ $database.port }}, protocol: TCP}
  {{- with $database.peers }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end }}

{{/* spread: what the user says, or else pods keep apart where they can, if there are several. */}}
{{- define "fountain-lib.spread" -}}
{{- if .Values.topologySpreadConstraints -}}
{{- toYaml .Values.topologySpreadConstraints -}}
{{- else if include "fountain-lib.scales" . -}}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "fountain-lib.selectorLabels" $ | nindent 6 }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "fountain-lib.autoscaler" -}}
{{- if .Values.autoscaling.enabled -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "fountain-lib.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "fountain-lib.labels" . | nindent 4 }}
  {{- include "fountain-lib.annotations" (dict "root" .) }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: StatefulSet
    name: {{ include "fountain-lib.fullname" . }}
  minReplicas: {{ .Values.autoscaling.minReplicas }}
  maxReplicas: {{ .Values.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ .Values.autoscaling.cpuPercent }}
{{- end -}}
{{- end }}
