import { expect, test } from 'vitest'
import { StandardError, type WriteSome } from '../../src/cluster/standard-error.js'

/** What a system takes: so many bytes of each write, or an error; all of it when the list is at its end. */
function system(...answers: readonly (number | string)[]): {
  write: WriteSome
  written: () => string
  asked: () => number
} {
  const left = [...answers]
  const taken: Uint8Array[] = []
  let asked = 0
  const write: WriteSome = (bytes) => {
    asked++
    const answer = left.shift() ?? bytes.length
    if (typeof answer === 'string') throw Object.assign(new Error(answer), { code: answer })
    taken.push(bytes.slice(0, answer))
    return Math.min(answer, bytes.length)
  }
  return { write, written: () => Buffer.concat(taken).toString(), asked: () => asked }
}

test('a line is written at once, in as many parts as the system wants', () => {
  const { write, written } = system(2, 1)
  new StandardError(write).write('héllo\n')
  expect(written()).toBe('héllo\n')
})

test.each(['ENOSPC', 'EPIPE'])('what is refused with %s is thrown, and nothing of it is written later', (code) => {
  const { write, written } = system(code)
  const error = new StandardError(write)
  expect(() => error.write('lost\n')).toThrow(code)
  error.write('next\n')
  expect(written()).toBe('next\n')
})

test('a line of which the beginning is written is written to its end before anything else is', () => {
  const { write, written } = system(3, 'ENOSPC', 'ENOSPC', 2, 'ENOSPC')
  const error = new StandardError(write)
  error.write('12345678\n')
  expect(written()).toBe('123')
  for (const line of ['lost\n', 'lost\n']) expect(() => error.write(line)).toThrow('ENOSPC')
  expect(written()).toBe('12345')
  error.write('next\n')
  expect(written()).toBe('12345678\nnext\n')
})

test('a reader that reads is waited for; one that does not, once', () => {
  const patient = system('EAGAIN', 'EAGAIN', 'EAGAIN')
  new StandardError(patient.write).write('read\n')
  expect(patient.written()).toBe('read\n')

  const stuck = system(...Array<string>(1_000).fill('EAGAIN'))
  const error = new StandardError(stuck.write)
  expect(() => error.write('lost\n')).toThrow('EAGAIN')
  const asked = stuck.asked()
  expect(asked).toBeGreaterThan(1)
  expect(() => error.write('lost\n')).toThrow('EAGAIN')
  expect(stuck.asked()).toBe(asked + 1)
})
