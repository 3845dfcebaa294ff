import assert from 'node:assert/strict'
import { test } from 'node:test'
import { takeOrMakeTrace } from '../src/lib/trace.ts'

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

for (const sent of ['550e8400-e29b-41d4-a716-446655440000', '4bf92f3577b34da6a3ce929d0e0e4736', 'e2e-run.1', 'a'.repeat(63)]) {
  test(`takes ${sent}`, () => assert.equal(takeOrMakeTrace(sent), sent))
}

for (const sent of [null, undefined, '', 'short', '-dash-first', 'has a space', 'new\nline-here', "quote'quote", 'a'.repeat(64)]) {
  test(`makes a UUID instead of ${JSON.stringify(sent)}`, () => assert.match(takeOrMakeTrace(sent), UUID_V4))
}
