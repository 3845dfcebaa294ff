import { headers } from 'next/headers'
import { listCourses, type Course, type Source } from '../lib/backend.ts'
import { takeOrMakeTrace, TRACE_HEADER } from '../lib/trace.ts'
import { EnrolForm } from './enrol-form.tsx'

const SOURCES: Record<Source, string> = {
  HIT: 'Redis cache (hit)',
  MISS: 'PostgreSQL (cache miss)',
  BYPASS: 'PostgreSQL (cache not available)',
}

type Props = { searchParams: Promise<{ q?: string | string[] }> }

export default async function Page({ searchParams }: Props) {
  const { q } = await searchParams
  const text = (typeof q === 'string' ? q : '').slice(0, 100)
  const traceId = takeOrMakeTrace((await headers()).get(TRACE_HEADER))
  const list = await listCourses(text, traceId)
  return (
    <>
      <header className="top">
        <h1>PAWS360 <span>Courses</span></h1>
        <form role="search" className="search">
          <label htmlFor="q" className="hidden">Search the courses</label>
          <input id="q" name="q" type="search" defaultValue={text} maxLength={100} placeholder="Code, title or department" />
          <button type="submit" className="quiet">Search</button>
        </form>
      </header>
      <main id="main">
        {list.ok ? (
          <>
            <Courses courses={list.courses} text={text} />
            {list.courses.length > 0 && <EnrolForm courses={list.courses} />}
          </>
        ) : (
          <section className="card trouble" role="alert">
            <h2>Courses are not available</h2>
            <p>{list.message}</p>
            <p><a href="">Try again</a></p>
          </section>
        )}
      </main>
      <footer>
        <dl>
          <div><dt>Source</dt><dd id="source" data-source={list.ok ? list.source : 'NONE'}>{list.ok ? SOURCES[list.source] : 'none'}</dd></div>
          <div><dt>Trace</dt><dd><code id="trace">{traceId}</code></dd></div>
        </dl>
      </footer>
    </>
  )
}

function Courses({ courses, text }: { courses: Course[]; text: string }) {
  if (courses.length === 0) {
    return (
      <section className="card">
        <h2>No courses found</h2>
        <p>{text ? <>Nothing matches “{text}”. <a href="/">Show all courses</a></> : 'There are no courses yet.'}</p>
      </section>
    )
  }
  return (
    <section className="card">
      <table>
        <caption className="hidden">Courses and their seats</caption>
        <thead>
          <tr><th scope="col">Code</th><th scope="col">Course</th><th scope="col">Department</th><th scope="col">Seats taken</th></tr>
        </thead>
        <tbody>{courses.map((course) => <Row key={course.id} course={course} />)}</tbody>
      </table>
    </section>
  )
}

function Row({ course }: { course: Course }) {
  return (
    <tr data-course={course.code}>
      <td className="code">{course.code}</td>
      <th scope="row">{course.title}</th>
      <td>{course.department}</td>
      <td className="seats">
        <span>{`${course.enrolled} of ${course.capacity}`}</span>
        <meter min={0} max={course.capacity} value={course.enrolled} aria-hidden="true" />
      </td>
    </tr>
  )
}
