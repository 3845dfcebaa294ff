import packageJson from '../../package.json' with { type: 'json' }

export type Dependency = { status: 'UP' | 'DOWN'; response_time_ms: number; message?: string }

/**
 * What the health endpoints answer (NFR-OBS-004). The frontend serves its page,
 * with a message, also when the backend is down: that makes it degraded, not down.
 */
export function healthBody(now: Date, uptimeSeconds: number, backend?: Dependency) {
  return {
    status: backend && backend.status !== 'UP' ? 'DEGRADED' : 'UP',
    service: 'frontend',
    version: packageJson.version,
    uptime_seconds: Math.floor(uptimeSeconds),
    ...(backend && { dependencies: { backend } }),
    timestamp: now.toISOString().replace(/\.\d+Z$/, 'Z'),
  }
}
