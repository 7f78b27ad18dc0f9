{{/* Names and labels */}}
{{- define "windlass.name" -}}
{{- if contains .Chart.Name .Release.Name -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "windlass.selector" -}}
app.kubernetes.io/name: windlass
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "windlass.labels" -}}
{{ include "windlass.selector" . }}
app.kubernetes.io/part-of: windlass
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "windlass.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "windlass.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "windlass.name" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{/* A value as TOML: scalars and lists of scalars are written as in JSON, maps as inline tables */}}
{{- define "windlass.toml" -}}
{{- if kindIs "map" . -}}
{{- $parts := list -}}
{{- range $key := keys . | sortAlpha -}}
{{- $parts = append $parts (printf "%s = %s" (include "windlass.tomlKey" $key) (include "windlass.toml" (get $ $key))) -}}
{{- end -}}
{ {{ join ", " $parts }} }
{{- else if kindIs "slice" . -}}
{{- $parts := list -}}
{{- range $item := . -}}{{- $parts = append $parts (include "windlass.toml" $item) -}}{{- end -}}
[{{ join ", " $parts }}]
{{- else if kindIs "invalid" . -}}
{{- fail "windlass: a value of windlass.toml is null; leave the key out instead" -}}
{{- else -}}
{{- toJson . -}}
{{- end -}}
{{- end -}}

{{- define "windlass.tomlKey" -}}
{{- if regexMatch "^[A-Za-z0-9_-]+$" . -}}{{ . }}{{- else -}}{{ toJson . }}{{- end -}}
{{- end -}}

{{/* One table: {name, table} */}}
{{- define "windlass.table" -}}
{{ .header }}
{{- range $key := keys .table | sortAlpha }}
{{ include "windlass.tomlKey" $key }} = {{ include "windlass.toml" (get $.table $key) }}
{{- end }}
{{- end -}}

{{/* A worker with the defaults below its own keys, as JSON: {root, worker} */}}
{{- define "windlass.worker" -}}
{{- $merged := mergeOverwrite (deepCopy .root.Values.workerDefaults) (deepCopy .worker) -}}
{{- toJson $merged -}}
{{- end -}}

{{/*
The least terminationGracePeriodSeconds of a merged worker, from the settings that the worker itself gets:
  wait_s   a long poll that is on the wire when SIGTERM comes
  drain_s  what running handlers get
  flush_s  the last deletes and releases
  5 s to spare (the worker itself needs 3)
  The same for every kind: the timers of an aggregation stop at the same time as its source queue, and in no more time.
*/}}
{{- define "windlass.leastGrace" -}}
{{- $s := .settings -}}
{{- addf $s.wait_s $s.drain_s $s.flush_s 5 | ceil | int -}}
{{- end -}}

{{- define "windlass.grace" -}}
{{- $least := include "windlass.leastGrace" . | int -}}
{{- $given := .terminationGracePeriodSeconds | int -}}
{{- if and $given (lt $given $least) -}}
{{- fail (printf "windlass: worker %s: terminationGracePeriodSeconds = %d is less than the %d s that wait_s = %v, drain_s = %v and flush_s = %v need: handlers would be killed in the middle. Raise it, leave it 0 to have it computed, or lower drain_s." .name $given $least .settings.wait_s .settings.drain_s .settings.flush_s) -}}
{{- end -}}
{{- $given | default $least -}}
{{- end -}}

{{/* Everything about a merged worker that contradicts itself: {root, worker} */}}
{{- define "windlass.lint" -}}
{{- $w := .worker -}}{{- $s := $w.settings -}}{{- $v := .root.Values -}}
{{- if lt ($s.drain_s | float64) (addf $s.wait_s 1) -}}
{{- fail (printf "windlass: worker %s: drain_s = %v ends before a long poll of wait_s = %v that is on the wire at SIGTERM; set drain_s to wait_s + 1 or more" $w.name $s.drain_s $s.wait_s) -}}
{{- end -}}
{{- if lt ($s.read_timeout_s | float64) (addf $s.wait_s 10) -}}
{{- fail (printf "windlass: worker %s: read_timeout_s = %v is less than wait_s + 10 = %v" $w.name $s.read_timeout_s (addf $s.wait_s 10)) -}}
{{- end -}}
{{- $visibility := $s.visibility_s | default (get (dict "consume" 60 "pipeline" 120 "aggregate" 60) $w.kind) -}}
{{- if le ($visibility | float64) ($s.read_timeout_s | float64) -}}
{{- fail (printf "windlass: worker %s: visibility_s = %v is not above read_timeout_s = %v" $w.name $visibility $s.read_timeout_s) -}}
{{- end -}}
{{- if eq $w.kind "consume" -}}
{{- if not (and $s.queue $s.handler) -}}{{- fail (printf "windlass: worker %s: a consume worker needs settings.queue and settings.handler" $w.name) -}}{{- end -}}
{{- if $w.entries -}}{{- fail (printf "windlass: worker %s: entries belong to pipeline and aggregate workers" $w.name) -}}{{- end -}}
{{- else -}}
{{- if not $w.entries -}}{{- fail (printf "windlass: worker %s: a %s worker needs entries, the [[%s]] tables" $w.name $w.kind $w.kind) -}}{{- end -}}
{{- $queues := dict -}}{{- range $e := $w.entries -}}{{- $_ := set $queues ($e.queue | default "") true -}}{{- end -}}
{{- if or (gt (len $queues) 1) (hasKey $queues "") -}}{{- fail (printf "windlass: worker %s: its entries must all have one and the same queue: a health port serves one" $w.name) -}}{{- end -}}
{{- range $bad := list "queue" "handler" "name" -}}{{- if hasKey $s $bad -}}{{- fail (printf "windlass: worker %s: settings.%s is taken from the entries of a %s worker" $w.name $bad $w.kind) -}}{{- end -}}{{- end -}}
{{- end -}}
{{- if hasKey $s "grace_s" -}}{{- fail (printf "windlass: worker %s: grace_s is set by the chart, to terminationGracePeriodSeconds" $w.name) -}}{{- end -}}
{{- if eq $v.database.kind "sqlite" -}}
{{- if eq ($s.idempotency | default "") "store" -}}{{- fail (printf "windlass: worker %s: idempotency = store needs database.kind = postgresql: with sqlite no two pods share a store" $w.name) -}}{{- end -}}
{{- range $e := $w.entries -}}{{- if and (eq $w.kind "aggregate") (not $e.table) -}}{{- fail (printf "windlass: worker %s: rule %s needs table and timers (DynamoDB and SQS), or database.kind = postgresql: with sqlite no two pods share a store" $w.name $e.name) -}}{{- end -}}{{- end -}}
{{- end -}}
{{- if and $w.keda.enabled (not (regexMatch "^https://[^/]+/[0-9]{12}/[A-Za-z0-9_-]+(\\.fifo)?$" ($w.queueUrl | default ""))) -}}
{{- fail (printf "windlass: worker %s: KEDA needs queueUrl, the URL of its queue" $w.name) -}}
{{- end -}}
{{- if and $w.keda.enabled (eq $w.kind "aggregate") (lt ($w.keda.minReplicas | int) 1) -}}
{{- fail (printf "windlass: worker %s: keda.minReplicas must be 1 or more: timers fire when the source queue has long been empty" $w.name) -}}
{{- end -}}
{{- if lt ($w.keda.maxReplicas | int) ($w.keda.minReplicas | int) -}}
{{- fail (printf "windlass: worker %s: keda.maxReplicas is less than keda.minReplicas" $w.name) -}}
{{- end -}}
{{- end -}}

{{/* What of the chart contradicts itself */}}
{{- define "windlass.lintAll" -}}
{{- $v := .Values -}}
{{- if and (eq $v.identity.mode "irsa") $v.serviceAccount.create (not $v.identity.roleArn) -}}{{- fail "windlass: identity.mode = irsa needs identity.roleArn" -}}{{- end -}}
{{- if and (eq $v.identity.mode "podIdentity") $v.identity.roleArn -}}{{- fail "windlass: with identity.mode = podIdentity the role is named by the association in EKS, not by identity.roleArn" -}}{{- end -}}
{{- if and (eq $v.identity.mode "podIdentity") (eq $v.keda.identityOwner "workload") -}}{{- fail "windlass: keda.identityOwner = workload reads the ServiceAccount's role annotation, which Pod Identity has not; use keda, or keda.roleArn" -}}{{- end -}}
{{- if and (eq $v.database.kind "sqlite") (gt ($v.console.replicas | int) 1) -}}{{- fail "windlass: with database.kind = sqlite there is one console" -}}{{- end -}}
{{- if and (eq $v.database.kind "sqlite") (not $v.console.enabled) (ne $v.collector.mode "off") -}}{{- fail "windlass: with database.kind = sqlite the collector runs beside the console: enable it, or set collector.mode = off" -}}{{- end -}}
{{- if and (ne $v.database.kind "sqlite") (eq $v.collector.mode "sidecar") (not $v.console.enabled) -}}{{- fail "windlass: collector.mode = sidecar runs beside the console: enable it, or use cronjob" -}}{{- end -}}
{{- if and $v.monitoring.enabled $v.console.enabled (not $v.monitoring.consoleTokenSecret.name) -}}{{- fail "windlass: monitoring of the console needs monitoring.consoleTokenSecret.name: its /metrics wants a token" -}}{{- end -}}
{{- range $section := list "store" "console" "local" "consume" "pipeline" "aggregate" -}}{{- if hasKey $v.config $section -}}{{- fail (printf "windlass: config.%s is made by the chart from database, console and workers" $section) -}}{{- end -}}{{- end -}}
{{- $seen := dict -}}
{{- range $w := $v.workers -}}
{{- if hasKey $seen $w.name -}}{{- fail (printf "windlass: two workers are named %s" $w.name) -}}{{- end -}}{{- $_ := set $seen $w.name true -}}
{{- end -}}
{{- end -}}

{{/* cronjob, sidecar or off */}}
{{- define "windlass.collectorMode" -}}
{{- if and (eq .Values.database.kind "sqlite") (ne .Values.collector.mode "off") -}}sidecar{{- else -}}{{ .Values.collector.mode }}{{- end -}}
{{- end -}}

{{/* What every pod has */}}
{{- define "windlass.pod" -}}
serviceAccountName: {{ include "windlass.serviceAccount" . }}
automountServiceAccountToken: false
# Service links would put WINDLASS_CONSOLE_PORT=tcp://… and the like into the environment, which Windlass reads as settings.
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .Values.runAsUser }}
  runAsGroup: {{ .Values.runAsUser }}
  fsGroup: {{ .Values.runAsUser }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{- define "windlass.container" -}}
image: {{ include "windlass.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{- define "windlass.env" -}}
- name: WINDLASS_ENV
  value: {{ .Values.environment | quote }}
# Never the node's role, whatever the metadata service offers.
- name: AWS_EC2_METADATA_DISABLED
  value: "true"
- name: HOME
  value: /tmp
{{- if eq .Values.database.kind "postgresql" }}
- name: WINDLASS_STORE_URL
  valueFrom:
    secretKeyRef:
      name: {{ required "windlass: database.existingSecret.name is needed with postgresql" .Values.database.existingSecret.name }}
      key: {{ .Values.database.existingSecret.urlKey }}
{{- with .Values.database.existingSecret.passwordKey }}
- name: PGPASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ $.Values.database.existingSecret.name }}
      key: {{ . }}
{{- end }}
{{- else }}
- name: WINDLASS_STORE_URL
  value: sqlite:////var/lib/windlass/windlass.db
{{- end }}
{{- end -}}

{{- define "windlass.mounts" -}}
- name: config
  mountPath: /etc/windlass
  readOnly: true
- name: tmp
  mountPath: /tmp
- name: data
  mountPath: /var/lib/windlass
{{- end -}}

{{- define "windlass.spread" -}}
{{- if .root.Values.topologySpread.enabled }}
topologySpreadConstraints:
  {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: {{ $.root.Values.topologySpread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- include "windlass.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- end -}}

{{- define "windlass.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
