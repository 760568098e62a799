{{/*
Restoring into an empty volume, and what it shares with the backup job: the
place of the backups. A volume that has a database is never touched.
*/}}

{{- define "fountain-lib.restoreSettings" -}}
{{- dig "restore" dict (.Values.global | default dict) | default .Values.restore | toYaml -}}
{{- end }}

{{- define "fountain-lib.restore" -}}
{{- $restore := include "fountain-lib.restoreSettings" . | fromYaml -}}
{{- if $restore.enabled -}}
{{- $store := $restore.objectStore -}}
{{- $image := dig "fountainImage" dict (.Values.global | default dict) | default .Values.fountainImage -}}
- name: restore
  image: {{ include "fountain-lib.image" (dict "root" . "image" $image) }}
  imagePullPolicy: {{ $image.pullPolicy }}
  args:
    - restore
    - {{ include "fountain-lib.backupPlace" $restore }}
    - --backup={{ $restore.backup }}
    - --service={{ .Chart.Name }}
    - --database=/data/{{ .Chart.Name }}.db
    - --if-empty
  {{- if ne $restore.source "claim" }}
  env:
    {{- include "fountain-lib.objectStoreEnv" $store | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.containerSecurityContext | nindent 4 }}
  resources:
    {{- toYaml .Values.resources | nindent 4 }}
  volumeMounts:
    - name: data
      mountPath: /data
    - name: tmp
      mountPath: /tmp
    {{- if eq $restore.source "claim" }}
    - name: backups
      mountPath: /backups
      readOnly: true
    {{- end }}
{{- end -}}
{{- end }}

{{- define "fountain-lib.restoreVolume" -}}
{{- $restore := include "fountain-lib.restoreSettings" . | fromYaml -}}
{{- if and $restore.enabled (eq $restore.source "claim") }}
- name: backups
  persistentVolumeClaim:
    claimName: {{ required "restore.claim: name the PersistentVolumeClaim that holds the backups" $restore.claim }}
    readOnly: true
{{- end }}
{{- end }}

{{/* backupPlace: what `fountain backup` and `fountain restore` call the place of the backups. */}}
{{- define "fountain-lib.backupPlace" -}}
{{- if eq (.source | default .target) "claim" -}}
/backups
{{- else -}}
s3://{{ required "objectStore.bucket: name the bucket of the backups" .objectStore.bucket }}{{ with .objectStore.prefix }}/{{ . | trimPrefix "/" | trimSuffix "/" }}{{ end }}
{{- end -}}
{{- end }}

{{- define "fountain-lib.objectStoreEnv" -}}
{{- with .endpoint }}
- name: FOUNTAIN_S3_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- with .region }}
- name: FOUNTAIN_S3_REGION
  value: {{ . | quote }}
{{- end }}
- name: FOUNTAIN_S3_PATH_STYLE
  value: {{ .pathStyle | quote }}
{{- if .existingSecret }}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef: {name: {{ .existingSecret }}, key: AWS_ACCESS_KEY_ID}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef: {name: {{ .existingSecret }}, key: AWS_SECRET_ACCESS_KEY}
- name: AWS_SESSION_TOKEN
  valueFrom:
    secretKeyRef: {name: {{ .existingSecret }}, key: AWS_SESSION_TOKEN, optional: true}
{{- end }}
{{- end }}
