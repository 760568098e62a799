{{/* Names, labels and images. */}}

{{/* inStack: "true" when the umbrella chart installs this service beside the others. */}}
{{- define "fountain-lib.inStack" -}}
{{- if hasKey (.Values.global | default dict) "gateway" }}true{{ end -}}
{{- end }}

{{/*
fullname: the name of every object of a service. In a stack it is always
<release>-<service>, because the others find the service by it. A StatefulSet's
name must leave room for the hash in the labels of its pods: 52 characters.
*/}}
{{- define "fountain-lib.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- if include "fountain-lib.inStack" . -}}
{{- if or .Values.nameOverride .Values.fullnameOverride -}}
{{- fail (printf "%s: nameOverride and fullnameOverride are for a service that is installed alone; in a stack the others find it as %s-%s" .Chart.Name .Release.Name .Chart.Name) -}}
{{- end -}}
{{- include "fountain-lib.stackName" . }}-{{ .Chart.Name -}}
{{- else if .Values.fullnameOverride -}}
{{- include "fountain-lib.serviceName" (.Values.fullnameOverride | trunc 52 | trimSuffix "-") -}}
{{- else if contains $name .Release.Name -}}
{{- include "fountain-lib.serviceName" (.Release.Name | trunc 52 | trimSuffix "-") -}}
{{- else -}}
{{- include "fountain-lib.serviceName" (printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-") -}}
{{- end -}}
{{- end }}

{{/*
serviceName: the name it is given, if a Service can have it. Helm takes more;
Kubernetes would refuse it after the volumes are made.
*/}}
{{- define "fountain-lib.serviceName" -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" .) -}}
{{- fail (printf "%q cannot be the name of a Service, which must begin with a letter and hold small letters, digits and hyphens; choose another name for the release" .) -}}
{{- end -}}
{{- . -}}
{{- end }}

{{/* stackName: the beginning of every name in a stack. */}}
{{- define "fountain-lib.stackName" -}}
{{- if gt (len .Release.Name) 35 -}}
{{- fail (printf "the release name %q is longer than 35 characters: with the names of the services it would not fit the labels of Kubernetes; choose a shorter one" .Release.Name) -}}
{{- end -}}
{{- include "fountain-lib.serviceName" .Release.Name -}}
{{- end }}

{{/* selectorLabels: what stays the same for as long as the release lives. */}}
{{- define "fountain-lib.selectorLabels" -}}
app.kubernetes.io/name: {{ .Values.nameOverride | default .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* labels: of every object of a service; its pods carry the same. */}}
{{- define "fountain-lib.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "fountain-lib.selectorLabels" . }}
app.kubernetes.io/component: service
app.kubernetes.io/part-of: fountainai
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* annotations: "annotations:" with the common ones and .extra, indented as .indent says (2), or nothing. */}}
{{- define "fountain-lib.annotations" -}}
{{- $all := merge (dict) (.extra | default dict) (.root.Values.commonAnnotations | default dict) -}}
{{- with $all }}
{{- dict "annotations" . | toYaml | nindent ($.indent | default 2 | int) }}
{{- end }}
{{- end }}

{{/* domain and host: where the gateway finds the service. */}}
{{- define "fountain-lib.domain" -}}
{{- dig "domain" "" (.Values.global | default dict) | default .Values.domain -}}
{{- end }}

{{- define "fountain-lib.host" -}}
{{- .Values.nameOverride | default .Chart.Name }}.{{ include "fountain-lib.domain" . -}}
{{- end }}

{{/* image: registry/repository:tag@digest of the image given as .image. */}}
{{- define "fountain-lib.image" -}}
{{- $registry := dig "imageRegistry" "" (.root.Values.global | default dict) | default .image.registry -}}
{{- $tag := .image.tag | default (dig "imageTag" "" (.root.Values.global | default dict)) | default .root.Chart.AppVersion -}}
{{- with $registry }}{{ . | trimSuffix "/" }}/{{ end -}}
{{- .image.repository -}}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ $tag }}{{ end -}}
{{- end }}

{{- define "fountain-lib.pullSecrets" -}}
{{- $secrets := concat (dig "imagePullSecrets" list (.Values.global | default dict)) (.Values.imagePullSecrets | default list) -}}
{{- if $secrets }}
imagePullSecrets:
  {{- toYaml (uniq $secrets) | nindent 2 }}
{{- end }}
{{- end }}

{{- define "fountain-lib.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "fountain-lib.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end }}

{{/* claimName: the PersistentVolumeClaim that holds the database. */}}
{{- define "fountain-lib.claimName" -}}
{{- .Values.storage.existingClaim | default (printf "%s-data" (include "fountain-lib.fullname" .)) -}}
{{- end }}
