{{/* helm test: asks the service whether it can write. The service's own image brings the question. */}}

{{- define "fountain-lib.test" -}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ include "fountain-lib.fullname" . }}-test
  namespace: {{ .Release.Namespace }}
  labels:
    {{- $labels := include "fountain-lib.labels" . | fromYaml }}
    {{- $_ := set $labels "app.kubernetes.io/component" "test" }}
    {{- $_ := set $labels "app.kubernetes.io/name" (printf "%s-test" .Chart.Name) }}
    {{- toYaml $labels | nindent 4 }}
  {{- include "fountain-lib.annotations" (dict "root" . "extra" (dict "helm.sh/hook" "test" "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded")) }}
spec:
  # A network that enforces policies hears of a new pod a moment after it has started.
  restartPolicy: OnFailure
  activeDeadlineSeconds: 120
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- include "fountain-lib.pullSecrets" . | indent 2 }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  containers:
    - name: healthcheck
      image: {{ include "fountain-lib.image" (dict "root" . "image" .Values.image) }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [healthcheck, --addr, "{{ include "fountain-lib.fullname" . }}:{{ .Values.service.port }}"]
      securityContext:
        {{- toYaml .Values.containerSecurityContext | nindent 8 }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
{{- end }}
