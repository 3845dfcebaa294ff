import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { enrolStudent, listCourses } from '../src/lib/backend.ts'

async function withBackend(answer: RequestListener, use: () => Promise<void>): Promise<void> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  process.env.BACKEND_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  try {
    await use()
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

test('lists courses with the trace passed on and the source told', async () => {
  let seen = {}
  await withBackend((request, response) => {
    seen = { url: request.url, trace: request.headers['x-trace-id'] }
    response.setHeader('x-cache', 'HIT').end('[{"id":1}]')
  }, async () => {
    assert.deepEqual(await listCourses('data & more', 'trace-0001'), { ok: true, courses: [{ id: 1 }], source: 'HIT' })
    assert.deepEqual(seen, { url: '/api/courses?q=data%20%26%20more', trace: 'trace-0001' })
  })
})

test('tells what the backend says of its failure', async () => {
  await withBackend((_, response) => {
    response.statusCode = 503
    response.end('{"detail":"The database does not answer at the moment"}')
  }, async () => {
    assert.deepEqual(await listCourses('', 'trace-0002'), { ok: false, message: 'The database does not answer at the moment.' })
  })
})

test('an answer that is no problem document is told by its status', async () => {
  await withBackend((_, response) => {
    response.statusCode = 502
    response.end('<html>')
  }, async () => {
    assert.deepEqual(await listCourses('', 'trace-0003'), { ok: false, message: 'The course service answered 502.' })
  })
})

test('a backend that is not there is told, not thrown', async () => {
  process.env.BACKEND_URL = 'http://127.0.0.1:1'
  const list = await listCourses('', 'trace-0004')
  assert.equal(list.ok, false)
  assert.match((await enrolStudent(1, 'Ada', 'trace-0004')).message, /cannot be reached/)
})

test('enrols, and passes a refusal on', async () => {
  const bodies: string[] = []
  await withBackend(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    bodies.push(body)
    response.statusCode = bodies.length === 1 ? 201 : 409
    response.end(bodies.length === 1 ? '{}' : '{"detail":"The course is full"}')
  }, async () => {
    assert.deepEqual(await enrolStudent(7, 'Ada', 'trace-0005'), { ok: true, message: 'Ada is enrolled.' })
    assert.deepEqual(await enrolStudent(7, 'Bob', 'trace-0005'), { ok: false, message: 'The course is full.' })
    assert.deepEqual(bodies, ['{"student":"Ada"}', '{"student":"Bob"}'])
  })
})
