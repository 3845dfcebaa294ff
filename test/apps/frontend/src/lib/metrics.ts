import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client'

type Metrics = { registry: Registry; requests: Counter; durations: Histogram }

// The start-up hook and the routes are bundled apart; the process has one registry.
const shared = globalThis as typeof globalThis & { pawsMetrics?: Metrics }

/** The process's metrics (NFR-OBS-003). */
export function metrics(): Metrics {
  return (shared.pawsMetrics ??= create())
}

function create(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const labelNames = ['method', 'status', 'endpoint']
  return {
    registry,
    requests: new Counter({
      name: 'http_requests_total',
      help: 'Requests answered',
      labelNames,
      registers: [registry],
    }),
    durations: new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from a request to the end of its answer',
      labelNames,
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers: [registry],
    }),
  }
}

const ROUTES = new Set(['/', '/health', '/health/live', '/health/ready', '/metrics'])

/** The route of an address: addresses without end would be metrics without end. */
export function endpointOf(url: string): string {
  const path = url.split('?', 1)[0]
  if (ROUTES.has(path)) return path
  return path.startsWith('/_next/') ? '/_next' : 'other'
}
