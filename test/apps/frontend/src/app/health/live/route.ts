import { healthBody } from '../../../lib/health.ts'

export const dynamic = 'force-dynamic'

export function GET(): Response {
  return Response.json(healthBody(new Date(), process.uptime()))
}
