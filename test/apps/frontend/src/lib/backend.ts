import { log } from './log.ts'
import { TRACE_HEADER } from './trace.ts'

export type Course = {
  id: number
  code: string
  title: string
  department: string
  capacity: number
  enrolled: number
}

export type Source = 'HIT' | 'MISS' | 'BYPASS'

export type CourseList = { ok: true; courses: Course[]; source: Source } | { ok: false; message: string }

export type EnrolResult = { ok: boolean; message: string }

const LIST_TIMEOUT_MS = 5000
const NOT_REACHED = 'The course service cannot be reached at the moment. Please try again shortly.'

function backendUrl(path: string): string {
  return (process.env.BACKEND_URL ?? 'http://backend:8080').replace(/\/+$/, '') + path
}

/** Asks the backend on behalf of a request. */
export function askBackend(path: string, traceId: string, init: RequestInit = {}, timeoutMs = LIST_TIMEOUT_MS): Promise<Response> {
  return fetch(backendUrl(path), {
    ...init,
    cache: 'no-store',
    headers: { accept: 'application/json', [TRACE_HEADER]: traceId, ...init.headers },
    signal: AbortSignal.timeout(timeoutMs),
  })
}

/** The courses that match the text, and whether the backend had them in its cache. */
export async function listCourses(text: string, traceId: string): Promise<CourseList> {
  try {
    const response = await askBackend(`/api/courses?q=${encodeURIComponent(text)}`, traceId)
    if (!response.ok) {
      const message = await problemOf(response)
      log('WARN', 'Courses could not be listed', traceId, { status: response.status, reason: message })
      return { ok: false, message }
    }
    return {
      ok: true,
      courses: (await response.json()) as Course[],
      source: (response.headers.get('x-cache') ?? 'BYPASS') as Source,
    }
  } catch (error) {
    log('WARN', 'Courses could not be listed', traceId, { reason: reasonOf(error) })
    return { ok: false, message: NOT_REACHED }
  }
}

/** Takes a seat in a course for a student. */
export async function enrolStudent(course: number, student: string, traceId: string): Promise<EnrolResult> {
  try {
    const response = await askBackend(`/api/courses/${course}/enrolments`, traceId, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ student }),
    }, 2 * LIST_TIMEOUT_MS)
    if (!response.ok) {
      return { ok: false, message: await problemOf(response) }
    }
    return { ok: true, message: `${student} is enrolled.` }
  } catch (error) {
    log('WARN', 'Enrolment failed', traceId, { reason: reasonOf(error) })
    return { ok: false, message: NOT_REACHED }
  }
}

/** What an RFC 9457 answer says of the failure. */
async function problemOf(response: Response): Promise<string> {
  const problem = (await response.json().catch(() => null)) as { detail?: unknown } | null
  return typeof problem?.detail === 'string' ? problem.detail + '.' : `The course service answered ${response.status}.`
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? cause.message || cause.name : String(cause)
}
