import assert from 'node:assert/strict'
import { test } from 'node:test'
import { healthBody } from '../src/lib/health.ts'

const now = new Date('2025-11-27T14:32:15.678Z')

test('the body is that of the requirement', () => {
  assert.deepEqual(healthBody(now, 3600.9, { status: 'UP', response_time_ms: 5 }), {
    status: 'UP',
    service: 'frontend',
    version: '1.0.0',
    uptime_seconds: 3600,
    dependencies: { backend: { status: 'UP', response_time_ms: 5 } },
    timestamp: '2025-11-27T14:32:15Z',
  })
})

test('without the backend the page still answers', () => {
  assert.equal(healthBody(now, 1, { status: 'DOWN', response_time_ms: 5 }).status, 'DEGRADED')
})

test('being alive depends on nothing', () => {
  assert.equal('dependencies' in healthBody(now, 1), false)
})
