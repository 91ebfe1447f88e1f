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
{{- $config := deepCopy .Values.config }}
{{- if .Values.policy }}{{ $_ := set $config "policy" "policy.yaml" }}{{ end }}
{{- toYaml $config }}
{{- end }}
