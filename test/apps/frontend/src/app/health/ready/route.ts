import { readiness } from '../../../lib/probe.ts'

export const dynamic = 'force-dynamic'

export const GET = readiness
