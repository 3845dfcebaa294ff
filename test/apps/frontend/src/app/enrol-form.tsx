'use client'

import { useActionState } from 'react'
import type { Course } from '../lib/backend.ts'
import { enrol } from './actions.ts'

/** The form that enrols a student; it works without JavaScript too. */
export function EnrolForm({ courses }: { courses: Course[] }) {
  const [state, action, pending] = useActionState(enrol, null)
  const firstOpen = courses.find((course) => course.enrolled < course.capacity)?.id
  return (
    <form action={action} className="card enrol" aria-labelledby="enrol-title">
      <h2 id="enrol-title">Enrol a student</h2>
      <div className="fields">
        <label>
          Student
          <input name="student" required maxLength={100} autoComplete="off" defaultValue={state?.student}
            key={`student-${state?.message}`} aria-describedby="enrol-result" />
        </label>
        <label>
          Course
          <select name="course" required defaultValue={state?.course ?? firstOpen} key={`course-${state?.course}`}>
            {courses.map((course) => (
              <option key={course.id} value={course.id} disabled={course.enrolled >= course.capacity}>
                {`${course.code} · ${course.title}${course.enrolled >= course.capacity ? ' (full)' : ''}`}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" disabled={pending}>{pending ? 'Enrolling…' : 'Enrol'}</button>
      </div>
      <p id="enrol-result" role="status" className={state ? (state.ok ? 'result good' : 'result bad') : 'result'}>
        {state && (state.ok ? `✓ ${state.message}` : `✗ ${state.message}`)}
      </p>
    </form>
  )
}
