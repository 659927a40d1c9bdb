/** Who is in the chat: each coming and going is one line, in whichever order its news arrive. */
import { describe, expect, test } from 'vitest'
import { Attendance } from '../../src/cli/attendance.js'

class Room {
  readonly lines: string[] = []
  readonly attendance: Attendance = new Attendance((line) => this.lines.push(line))
  connected = new Set<string>()

  changed(...nodes: string[]): void {
    for (const node of nodes) this.connected.add(node)
    this.attendance.changed(nodes, (node) => this.connected.has(node))
  }

  /** What has been said since the last look. */
  said(): string[] {
    return this.lines.splice(0)
  }
}

describe('the attendance', () => {
  test('says who has come and who has left, once for each node', () => {
    const room = new Room()
    expect(room.attendance.isEmpty).toBe(true)
    room.changed('a', 'b', 'b')
    expect(room.said()).toEqual(['a is here', 'b is here'])
    room.changed('a', 'b')
    room.changed('b')
    expect(room.said()).toEqual(['a has left'])
    expect(room.attendance.isEmpty).toBe(false)
    room.changed()
    expect(room.said()).toEqual(['b has left'])
    expect(room.attendance.isEmpty).toBe(true)
  })

  test('says why a node was lost: its claims go first', () => {
    const room = new Room()
    room.changed('a')
    room.connected.delete('a')
    room.changed()
    expect(room.said()).toEqual(['a is here'])
    room.attendance.lost('a', 'connection_closed')
    expect(room.said()).toEqual(['a is lost: its connection broke'])
  })

  test('says why a node was lost: its loss is told first', () => {
    const room = new Room()
    room.changed('a', 'b')
    room.said()
    room.attendance.lost('a', 'net_tick_timeout')
    room.connected.delete('a')
    room.changed('b')
    expect(room.said()).toEqual(['a is lost: no sign of life'])
  })

  test('says nothing of nodes that were not in the chat, or had left it', () => {
    const room = new Room()
    room.attendance.lost('z', 'connection_closed')
    room.changed('a')
    room.changed()
    room.attendance.lost('a', 'connection_closed')
    expect(room.said()).toEqual(['a is here', 'a has left'])
  })

  test('does not take an old loss for the reason of a new one', () => {
    const room = new Room()
    room.changed('a')
    room.attendance.lost('a', 'overload')
    room.changed()
    room.changed('a')
    room.changed()
    expect(room.said()).toEqual([
      'a is here',
      'a is lost: it takes in less than is sent to it',
      'a is here',
      'a has left',
    ])
    room.changed('a')
    room.attendance.lost('a', 'some_other_word')
    room.changed()
    expect(room.said()).toEqual(['a is here', 'a is lost: some other word'])
  })
})
