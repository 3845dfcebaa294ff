{{- define "pawskind.labels" -}}
app.kubernetes.io/name: pawskind
app.kubernetes.io/part-of: paws360
{{- end }}
