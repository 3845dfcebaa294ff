import { NextResponse, type NextRequest } from 'next/server'
import { takeOrMakeTrace, TRACE_HEADER } from './lib/trace.ts'

/** Gives each request its trace identifier: inwards to the page, outwards in the answer. */
export function proxy(request: NextRequest): NextResponse {
  const traceId = takeOrMakeTrace(request.headers.get(TRACE_HEADER))
  const headers = new Headers(request.headers)
  headers.set(TRACE_HEADER, traceId)
  const response = NextResponse.next({ request: { headers } })
  response.headers.set(TRACE_HEADER, traceId)
  return response
}

export const config = { matcher: '/((?!_next/).*)' }
