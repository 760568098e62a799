{{- define "fountain-lib.notes" -}}
{{- $gateway := .Values.gateway -}}
{{ .Chart.Description }}

  kubectl -n {{ .Release.Namespace }} rollout status statefulset/{{ include "fountain-lib.fullname" . }}
  helm -n {{ .Release.Namespace }} test {{ .Release.Name }}
{{ if eq $gateway.mode "ingress" }}
It answers at {{ ternary "https" "http" $gateway.tls.enabled }}://{{ include "fountain-lib.host" . }} to those who have the key:

  kubectl -n {{ .Release.Namespace }} get secret {{ include "fountain-lib.keySecret" (dict "root" . "gateway" $gateway "consumer" "writer") }} -o jsonpath='{.data.key}' | base64 -d
{{ else }}
No gateway stands before it, and it checks no key itself. To look at it from here:

  kubectl -n {{ .Release.Namespace }} port-forward service/{{ include "fountain-lib.fullname" . }} 8000:{{ .Values.service.port }}
  then open http://localhost:8000/docs
{{ end }}
{{- if include "fountain-lib.onServer" . }}
Its data is on the PostgreSQL server, and stays there when the release is uninstalled.
{{- else if eq .Values.storage.retention "Retain" }}
The volume {{ include "fountain-lib.claimName" . }} stays when the release is uninstalled.
{{- else }}
The volume {{ include "fountain-lib.claimName" . }}, and all data in it, goes when the release is uninstalled.
{{- end }}
{{- end }}
