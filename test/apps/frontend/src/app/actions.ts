'use server'

import { revalidatePath } from 'next/cache'
import { headers } from 'next/headers'
import { enrolStudent, type EnrolResult } from '../lib/backend.ts'
import { takeOrMakeTrace, TRACE_HEADER } from '../lib/trace.ts'

/** What the form shows after it was sent. */
export type EnrolState = (EnrolResult & { course: string; student: string }) | null

/** Takes the form's student into the form's course. */
export async function enrol(_before: EnrolState, form: FormData): Promise<EnrolState> {
  const traceId = takeOrMakeTrace((await headers()).get(TRACE_HEADER))
  const course = String(form.get('course') ?? '')
  const student = String(form.get('student') ?? '').trim()
  const fail = (message: string): EnrolState => ({ ok: false, message, course, student })
  if (!/^\d{1,18}$/.test(course)) return fail('Choose a course.')
  if (student === '' || student.length > 100) return fail('Give a name of 1 to 100 characters.')

  const result = await enrolStudent(Number(course), student, traceId)
  revalidatePath('/')
  return { ...result, course, student: result.ok ? '' : student }
}
