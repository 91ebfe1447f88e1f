{{- define "gateway.name" -}}{{ .Release.Name | trunc 50 | trimSuffix "-" }}-gateway{{- end }}
{{- define "gateway.selector" -}}
app.kubernetes.io/name: gateway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
{{- define "gateway.config" -}}
{{- $config := fromYaml .Values.config }}
{{- with $config.Error }}{{ fail (printf "config: %s" .) }}{{ end }}
{{- if and .Values.policy (ne (toString $config.policy) "policy.yaml") }}
{{- fail "config: with a policy it needs the line 'policy: policy.yaml'" }}
{{- end }}
{{- if and $config.policy (not .Values.policy) }}{{ fail "policy: config names one; give it with --set-file policy=FILE" }}{{ end }}
{{- .Values.config }}
{{- end }}
