import { describe, expect, test } from 'vitest'
import { nodeNameProblem, parseNodeName } from '../../src/term/node-name.js'

describe('names that Erlang and we take', () => {
  test.each([
    ['one@127.0.0.1', 'one', '127.0.0.1'],
    ['_-a@127.0.0.1', '_-a', '127.0.0.1'],
    ['One2@shop.example.org', 'One2', 'shop.example.org'],
    ['a@localhost', 'a', 'localhost'],
    ['a@::1', 'a', '::1'],
    ['a@x_y.z', 'a', 'x_y.z'],
    [`a@${'h'.repeat(253)}`, 'a', 'h'.repeat(253)],
  ])('%s', (name, alive, host) => {
    expect(parseNodeName(name)).toEqual({ alive, host })
    expect(nodeNameProblem(name)).toBeUndefined()
  })
})

describe('names that are refused, each with the reason', () => {
  test.each([
    ['', 'is empty'],
    ['one', 'has no @'],
    ['one@', 'has no host'],
    ['@host', 'nothing before its @'],
    ['one@two@three', 'more than one @'],
    ['a.b@host', 'has "." before its @'],
    ['a b@host', 'has " " before its @'],
    ['ä@host', 'has "ä" before its @'],
    ['../x@host', 'has "." before its @'],
    ['x/y@host', 'has "/" before its @'],
    ['one@../../etc', 'has "/" in its host'],
    ['one@..', "has '..' in its host"],
    ['one@a..b', "has '..' in its host"],
    ['one@.', "has a '.' at an end"],
    ['one@.host', "has a '.' at an end"],
    ['one@host.', "has a '.' at an end"],
    ['one@a\\b', 'has "\\\\" in its host'],
    ['one@host\n', 'has "\\n" in its host'],
    ['one@\u0000', 'has "\\u0000" in its host'],
    ['one@ho st', 'has " " in its host'],
    ['one@müller', 'has "ü" in its host'],
    ['one@[::1]', 'has "[" in its host'],
    ['one@a,URI:reign:two@h', 'more than one @'],
    ['one@a,b', 'has "," in its host'],
    ['one@😀', 'has "😀" in its host'],
    [`a@${'h'.repeat(254)}`, 'has 256 characters; the limit is 255'],
  ])('%j', (name, reason) => {
    expect(nodeNameProblem(name)).toContain(reason)
    expect(() => parseNodeName(name)).toThrow(expect.objectContaining({ code: 'ERR_REIGN_NODE_NAME' }))
    expect(() => parseNodeName(name)).toThrow(reason)
  })

  test.each([[undefined], [null], [7], [{}]])('a value that is no text: %s', (value) => {
    expect(nodeNameProblem(value)).toContain('is not a text')
    expect(() => parseNodeName(value as never)).toThrow('not a node name: it is not a text')
  })

  test('the error shows the name with its control characters escaped', () => {
    const caught = (() => {
      try {
        parseNodeName('one@\u001b]0;x\u0007\u009b\u202e')
      } catch (error) {
        return (error as Error).message
      }
      return ''
    })()
    expect(caught).toContain('\\u001b]0;x\\u0007\\u009b\\u202e')
    expect(caught).toMatch(/^[\x20-\x7e]*$/)
  })
})
