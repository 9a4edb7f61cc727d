{{/*
What a process is told. Takes a dictionary: root, role, which is a service's name or `topics`.
A process refuses a variable that it does not know, so each gets its own and no other's.
*/}}
{{- define "duetime.environment" -}}
{{- $kafka := .root.Values.kafka -}}
{{- $sasl := hasPrefix "SASL_" $kafka.security -}}
{{- $tls := hasSuffix "SSL" $kafka.security -}}
DUETIME_KAFKA_BOOTSTRAP_SERVERS: {{ join "," $kafka.bootstrapServers | quote }}
DUETIME_KAFKA_PARTITIONS: {{ $kafka.partitions | quote }}
DUETIME_KAFKA_REPLICATION: {{ $kafka.replication | quote }}
DUETIME_KAFKA_COMPRESSION: {{ $kafka.compression | quote }}
DUETIME_KAFKA_SECURITY: {{ $kafka.security | quote }}
{{- with $kafka.prefix }}
DUETIME_KAFKA_PREFIX: {{ . | quote }}
{{- end }}
{{- if $tls }}
DUETIME_KAFKA_TLS_CHECK_HOSTNAME: {{ $kafka.tls.checkHostname | quote }}
{{- if $kafka.tls.caSecret }}
DUETIME_KAFKA_TLS_CA_FILE: /etc/duetime/kafka-ca/ca.crt
{{- end }}
{{- if $kafka.tls.clientSecret }}
DUETIME_KAFKA_TLS_CERTIFICATE_FILE: /etc/duetime/kafka-client/tls.crt
DUETIME_KAFKA_TLS_KEY_FILE: /etc/duetime/kafka-client/tls.key
{{- end }}
{{- end }}
{{- if $sasl }}
DUETIME_KAFKA_SASL_MECHANISM: {{ $kafka.sasl.mechanism | quote }}
{{- if eq $kafka.sasl.mechanism "AWS_MSK_IAM" }}
DUETIME_KAFKA_AWS_REGION: {{ $kafka.awsRegion | quote }}
{{- else if eq $kafka.sasl.mechanism "OAUTHBEARER" }}
DUETIME_KAFKA_OAUTH_TOKEN_URL: {{ $kafka.oauth.tokenUrl | quote }}
DUETIME_KAFKA_OAUTH_SCOPE: {{ $kafka.oauth.scope | quote }}
DUETIME_KAFKA_OAUTH_CLIENT_SECRET_FILE: /etc/duetime/kafka/password
{{- else }}
DUETIME_KAFKA_SASL_PASSWORD_FILE: /etc/duetime/kafka/password
{{- end }}
{{- end }}
{{- if ne .role "topics" }}
DUETIME_HEALTH_HOST: {{ .root.Values.listenHost | quote }}
DUETIME_HEALTH_PORT: "9464"
DUETIME_LOG_FORMAT: json
DUETIME_LOG_LEVEL: {{ .root.Values.logLevel | quote }}
{{- end }}
{{- if has .role (list "api" "log-projector") }}
DUETIME_MONGO_URI_FILE: /etc/duetime/mongo/uri
DUETIME_MONGO_DATABASE: {{ .root.Values.mongo.database | quote }}
{{- if .root.Values.mongo.caSecret }}
DUETIME_MONGO_TLS_CA_FILE: /etc/duetime/mongo-ca/ca.crt
{{- end }}
{{- end }}
{{- if eq .role "api" }}
DUETIME_API_HOST: {{ .root.Values.listenHost | quote }}
DUETIME_API_PORT: "3001"
DUETIME_API_CORS_ORIGINS: {{ include "duetime.origins" .root | quote }}
{{- with .root.Values.services.api.hosts }}
DUETIME_API_HOSTS: {{ join "," . | quote }}
{{- end }}
{{- end }}
{{- if eq .role "timer" }}
DUETIME_TIMER_INDEX_DIR: /var/lib/duetime/index
{{- end }}
{{- if eq .role "executor" }}
{{- $executor := .root.Values.services.executor }}
{{- with $executor.concurrency }}
DUETIME_EXECUTOR_CONCURRENCY: {{ . | quote }}
{{- end }}
{{- with $executor.actions }}
DUETIME_EXECUTOR_ACTIONS: {{ join "," . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What is read from a secret into a variable, because no file is taken for it. */}}
{{- define "duetime.secretEnvironment" -}}
{{- $kafka := .Values.kafka -}}
{{- if and (hasPrefix "SASL_" $kafka.security) (ne $kafka.sasl.mechanism "AWS_MSK_IAM") -}}
- name: {{ ternary "DUETIME_KAFKA_OAUTH_CLIENT_ID" "DUETIME_KAFKA_SASL_USERNAME" (eq $kafka.sasl.mechanism "OAUTHBEARER") }}
  valueFrom:
    secretKeyRef:
      name: {{ $kafka.sasl.existingSecret }}
      key: {{ $kafka.sasl.usernameKey }}
{{- end -}}
{{- end -}}

{{/* The secrets that are mounted. Takes root, role; gives a list of {name, secret, key, file}. */}}
{{- define "duetime.secretFiles" -}}
{{- $kafka := .root.Values.kafka -}}
{{- $mongo := .root.Values.mongo -}}
{{- $files := list -}}
{{- if and (hasPrefix "SASL_" $kafka.security) (ne $kafka.sasl.mechanism "AWS_MSK_IAM") -}}
{{- $files = append $files (dict "name" "kafka" "secret" $kafka.sasl.existingSecret "keys" (dict $kafka.sasl.passwordKey "password")) -}}
{{- end -}}
{{- if hasSuffix "SSL" $kafka.security -}}
{{- with $kafka.tls.caSecret -}}
{{- $files = append $files (dict "name" "kafka-ca" "secret" . "keys" (dict $kafka.tls.caKey "ca.crt")) -}}
{{- end -}}
{{- with $kafka.tls.clientSecret -}}
{{- $files = append $files (dict "name" "kafka-client" "secret" . "keys" (dict "tls.crt" "tls.crt" "tls.key" "tls.key")) -}}
{{- end -}}
{{- end -}}
{{- if has .role (list "api" "log-projector") -}}
{{- $files = append $files (dict "name" "mongo" "secret" $mongo.existingSecret "keys" (dict $mongo.uriKey "uri")) -}}
{{- with $mongo.caSecret -}}
{{- $files = append $files (dict "name" "mongo-ca" "secret" . "keys" (dict $mongo.caKey "ca.crt")) -}}
{{- end -}}
{{- end -}}
{{- toYaml (dict "files" $files) -}}
{{- end -}}

{{- define "duetime.volumes" -}}
- name: tmp
  emptyDir:
    medium: Memory
    sizeLimit: 16Mi
{{- if eq .role "timer" }}
- name: state
  emptyDir:
    sizeLimit: {{ .root.Values.services.timer.indexSize }}
{{- end }}
{{- range (include "duetime.secretFiles" . | fromYaml).files }}
- name: {{ .name }}
  secret:
    secretName: {{ .secret }}
    defaultMode: 288 # r--r-----: the group is the process's own
    items:
      {{- range $key, $path := .keys }}
      - key: {{ $key }}
        path: {{ $path }}
      {{- end }}
{{- end }}
{{- end -}}

{{- define "duetime.volumeMounts" -}}
- name: tmp
  mountPath: /tmp
{{- if eq .role "timer" }}
- name: state
  mountPath: /var/lib/duetime
{{- end }}
{{- range (include "duetime.secretFiles" . | fromYaml).files }}
- name: {{ .name }}
  mountPath: /etc/duetime/{{ .name }}
  readOnly: true
{{- end }}
{{- end -}}

{{/* Origins whose pages may call the api. */}}
{{- define "duetime.origins" -}}
{{- $api := .Values.services.api -}}
{{- if $api.corsOrigins -}}
{{- join "," $api.corsOrigins -}}
{{- else if and .Values.ingress.enabled .Values.ingress.page.host -}}
{{- printf "%s://%s" (ternary "https" "http" (ne .Values.ingress.page.tlsSecret "")) .Values.ingress.page.host -}}
{{- end -}}
{{- end -}}

{{/* Where browsers find the API. */}}
{{- define "duetime.apiUrl" -}}
{{- if .Values.page.apiUrl -}}
{{- .Values.page.apiUrl -}}
{{- else if and .Values.ingress.enabled .Values.ingress.api.host -}}
{{- printf "%s://%s" (ternary "https" "http" (ne .Values.ingress.api.tlsSecret "")) .Values.ingress.api.host -}}
{{- end -}}
{{- end -}}

{{- define "duetime.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "duetime.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
