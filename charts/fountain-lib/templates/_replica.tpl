{{/*
A copy of the database elsewhere, a second or so behind. The service keeps it, and
begins an empty volume with it.
*/}}

{{- define "fountain-lib.replica" -}}
{{- dig "replica" dict (.Values.global | default dict) | default .Values.replica | toYaml -}}
{{- end }}

{{- define "fountain-lib.replicaEnv" -}}
{{- $replica := include "fountain-lib.replica" . | fromYaml -}}
{{- if $replica.url -}}
- name: FOUNTAIN_REPLICA_URL
  value: {{ $replica.url | quote }}
{{- with $replica.restoreAt }}
- name: FOUNTAIN_REPLICA_RESTORE_AT
  value: {{ . | quote }}
{{- end }}
{{- if $replica.startEmpty }}
- name: FOUNTAIN_REPLICA_START_EMPTY
  value: "true"
{{- end }}
{{- with $replica.existingSecret }}
{{- if hasPrefix "s3:" $replica.url }}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef: {name: {{ . }}, key: AWS_ACCESS_KEY_ID}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef: {name: {{ . }}, key: AWS_SECRET_ACCESS_KEY}
- name: AWS_SESSION_TOKEN
  valueFrom:
    secretKeyRef: {name: {{ . }}, key: AWS_SESSION_TOKEN, optional: true}
{{- else }}
- name: FOUNTAIN_SFTP_KEY
  valueFrom:
    secretKeyRef: {name: {{ . }}, key: FOUNTAIN_SFTP_KEY, optional: true}
- name: FOUNTAIN_SFTP_PASSWORD
  valueFrom:
    secretKeyRef: {name: {{ . }}, key: FOUNTAIN_SFTP_PASSWORD, optional: true}
- name: FOUNTAIN_SFTP_KNOWN_HOSTS
  valueFrom:
    secretKeyRef: {name: {{ . }}, key: FOUNTAIN_SFTP_KNOWN_HOSTS}
{{- end }}
{{- end }}
{{- end -}}
{{- end }}

{{/* replicaChecks: what contradicts a replica. */}}
{{- define "fountain-lib.replicaChecks" -}}
{{- $replica := include "fountain-lib.replica" . | fromYaml -}}
{{- $restore := include "fountain-lib.restoreSettings" . | fromYaml -}}
{{- $where := ternary "global." "" (eq (include "fountain-lib.inStack" .) "true") -}}
{{- if and $replica.url $restore.enabled -}}
{{- fail (printf "%srestore.enabled would fill an empty volume from a backup before the replica can, which has more: leave %[1]sreplica.url out while you restore a backup" $where) -}}
{{- end -}}
{{- if and (or $replica.restoreAt $replica.startEmpty $replica.existingSecret) (not $replica.url) -}}
{{- fail (printf "%sreplica.url is missing: without it there is no replica, and the other values of %[1]sreplica mean nothing" $where) -}}
{{- end -}}
{{- if and (hasPrefix "sftp:" $replica.url) (not $replica.existingSecret) -}}
{{- fail (printf "%sreplica.existingSecret: SFTP needs a Secret with FOUNTAIN_SFTP_KEY and FOUNTAIN_SFTP_KNOWN_HOSTS (what ssh-keyscan prints)" $where) -}}
{{- end -}}
{{- end }}

{{/* replicaEgress: the way to the replica, wherever it is. */}}
{{- define "fountain-lib.replicaEgress" -}}
{{- $replica := include "fountain-lib.replica" . | fromYaml -}}
{{- if hasPrefix "s3:" $replica.url -}}
{{- $endpoint := regexFind "[?&]endpoint=[^&]+" $replica.url | replace "%3A" ":" | replace "%3a" ":" | replace "%2F" "/" | replace "%2f" "/" -}}
{{ include "fountain-lib.objectStoreEgress" (dict "endpoint" (regexReplaceAll "^[?&]endpoint=" $endpoint "") "existingSecret" $replica.existingSecret) }}
{{- else if hasPrefix "sftp:" $replica.url -}}
{{- $host := (urlParse $replica.url).host -}}
# The replica, wherever it is.
- ports:
    - {port: {{ ternary (regexFind "[0-9]+$" $host) "22" (regexMatch ":[0-9]+$" $host) }}, protocol: TCP}
{{- end -}}
{{- end }}
