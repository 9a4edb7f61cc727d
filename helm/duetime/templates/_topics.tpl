{{/* A pod that runs `duetime topics VERB`. Takes root, verb, restartPolicy. */}}
{{- define "duetime.topicsPod" -}}
{{- $about := dict "root" .root "role" "topics" -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
# It runs before the chart's own account exists.
serviceAccountName: {{ ternary "default" (include "duetime.serviceAccount" .root) .root.Values.serviceAccount.create }}
automountServiceAccountToken: false
enableServiceLinks: false
restartPolicy: {{ .restartPolicy }}
securityContext:
  {{- include "duetime.podSecurity" .root | nindent 2 }}
containers:
  - name: topics
    image: {{ include "duetime.image" (dict "root" .root "image" .root.Values.image) }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    args: [topics, {{ .verb }}]
    # Here and not in a ConfigMap, which would not exist yet.
    env:
      {{- range $name, $value := include "duetime.environment" $about | fromYaml }}
      - name: {{ $name }}
        value: {{ $value | quote }}
      {{- end }}
      {{- with include "duetime.secretEnvironment" .root }}
      {{- . | nindent 6 }}
      {{- end }}
    securityContext:
      {{- include "duetime.containerSecurity" .root | nindent 6 }}
    resources:
      {{- toYaml .root.Values.topics.resources | nindent 6 }}
    volumeMounts:
      {{- include "duetime.volumeMounts" $about | nindent 6 }}
volumes:
  {{- include "duetime.volumes" $about | nindent 2 }}
{{- end -}}
