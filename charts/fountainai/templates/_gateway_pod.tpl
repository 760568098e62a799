{{/* The pod of the gateway in mode dbless: Kong, or the gateway built into the fountain image. */}}

{{- define "fountainai.gatewayPod" -}}
{{- $root := .root -}}
{{- $global := $root.Values.global -}}
{{- $gateway := $global.gateway -}}
{{- $dbless := $gateway.dbless -}}
{{- $fountain := include "fountain-lib.image" (dict "root" $root "image" $global.fountainImage) -}}
{{- with $global.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
serviceAccountName: {{ .name }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ $dbless.terminationGracePeriodSeconds }}
{{- with $dbless.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  {{- include "fountainai.podSecurity" $root | nindent 2 }}
{{- range $key := list "nodeSelector" "tolerations" }}
{{- with index $dbless $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
affinity:
  {{- if $dbless.affinity }}
  {{- toYaml $dbless.affinity | nindent 2 }}
  {{- else }}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "fountainai.selectorLabels" (dict "root" $root "component" "gateway") | nindent 14 }}
  {{- end }}
initContainers:
  - name: configuration
    image: {{ $fountain }}
    imagePullPolicy: {{ $global.fountainImage.pullPolicy }}
    args:
      - kong
      - --config=/config/kong.yml
      - --keys=/keys
      - --certs=/certs
      - --domain={{ $global.domain }}
      - --out=/gateway/kong.yml
    securityContext:
      {{- include "fountainai.containerSecurity" $root | nindent 6 }}
    resources:
      requests: {cpu: 50m, memory: 32Mi}
      limits: {memory: 128Mi}
    volumeMounts:
      - {name: config, mountPath: /config, readOnly: true}
      - {name: keys, mountPath: /keys, readOnly: true}
      {{- if $gateway.tls.enabled }}
      - {name: certs, mountPath: /certs, readOnly: true}
      {{- end }}
      - {name: gateway, mountPath: /gateway}
containers:
  - name: gateway
    {{- if eq $dbless.engine "kong" }}
    {{- include "fountainai.kongContainer" $root | nindent 4 }}
    {{- else }}
    image: {{ $fountain }}
    imagePullPolicy: {{ $global.fountainImage.pullPolicy }}
    args:
      - gateway
      - --config=/gateway/kong.yml
      - --http=:8000
      - --https=:8443
      - --status=:8100
      - --port-maps=80:8000,443:8443
    {{- end }}
    ports:
      - {name: http, containerPort: 8000, protocol: TCP}
      - {name: https, containerPort: 8443, protocol: TCP}
      - {name: status, containerPort: 8100, protocol: TCP}
    startupProbe:
      httpGet: {path: {{ ternary "/status" "/healthz" (eq $dbless.engine "kong") }}, port: status}
      periodSeconds: 2
      timeoutSeconds: 5
      failureThreshold: 60
    livenessProbe:
      httpGet: {path: {{ ternary "/status" "/healthz" (eq $dbless.engine "kong") }}, port: status}
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 3
    readinessProbe:
      httpGet: {path: /status/ready, port: status}
      periodSeconds: 5
      timeoutSeconds: 5
      failureThreshold: 2
    {{- if $dbless.preStopSleepSeconds }}
    lifecycle:
      preStop:
        sleep:
          seconds: {{ $dbless.preStopSleepSeconds }}
    {{- end }}
    securityContext:
      {{- include "fountainai.containerSecurity" $root | nindent 6 }}
    resources:
      {{- toYaml $dbless.resources | nindent 6 }}
    volumeMounts:
      - {name: gateway, mountPath: /gateway, readOnly: true}
      - {name: prefix, mountPath: /kong_prefix}
      - {name: tmp, mountPath: /tmp}
volumes:
  - name: config
    configMap:
      name: {{ .name }}
  - name: keys
    projected:
      sources:
        {{- range $consumer := list "writer" "reader" }}
        {{- $file := ternary "api-key" "api-key-reader" (eq $consumer "writer") }}
        {{- range $i, $name := include "fountain-lib.keySecrets" (dict "root" $root "gateway" $gateway "consumer" $consumer) | fromJsonArray }}
        - secret:
            name: {{ $name }}
            items: [{key: key, path: {{ $file }}{{ if $i }}.{{ sub $i 1 }}{{ end }}}]
        {{- end }}
        {{- end }}
  {{- if $gateway.tls.enabled }}
  - name: certs
    secret:
      secretName: {{ include "fountainai.tlsSecret" $root }}
  {{- end }}
  # The finished kong.yml holds keys: it stays in memory.
  - name: gateway
    emptyDir: {medium: Memory, sizeLimit: 8Mi}
  - name: prefix
    emptyDir: {sizeLimit: 512Mi}
  - name: tmp
    emptyDir: {sizeLimit: 64Mi}
{{- end }}

{{- define "fountainai.kongContainer" -}}
{{- $image := .Values.global.gateway.dbless.image -}}
image: {{ with $image.registry }}{{ . | trimSuffix "/" }}/{{ end }}{{ $image.repository }}{{ if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag }}{{ end }}
imagePullPolicy: {{ $image.pullPolicy }}
env:
  {{- range $name, $value := dict
        "KONG_DATABASE" "off"
        "KONG_DECLARATIVE_CONFIG" "/gateway/kong.yml"
        "KONG_PREFIX" "/kong_prefix"
        "KONG_STATUS_LISTEN" "0.0.0.0:8100"
        "KONG_ADMIN_LISTEN" "off"
        "KONG_ADMIN_GUI_LISTEN" "off"
        "KONG_PORT_MAPS" "80:8000,443:8443"
        "KONG_PROXY_ACCESS_LOG" "off"
        "KONG_PROXY_ERROR_LOG" "/dev/stderr"
        "KONG_STATUS_ERROR_LOG" "/dev/stderr"
        "KONG_ANONYMOUS_REPORTS" "off"
        "KONG_HEADERS" "off"
        "KONG_SSL_PROTOCOLS" "TLSv1.2 TLSv1.3"
        "KONG_NGINX_WORKER_PROCESSES" "2"
        "KONG_DNS_ORDER" "LAST,A"
        "KONG_DNS_VALID_TTL" "5" }}
  - {name: {{ $name }}, value: {{ $value | quote }}}
  {{- end }}
{{- end }}
