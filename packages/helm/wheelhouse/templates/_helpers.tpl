{{- define "wheelhouse.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "wheelhouse.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "wheelhouse.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "wheelhouse.selector" -}}
app.kubernetes.io/name: {{ include "wheelhouse.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "wheelhouse.labels" -}}
{{ include "wheelhouse.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Backups of PostgreSQL are made by its own programs, which only the image of that stage holds. */}}
{{- define "wheelhouse.image" -}}
{{- $image := .Values.image -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag -}}
{{- if and .Values.backup.target (eq .Values.database.engine "postgres") -}}
{{- $image = default dict .Values.backup.image -}}
{{- if not $image.repository -}}
{{- fail "backup.target with database.engine=postgres needs backup.image.repository: the image with pg_dump and pg_restore, built with `docker build --target backup`; without it every backup would fail (docs/install.md)" -}}
{{- end -}}
{{- end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default $tag $image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "wheelhouse.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "wheelhouse.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "wheelhouse.databaseSecret" -}}
{{- default (printf "%s-database" (include "wheelhouse.fullname" .)) .Values.database.existingSecret -}}
{{- end -}}

{{/* What people type: as said, or what the ingress makes of it. */}}
{{- define "wheelhouse.publicUrl" -}}
{{- if .Values.publicUrl -}}
{{- .Values.publicUrl -}}
{{- else if .Values.ingress.enabled -}}
{{- printf "%s://%s" (ternary "https" "http" (ne .Values.ingress.tlsSecret "")) .Values.ingress.host -}}
{{- end -}}
{{- end -}}

{{/* The names under which other pods and the ingress ask, besides the public one. */}}
{{- define "wheelhouse.hosts" -}}
{{- $name := include "wheelhouse.fullname" . -}}
{{- $hosts := list $name (printf "%s.%s" $name .Release.Namespace) (printf "%s.%s.svc" $name .Release.Namespace) (printf "%s.%s.svc.cluster.local" $name .Release.Namespace) -}}
{{- if .Values.ingress.enabled -}}
{{- $hosts = append $hosts .Values.ingress.host -}}
{{- end -}}
{{- $server := default dict .Values.settings.server -}}
{{- join "," (concat $hosts (default list $server.allowed_hosts)) -}}
{{- end -}}

{{/* A value as the environment writes it: whole numbers without an exponent, lists with commas. */}}
{{- define "wheelhouse.setting" -}}
{{- if kindIs "slice" . -}}{{ join "," . }}{{- else if or (kindIs "float64" .) (kindIs "int64" .) -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}
