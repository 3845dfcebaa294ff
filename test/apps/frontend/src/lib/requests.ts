import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { log } from './log.ts'
import { endpointOf, metrics } from './metrics.ts'
import { TRACE_HEADER } from './trace.ts'

type Exchange = { request: IncomingMessage; response: ServerResponse }

/** Logs and counts every answer, through the channels that Node's HTTP server publishes. */
export function observeRequests(): void {
  const started = new WeakMap<object, number>()
  subscribe('http.server.request.start', (message) => {
    started.set((message as Exchange).request, performance.now())
  })
  subscribe('http.server.response.finish', (message) => {
    const { request, response } = message as Exchange
    const milliseconds = performance.now() - (started.get(request) ?? performance.now())
    tell(request, response, milliseconds)
  })
}

function tell(request: IncomingMessage, response: ServerResponse, milliseconds: number): void {
  const endpoint = endpointOf(request.url ?? '')
  const labels = { method: request.method ?? '', status: String(response.statusCode), endpoint }
  metrics().requests.inc(labels)
  metrics().durations.observe(labels, milliseconds / 1000)
  // Probes, scrapes and files come often and say nothing new.
  if (endpoint === '/' || response.statusCode >= 500) {
    log('INFO', `${labels.method} ${endpoint} answered ${labels.status}`, String(response.getHeader(TRACE_HEADER) ?? ''), {
      method: labels.method,
      path: (request.url ?? '').split('?', 1)[0],
      status: response.statusCode,
      duration_ms: Math.round(milliseconds),
    })
  }
}
