{{/* What the objects of the orchestrator have in common, its pod, and how the gateways know it. */}}

{{- define "fountainai.orchestratorName" -}}
{{ include "fountain-lib.stackName" . }}-orchestrator
{{- end }}

{{- define "fountainai.orchestratorHost" -}}
orchestrator.{{ .Values.global.domain }}
{{- end }}

{{/* orchestratorTLS: its certificate in mode ingress, where each host has its own. */}}
{{- define "fountainai.orchestratorTLS" -}}
{{- .Values.global.gateway.tls.existingSecret | default (printf "%s-tls" (include "fountainai.orchestratorName" .)) -}}
{{- end }}

{{/* orchestratorChecks: settings that are each fine by themselves. It renders nothing. */}}
{{- define "fountainai.orchestratorChecks" -}}
{{- $o := .Values.orchestrator -}}
{{- if and (not $o.existingSecret) (not (and $o.baseURL $o.noKey)) -}}
{{- fail "orchestrator.existingSecret: name a Secret with the model's key as OPENAI_API_KEY; an endpoint that asks for none is named by orchestrator.baseURL, with orchestrator.noKey=true" -}}
{{- end -}}
{{- if and $o.existingSecret $o.noKey -}}
{{- fail "orchestrator.noKey says that there is no key, and orchestrator.existingSecret names one: set one of them" -}}
{{- end -}}
{{- end }}

{{/*
orchestratorGateway: the host and port of the gateway inside the cluster. In mode
ingress it is the Service that Kong's chart makes when it is installed as "kong".
*/}}
{{- define "fountainai.orchestratorGateway" -}}
{{- $gateway := .Values.global.gateway -}}
{{- $port := ternary 443 80 $gateway.tls.enabled -}}
{{- if .Values.orchestrator.gatewayAddress -}}
{{ .Values.orchestrator.gatewayAddress }}
{{- else if eq $gateway.mode "dbless" -}}
{{ include "fountain-lib.stackName" . }}-gateway.{{ .Release.Namespace }}.svc:{{ $port }}
{{- else if eq $gateway.mode "ingress" -}}
kong-gateway-proxy.{{ $gateway.controller.namespace }}.svc:{{ $port }}
{{- end -}}
{{- end }}

{{- define "fountainai.orchestratorURL" -}}
{{ ternary "https" "http" .Values.global.gateway.tls.enabled }}://{{ .Values.global.domain }}
{{- end }}

{{/* orchestratorPlugins: what it has in place of key-auth and acl, beside docs-rate-limiting. */}}
{{- define "fountainai.orchestratorPlugins" -}}
orchestrator-size-limiting:
  plugin: request-size-limiting
  config:
    allowed_payload_size: {{ min 320 .Values.global.gateway.maxBodyKilobytes }}
    size_unit: kilobytes
    require_content_length: false
{{- end }}

{{/* kongOrchestrator: its service in the kong.yml of mode dbless. */}}
{{- define "fountainai.kongOrchestrator" -}}
name: orchestrator
host: {{ include "fountainai.orchestratorName" .root }}.{{ .root.Release.Namespace }}.svc
port: 8000
protocol: http
connect_timeout: 2000
write_timeout: 30000
read_timeout: 960000
retries: 1
routes:
  - name: orchestrator
    response_buffering: false
    {{- $plugins := merge (include "fountainai.orchestratorPlugins" .root | fromYaml) .plugins }}
    {{- include "fountainai.kongRoute" (dict "name" "orchestrator" "domain" .root.Values.global.domain "plugins" $plugins "use" (list "docs-rate-limiting" "orchestrator-size-limiting")) | nindent 4 }}
{{- end }}

{{- define "fountainai.orchestratorPod" -}}
{{- $o := .Values.orchestrator -}}
{{- $image := .Values.orchestrator.image -}}
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
serviceAccountName: {{ include "fountainai.orchestratorName" . }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ $o.terminationGracePeriodSeconds }}
{{- with $o.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  {{- include "fountainai.podSecurity" . | nindent 2 }}
{{- range $key := list "nodeSelector" "affinity" "tolerations" }}
{{- with index $o $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
containers:
  - name: orchestrator
    image: {{ include "fountain-lib.image" (dict "root" . "image" $image) }}
    imagePullPolicy: {{ $image.pullPolicy }}
    args: [orchestrate]
    env:
      {{- include "fountainai.orchestratorEnv" . | nindent 6 }}
    ports:
      - {name: http, containerPort: 8000, protocol: TCP}
    startupProbe:
      httpGet: {path: /livez, port: http}
      periodSeconds: 2
      timeoutSeconds: 5
      failureThreshold: 60
    livenessProbe:
      httpGet: {path: /livez, port: http}
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 3
    # It is ready when it reaches the services through the gateway.
    readinessProbe:
      httpGet: {path: /readyz, port: http}
      periodSeconds: 10
      timeoutSeconds: 6
      failureThreshold: 2
    {{- if $o.preStopSleepSeconds }}
    lifecycle:
      preStop:
        sleep:
          seconds: {{ $o.preStopSleepSeconds }}
    {{- end }}
    securityContext:
      {{- include "fountainai.containerSecurity" . | nindent 6 }}
    resources:
      {{- toYaml $o.resources | nindent 6 }}
    volumeMounts:
      - {name: tmp, mountPath: /tmp}
      {{- if $o.caSecret }}
      - {name: ca, mountPath: /ca, readOnly: true}
      {{- end }}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: 64Mi}
  {{- with $o.caSecret }}
  - name: ca
    secret:
      secretName: {{ . }}
      items: [{key: ca.crt, path: ca.crt}]
  {{- end }}
{{- end }}

{{- define "fountainai.orchestratorEnv" -}}
{{- $o := .Values.orchestrator -}}
{{- $tls := .Values.global.gateway.tls.enabled -}}
- {name: FOUNTAIN_URL, value: {{ include "fountainai.orchestratorURL" . | quote }}}
{{- with include "fountainai.orchestratorGateway" . }}
- {name: FOUNTAIN_GATEWAY, value: {{ . | quote }}}
{{- end }}
{{- if $tls }}
- {name: FOUNTAIN_PUBLIC_URL, value: {{ printf "https://%s" (include "fountainai.orchestratorHost" .) | quote }}}
{{- end }}
- {name: FOUNTAIN_LOG_FORMAT, value: {{ $o.log.format | quote }}}
- {name: FOUNTAIN_LOG_LEVEL, value: {{ $o.log.level | quote }}}
{{- with $o.model }}
- {name: FOUNTAIN_MODEL, value: {{ . | quote }}}
{{- end }}
{{- if $o.loose }}
- {name: FOUNTAIN_MODEL_LOOSE, value: "true"}
{{- end }}
{{- with $o.baseURL }}
- {name: OPENAI_BASE_URL, value: {{ . | quote }}}
{{- end }}
{{- with $o.existingSecret }}
- name: OPENAI_API_KEY
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: OPENAI_API_KEY
{{- end }}
{{- if $o.caSecret }}
# Beside the authorities of the image, which vouch for the model's endpoint.
- {name: SSL_CERT_DIR, value: /ca}
{{- end }}
{{- end }}

{{/* orchestratorEgress: names, the gateway, the model. */}}
{{- define "fountainai.orchestratorEgress" -}}
{{- $gateway := .Values.global.gateway -}}
{{- $o := .Values.orchestrator -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- if eq $gateway.mode "dbless" }}
# The gateway.
- ports:
    - {port: {{ ternary "https" "http" $gateway.tls.enabled }}, protocol: TCP}
  to:
    - podSelector:
        matchLabels:
          {{- include "fountainai.selectorLabels" (dict "root" . "component" "gateway") | nindent 10 }}
{{- else if eq $gateway.mode "ingress" }}
# The gateway: the ports on which Kong's pods listen.
- ports:
    - {port: {{ ternary 8443 8000 $gateway.tls.enabled }}, protocol: TCP}
  to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ $gateway.controller.namespace }}
      {{- with $gateway.controller.podLabels }}
      podSelector:
        matchLabels:
          {{- toYaml . | nindent 10 }}
      {{- end }}
{{- end }}
{{- if or $o.gatewayAddress (eq $gateway.mode "none") }}
# A gateway that only its address tells of, wherever it is.
- ports:
    - {port: {{ regexFind "[0-9]+$" $o.gatewayAddress | default (ternary "443" "80" $gateway.tls.enabled) }}, protocol: TCP}
{{- end }}
# The model's endpoint.
- ports:
    - {port: {{ include "fountainai.orchestratorModelPort" . }}, protocol: TCP}
  {{- with $o.networkPolicy.modelPeers }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- with $o.networkPolicy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "fountainai.orchestratorModelPort" -}}
{{- $host := (urlParse (.Values.orchestrator.baseURL | default "https://api.openai.com")).host -}}
{{- if regexMatch ":[0-9]+$" $host -}}
{{ regexFind "[0-9]+$" $host }}
{{- else -}}
{{ ternary 80 443 (hasPrefix "http://" .Values.orchestrator.baseURL) }}
{{- end -}}
{{- end }}
