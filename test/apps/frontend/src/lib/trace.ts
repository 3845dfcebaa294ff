/** The identifier that follows one request through every service (NFR-OBS-002). */
export const TRACE_HEADER = 'x-trace-id'

// The same that the backend accepts: it needs no escaping in logs, headers and databases.
const ACCEPTED = /^[A-Za-z0-9][A-Za-z0-9._-]{7,62}$/

/** The identifier that the caller sent, or a new one when it sent none that is acceptable. */
export function takeOrMakeTrace(sent: string | null | undefined): string {
  return sent && ACCEPTED.test(sent) ? sent : crypto.randomUUID()
}
