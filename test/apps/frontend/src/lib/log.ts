type Level = 'INFO' | 'WARN' | 'ERROR'

/** Writes one line of JSON, as NFR-OBS-001 has it. */
export function log(level: Level, message: string, traceId = '', fields: Record<string, unknown> = {}): void {
  process.stdout.write(
    JSON.stringify({
      timestamp: new Date().toISOString(),
      level,
      service: 'frontend',
      trace_id: traceId,
      message,
      ...fields,
    }) + '\n',
  )
}
