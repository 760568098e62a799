{{/*
The StatefulSet of a service. Where its database is one file with one writer, a
StatefulSet never runs two pods of the same name, also when a node is lost and
comes back, and the service locks the file besides. On a database server it has
as many pods as are asked for.
*/}}

{{- define "fountain-lib.statefulset" -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ include "fountain-lib.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "fountain-lib.labels" . | nindent 4 }}
  {{- include "fountain-lib.annotations" (dict "root" .) }}
spec:
  {{- if not .Values.autoscaling.enabled }}
  replicas: {{ .Values.replicas }}
  {{- end }}
  serviceName: {{ include "fountain-lib.fullname" . }}
  # With OrderedReady a pod that never became ready blocks the rollback that would mend it.
  podManagementPolicy: Parallel
  revisionHistoryLimit: {{ .Values.revisionHistoryLimit }}
  selector:
    matchLabels:
      {{- include "fountain-lib.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "fountain-lib.labels" . | nindent 8 }}
        {{- with .Values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- include "fountain-lib.annotations" (dict "root" . "extra" .Values.podAnnotations "indent" 6) }}
    spec:
      {{- include "fountain-lib.pullSecrets" . | indent 6 }}
      serviceAccountName: {{ include "fountain-lib.serviceAccountName" . }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
      {{- with .Values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with .Values.runtimeClassName }}
      runtimeClassName: {{ . }}
      {{- end }}
      securityContext:
        {{- toYaml .Values.podSecurityContext | nindent 8 }}
      {{- range $key := list "nodeSelector" "affinity" "tolerations" }}
      {{- with index $.Values $key }}
      {{ $key }}:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- end }}
      {{- with include "fountain-lib.spread" . | trim }}
      topologySpreadConstraints:
        {{- . | nindent 8 }}
      {{- end }}
      {{- $init := include "fountain-lib.restore" . }}
      {{- if or (trim $init) .Values.extraInitContainers }}
      initContainers:
        {{- with trim $init }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- with .Values.extraInitContainers }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      containers:
        - name: {{ .Chart.Name }}
          image: {{ include "fountain-lib.image" (dict "root" . "image" .Values.image) }}
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          {{- with .Values.extraArgs }}
          args:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          securityContext:
            {{- toYaml .Values.containerSecurityContext | nindent 12 }}
          env:
            {{- include "fountain-lib.env" . | nindent 12 }}
          {{- with .Values.extraEnvFrom }}
          envFrom:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            - name: http
              containerPort: 8000
              protocol: TCP
          startupProbe:
            {{- include "fountain-lib.probe" (dict "path" "/healthz" "probe" .Values.startupProbe) | nindent 12 }}
          livenessProbe:
            {{- include "fountain-lib.probe" (dict "path" "/healthz" "probe" .Values.livenessProbe) | nindent 12 }}
          readinessProbe:
            {{- include "fountain-lib.probe" (dict "path" "/readyz" "probe" .Values.readinessProbe) | nindent 12 }}
          {{- if .Values.preStopSleepSeconds }}
          # Requests still arrive for a moment after the pod has left the endpoints.
          lifecycle:
            preStop:
              sleep:
                seconds: {{ .Values.preStopSleepSeconds }}
          {{- end }}
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
          volumeMounts:
            {{- if not (include "fountain-lib.onServer" .) }}
            - name: data
              mountPath: /data
            {{- end }}
            - name: tmp
              mountPath: /tmp
            {{- with .Values.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
        {{- with .Values.extraContainers }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      volumes:
        {{- if not (include "fountain-lib.onServer" .) }}
        - name: data
          persistentVolumeClaim:
            claimName: {{ include "fountain-lib.claimName" . }}
        {{- end }}
        - name: tmp
          emptyDir:
            sizeLimit: 64Mi
        {{- include "fountain-lib.restoreVolume" . | indent 8 }}
        {{- with .Values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end }}

{{- define "fountain-lib.probe" -}}
httpGet:
  path: {{ .path }}
  port: http
{{ toYaml .probe }}
{{- end }}

{{- define "fountain-lib.env" -}}
- name: FOUNTAIN_ADDR
  value: ":8000"
{{ include "fountain-lib.databaseEnv" . }}
- name: FOUNTAIN_LOG_FORMAT
  value: {{ .Values.log.format }}
- name: FOUNTAIN_LOG_LEVEL
  value: {{ .Values.log.level }}
{{- with include "fountain-lib.publicURL" . }}
- name: FOUNTAIN_PUBLIC_URL
  value: {{ . }}
{{- end }}
{{- with include "fountain-lib.snapshotSecret" . }}
- name: FOUNTAIN_SNAPSHOT_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: token
{{- end }}
{{- with include "fountain-lib.replicaEnv" . | trim }}
{{ . }}
{{- end }}
{{- range $peer, $url := .Values.peers }}
- name: FOUNTAIN_{{ upper $peer }}_URL
  value: {{ if $url }}{{ tpl $url $ | quote }}{{ else }}http://{{ if include "fountain-lib.inStack" $ }}{{ include "fountain-lib.stackName" $ }}-{{ end }}{{ $peer }}:8000{{ end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* publicURL: what the service's OpenAPI document calls its server; empty: taken from each request. */}}
{{- define "fountain-lib.publicURL" -}}
{{- $gateway := include "fountain-lib.gateway" . | fromYaml -}}
{{- if .Values.publicURL -}}
{{ .Values.publicURL }}
{{- else if and (ne $gateway.mode "none") $gateway.tls.enabled -}}
https://{{ include "fountain-lib.host" . }}
{{- end -}}
{{- end }}

{{/* snapshotSecret: the Secret with the token of GET /snapshot; without one there is no such endpoint. */}}
{{- define "fountain-lib.snapshotSecret" -}}
{{- if include "fountain-lib.inStack" . -}}
{{- if .Values.global.backup.enabled -}}
{{- .Values.global.backup.snapshot.existingSecret | default (printf "%s-snapshot" (include "fountain-lib.stackName" .)) -}}
{{- end -}}
{{- else -}}
{{- .Values.snapshot.existingSecret -}}
{{- end -}}
{{- end }}
