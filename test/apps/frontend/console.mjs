// Loaded before the server: what Next.js itself says is logged as JSON too
// (NFR-OBS-001). The application's own lines are written by src/lib/log.ts.
import { format } from 'node:util'

for (const [method, level] of Object.entries({ log: 'INFO', info: 'INFO', warn: 'WARN', error: 'ERROR' })) {
  console[method] = (...args) => {
    const message = format(...args.map((arg) => (arg instanceof Error ? arg.message : arg))).trim()
    const failure = args.find((arg) => arg instanceof Error)
    if (message === '' && !failure) return
    process.stdout.write(
      JSON.stringify({
        timestamp: new Date().toISOString(),
        level,
        service: 'frontend',
        trace_id: '',
        message,
        ...(failure && { stack_trace: failure.stack }),
      }) + '\n',
    )
  }
}
