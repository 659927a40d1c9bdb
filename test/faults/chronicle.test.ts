import { expect, test } from 'vitest'
import { faultIn } from './chronicle.js'

const [down, exit] = ['DOWN noconnection', 'EXIT noconnection']

test.each([
  [[]],
  [['up', 'met', '1..500']],
  [
    [
      'up',
      'met',
      '1..500',
      exit,
      down,
      'down net_tick_timeout',
      'up',
      '601..700',
      'down shutdown',
      'up',
      'met',
      '702..702',
    ],
  ],
  // What is not a promise: that the witnesses meet, and that the next connection goes on where the last one ended.
  [['up', '1..2', 'met', '3..4', 'down x', down, exit, 'up', '9..9']],
])('a log in which all promises are kept: %j', (log) => {
  expect(faultIn(log)).toBe(undefined)
})

test.each([
  ['a message before the news of its node', ['1..5', 'up'], /before any node was up/],
  ['a hole inside a connection', ['up', '1..5', '7..9'], /6 was to come, 7 came/],
  ['a message twice', ['up', '1..5', '5..6'], /5 had come|6 was to come/],
  ['a message of an earlier connection', ['up', '1..5', 'down x', 'up', '4..4'], /4 had come before/],
  ['a message behind the news of the loss', ['up', '1..5', 'down x', '6..6', 'up'], /a message came behind "down "/],
  ['a message behind a DOWN', ['up', 'met', '1..5', down, '6..6', exit, 'down x'], /a message came behind "DOWN/],
  ['a DOWN twice', ['up', 'met', down, down, exit, 'down x'], /2 times "DOWN/],
  ['no EXIT', ['up', 'met', down, 'down x'], /0 times "EXIT/],
  ['a DOWN that comes after the next connection', ['up', 'met', exit, 'down x', 'up', down], /0 times "DOWN/],
  ['a DOWN though the connection stands', ['up', 'met', down], /1 times "DOWN/],
  ['a loss that is told twice', ['up', 'down x', 'down x'], /told twice/],
  ['two connections, and no loss between', ['up', 'up'], /did not go between/],
])('%s is found', (_, log, fault) => {
  expect(faultIn(log)).toMatch(fault)
})
