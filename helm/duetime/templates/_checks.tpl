{{/* What the schema cannot say, because it is about several values at once. */}}
{{- define "duetime.checks" -}}
{{- $kafka := .Values.kafka -}}
{{- if hasPrefix "SASL_" $kafka.security -}}
{{- if eq $kafka.sasl.mechanism "AWS_MSK_IAM" -}}
{{- if not $kafka.awsRegion -}}
{{- fail "kafka.awsRegion is needed with AWS_MSK_IAM" -}}
{{- end -}}
{{- if and .Values.topics.enabled .Values.serviceAccount.create -}}
{{- fail "with AWS_MSK_IAM the topics' hook needs a service account that is there before the chart: create it with its role, and set serviceAccount.create=false and serviceAccount.name" -}}
{{- end -}}
{{- else if not $kafka.sasl.existingSecret -}}
{{- fail (printf "kafka.sasl.existingSecret is needed with %s and %s" $kafka.security $kafka.sasl.mechanism) -}}
{{- end -}}
{{- if and (eq $kafka.sasl.mechanism "OAUTHBEARER") (not $kafka.oauth.tokenUrl) -}}
{{- fail "kafka.oauth.tokenUrl is needed with OAUTHBEARER" -}}
{{- end -}}
{{- end -}}
{{- range $role, $service := .Values.services -}}
{{- $most := ternary $service.autoscaling.maxReplicas $service.replicas $service.autoscaling.enabled -}}
{{- if and (has $role (list "executor" "log-projector")) (gt (int $most) (int $kafka.partitions)) -}}
{{- fail (printf "services.%s may have %d replicas, but only %d can have a partition (kafka.partitions)" $role (int $most) (int $kafka.partitions)) -}}
{{- end -}}
{{- if and $service.autoscaling.enabled (gt (int $service.autoscaling.minReplicas) (int $service.autoscaling.maxReplicas)) -}}
{{- fail (printf "services.%s.autoscaling: minReplicas is above maxReplicas" $role) -}}
{{- end -}}
{{- end -}}
{{- if .Values.ingress.enabled -}}
{{- if not .Values.ingress.api.host -}}
{{- fail "ingress.api.host is needed with ingress.enabled" -}}
{{- end -}}
{{- if and .Values.page.enabled (not .Values.ingress.page.host) -}}
{{- fail "ingress.page.host is needed with ingress.enabled and page.enabled" -}}
{{- end -}}
{{- end -}}
{{- end -}}
