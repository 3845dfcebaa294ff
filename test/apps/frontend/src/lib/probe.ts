import { askBackend } from './backend.ts'
import { healthBody, type Dependency } from './health.ts'

const LIMIT_MS = 2000

/** Looks at the backend, in time for whoever asks for our own health. */
async function lookAtBackend(): Promise<Dependency> {
  const start = performance.now()
  const found = (status: Dependency['status'], message?: string): Dependency => ({
    status,
    response_time_ms: Math.round(performance.now() - start),
    ...(message && { message }),
  })
  try {
    const response = await askBackend('/health/ready', crypto.randomUUID(), {}, LIMIT_MS)
    await response.body?.cancel()
    return response.ok ? found('UP') : found('DOWN', `answers ${response.status}`)
  } catch {
    return found('DOWN', 'does not answer')
  }
}

/** The answer of /health and /health/ready. */
export async function readiness(): Promise<Response> {
  return Response.json(healthBody(new Date(), process.uptime(), await lookAtBackend()))
}
