/** Who a node is, over time: certificates, authorities and revocation lists that change while nodes run. */
import { copyFileSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { issueNodeCertificate } from '../../src/certs/issue.js'
import { Node } from '../../src/cluster/node.js'
import { Workplace } from '../cli/command.js'
import { eventually } from '../support/deadline.js'
import { deadlineMs, losesSight, next, sees, sharedAuthority, TestCluster, type TestNode } from './cluster-kit.js'
import { FolderCluster, type FolderNode, HurriedClock } from './folder-cluster.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'
const c = 'c@127.0.0.1'
const day = 86_400_000

/** What makes a certificate another day. */
const onDay = (days: number) => ({ clock: { wallTime: () => Date.now() + days * day } })

/** Two nodes that are connected. */
async function pair(cluster: FolderCluster): Promise<[FolderNode, FolderNode]> {
  const nodes: [FolderNode, FolderNode] = [await cluster.start(a), await cluster.start(b)]
  await sees(nodes[0], b)
  await sees(nodes[1], a)
  return nodes
}

/** Lets go of the connection between two nodes, and waits for the next one. */
async function meetAnew(one: FolderNode, other: FolderNode): Promise<void> {
  const before = one.events.length
  one.disconnect(other.name)
  await eventually(() => one.events.slice(before).includes(`up ${other.name}`), deadlineMs, 'the next connection')
  await sees(other, one.name)
}

const renewals = (node: FolderNode) =>
  node.log.at('info').filter(({ message }) => message === 'new certificates are in use')

/** Waits until a node has taken new certificates so many times. */
async function renewed(node: FolderNode, count = 1): Promise<void> {
  await eventually(() => renewals(node).length >= count, deadlineMs, `${node.name} to take new certificates`)
}

describe('a new certificate', () => {
  test('is taken from its file without a restart: new connections use it, and those that stand stay up', async () => {
    await using cluster = await FolderCluster.make(a, b)
    const [one, two] = await pair(cluster)
    const before = cluster.serialIn(`${a}.pem`)
    expect(await cluster.shownBy(one, b)).toBe(before)
    using mailbox = two.mailbox<number>()

    await cluster.reign('cert', a, '--renew')
    await renewed(one)
    expect(renewals(one)).toMatchObject([{ fields: { changed: ['cert', 'key'] } }])
    expect(cluster.serialIn(`${a}.pem`)).not.toBe(before)
    expect(await cluster.shownBy(one, b)).toBe(cluster.serialIn(`${a}.pem`))
    one.spawn(async () => {
      for (let count = 0; count < 100; count++) mailbox.address.send(count)
    })
    for (let count = 0; count < 100; count++) expect(await next(mailbox)).toBe(count)
    expect([one.events, two.events]).toEqual([[`up ${b}`], [`up ${a}`]])

    await meetAnew(one, two)
    await meetAnew(two, one)
    expect(one.log.at('error')).toEqual([])
    expect(one.log.at('warn').map(({ message }) => message)).not.toContain('closed a connection')
  })

  test('for the key that the node has is taken in the same way', async () => {
    await using cluster = await FolderCluster.make(a, b)
    const [one, two] = await pair(cluster)
    await cluster.reign('cert', a, '--renew', '--keep-key')
    await renewed(one)
    expect(renewals(one)).toMatchObject([{ fields: { changed: ['cert'] } }])
    expect(await cluster.shownBy(one, b)).toBe(cluster.serialIn(`${a}.pem`))
    expect([one.events, two.events]).toEqual([[`up ${b}`], [`up ${a}`]])
    await meetAnew(two, one)
  })

  test('is taken at once when asked, and an unchanged one is no news', async () => {
    await using cluster = await FolderCluster.make(a, b)
    const one = await cluster.start(a)
    expect(await one.reloadCertificates()).toBe(false)
    await cluster.reign('cert', a, '--renew')
    const outcomes = await Promise.all([one.reloadCertificates(), one.reloadCertificates(), one.reloadCertificates()])
    expect(outcomes.filter((changed) => changed)).toHaveLength(renewals(one).length === 1 ? 1 : 0)
    expect(renewals(one)).toHaveLength(1)
    expect(await cluster.shownBy(one, b)).toBe(cluster.serialIn(`${a}.pem`))
  })

  test('is taken where the specification says by now that it is', async () => {
    await using cluster = await FolderCluster.make(a, b)
    const one = await cluster.start(a)
    const { certificatePem, key } = await issueNodeCertificate(cluster.authority, a)
    const spec = cluster.spec()
    cluster.write('elsewhere.pem', certificatePem)
    const entry = { cert: 'elsewhere.pem', key: 'elsewhere.key' }
    cluster.write('cluster.json', { ...spec, nodes: { ...spec.nodes, [a]: { ...spec.nodes?.[a], ...entry } } })
    // The key comes last: it is missed until then, and nothing that is watched changes when it comes.
    await eventually(() => one.log.codes('error').length === 1, deadlineMs, 'the complaint')
    expect(one.log.at('error')).toMatchObject([
      {
        fields: {
          code: 'ERR_REIGN_CLUSTER_SPEC',
          error: expect.stringMatching(/elsewhere\.key cannot be read: there is no/),
        },
        message: 'the certificates have changed and cannot be used: the old ones stay in use',
      },
    ])
    cluster.write('elsewhere.key', key.reveal())
    await renewed(one)
    expect(await cluster.shownBy(one, b)).toBe(cluster.serialIn('elsewhere.pem'))
    expect(one.log.at('error')).toHaveLength(1)
  })
})

describe('credentials that cannot be used', () => {
  test.each<[string, (cluster: FolderCluster) => Promise<unknown> | unknown, RegExp]>([
    [
      'the key of another certificate',
      (cluster) => copyFileSync(`${cluster.folder}/${b}.key`, `${cluster.folder}/${a}.key`),
      /key is not the key of cert/,
    ],
    [
      'the certificate of another node',
      (cluster) => {
        for (const kind of ['pem', 'key'])
          copyFileSync(`${cluster.folder}/${b}.${kind}`, `${cluster.folder}/${a}.${kind}`)
      },
      /cert does not carry the node's name .*: it is for b@127\.0\.0\.1/,
    ],
    [
      'one that has ended',
      async (cluster) => {
        cluster.writePair(a, await issueNodeCertificate(cluster.authority, a, onDay(-399)))
      },
      /cert ended on /,
    ],
    [
      'one of another authority',
      async (cluster) => {
        using other = new Workplace()
        await other.reign(['init', a])
        for (const kind of ['pem', 'key'])
          copyFileSync(other.path('cluster', `${a}.${kind}`), `${cluster.folder}/${a}.${kind}`)
      },
      /cert is not signed by the authority in ca/,
    ],
    [
      'half a file',
      (cluster) => cluster.write(`${a}.pem`, cluster.read(`${a}.pem`).slice(0, 300)),
      /no readable certificate/,
    ],
    ['no file', (cluster) => rmSync(`${cluster.folder}/${a}.key`), /key .*cannot be read: there is no such file/],
    ['no authority', (cluster) => cluster.write('ca.pem', ''), /ca holds no readable certificate/],
    ['half a specification', (cluster) => cluster.write('cluster.json', '{"nodes": '), /is not JSON/],
  ])('%s: it is thrown, and the old ones stay in use', async (_, spoil, why) => {
    await using cluster = await FolderCluster.make(a, b)
    const [one, two] = await pair(cluster)
    const before = await cluster.shownBy(one, b)
    const keep = ['cluster.json', 'ca.pem', `${a}.pem`, `${a}.key`].map((file) => [file, cluster.read(file)] as const)
    await spoil(cluster)
    await expect(one.reloadCertificates()).rejects.toMatchObject({ code: 'ERR_REIGN_CLUSTER_SPEC', message: why })
    for (const [file, text] of keep) if (file === 'cluster.json') cluster.write(file, text)
    expect(await cluster.shownBy(one, b)).toBe(before)
    expect([one.events, two.events]).toEqual([[`up ${b}`], [`up ${a}`]])
    await meetAnew(one, two)
    // And what is good again is found to be what is in use.
    for (const [file, text] of keep) cluster.write(file, text)
    expect(await one.reloadCertificates()).toBe(false)
  })

  test('the complaint about files is made once, however long they stay so', async () => {
    await using cluster = await FolderCluster.make(a, b)
    const one = await cluster.start(a)
    renameSync(`${cluster.folder}/${a}.key`, `${cluster.folder}/away`)
    await eventually(() => one.log.at('error').length > 0, deadlineMs, 'the complaint')
    const { looks } = one.hurried
    await eventually(() => one.hurried.looks > looks + 10, deadlineMs, 'more looks')
    expect(one.log.at('error')).toHaveLength(1)
    expect(JSON.stringify(one.log.lines)).not.toContain('PRIVATE KEY')
    renameSync(`${cluster.folder}/away`, `${cluster.folder}/${a}.key`)
  })
})

describe('an authority', () => {
  test('follows another without a restart, and without a refusal on the way', async () => {
    await using cluster = await FolderCluster.make(a, b)
    const [one, two] = await pair(cluster)
    const both = [one, two]
    using younger = new Workplace()
    expect((await younger.reign(['init', a, b])).code).toBe(0)
    const of = (file: string) => readFileSync(younger.path('cluster', file), 'utf8')

    cluster.write('ca.pem', cluster.read('ca.pem') + of('ca.pem'))
    for (const node of both) await renewed(node, 1)
    await meetAnew(one, two)
    // One has a certificate of the one authority, and one of the other.
    for (const kind of ['pem', 'key']) cluster.write(`${a}.${kind}`, of(`${a}.${kind}`))
    await renewed(one, 2)
    await meetAnew(one, two)
    await meetAnew(two, one)
    for (const kind of ['pem', 'key']) cluster.write(`${b}.${kind}`, of(`${b}.${kind}`))
    await renewed(two, 2)
    await meetAnew(one, two)
    cluster.write('ca.pem', of('ca.pem'))
    for (const node of both) await renewed(node, 3)
    await meetAnew(two, one)
    for (const node of both) expect(node.log.at('warn', 'error')).toEqual([])
    expect([...one.events, ...two.events].filter((event) => /certificate|unknown_ca/.test(event))).toEqual([])
  })

  test('that is believed no more takes its connections with it', async () => {
    await using cluster = await FolderCluster.make(a, b)
    const [one, two] = await pair(cluster)
    using younger = new Workplace()
    expect((await younger.reign(['init', a])).code).toBe(0)
    for (const file of ['ca.pem', `${a}.pem`, `${a}.key`]) {
      cluster.write(file, readFileSync(younger.path('cluster', file), 'utf8'))
    }
    // The other node has a certificate of its own authority, and is told nothing it could use.
    await eventually(() => one.events.includes(`down ${b}: unknown_ca`), deadlineMs, 'the end of the connection')
    expect(one.log.at('warn')).toMatchObject([
      {
        fields: { peer: b, reason: 'unknown_ca' },
        message: expect.stringMatching(/^closed a connection: the authority/),
      },
    ])
    await eventually(() => two.log.codes('error').length > 0, deadlineMs, 'the complaint')
    await eventually(
      () => two.events.includes(`down ${a}: connection_closed`),
      deadlineMs,
      'the end, on the other side',
    )
    expect(await two.connect(a)).toBe(false)
    expect(await one.connect(b)).toBe(false)
  })
})

describe('a certificate that ends', () => {
  test('ends its connections, is refused from then on, and a new one is taken without a restart', async () => {
    await using cluster = await FolderCluster.make(a, b)
    // Really so: OpenSSL looks at the time of the machine.
    const lastsMs = 6_000
    const brief = await issueNodeCertificate(cluster.authority, b, {
      clock: { wallTime: () => Date.now() - 398 * day + 5 * 60_000 + lastsMs },
    })
    cluster.writePair(b, brief)
    const [one, two] = await pair(cluster)
    expect(two.log.at('error')).toMatchObject([
      { message: expect.stringMatching(/^the certificate of b@127\.0\.0\.1 ends within/) },
    ])
    await eventually(() => one.events.length > 1, lastsMs + deadlineMs, 'the end of the connection')
    expect(Date.now()).toBeGreaterThan(brief.notAfter)
    expect(Date.now() - brief.notAfter).toBeLessThan(60_000)
    expect([one.events, two.events].map(([, down]) => down?.replace(/.*: /, ''))).toContain('certificate_expired')

    // Neither way; and each says why.
    await eventually(async () => !(await one.connect(b)) && !(await two.connect(a)), deadlineMs)
    for (const level of ['debug', 'warn']) expect(two.log.codes(level)).toContain('ERR_REIGN_CERTIFICATE')
    expect(two.log.at('warn').some(({ fields }) => /`reign cert b@127\.0\.0\.1 --renew`/.test(`${fields.error}`))).toBe(
      true,
    )
    await eventually(
      () => two.log.at('error').some(({ message }) => / has ended, on /.test(message)),
      deadlineMs,
      'a word',
    )

    await cluster.reign('cert', b, '--renew')
    await sees(one, b)
    await sees(two, a)
  })

  test('is told of fourteen days ahead', async () => {
    await using cluster = await FolderCluster.make(a, b)
    cluster.writePair(a, await issueNodeCertificate(cluster.authority, a, onDay(-388)))
    const one = await cluster.start(a)
    const two = await cluster.start(b)
    expect(one.log.at('warn')).toMatchObject([
      {
        message: expect.stringMatching(
          /^the certificate of a@127\.0\.0\.1 ends in 9 days, on .*`reign cert a@127\.0\.0\.1 --renew`/,
        ),
      },
    ])
    expect(two.log.at('warn', 'error')).toEqual([])
    // Some days later, of the other one as well.
    two.hurried.aheadMs = 385 * day
    const notice = () => two.log.at('warn').find(({ message }) => message.startsWith('the certificate of b@127.0.0.1'))
    await eventually(notice, deadlineMs, 'the notice')
    expect(notice()?.message).toMatch(/ends in 12 days/)
  })

  test('of our own refuses nothing before it is there, and everything after', async () => {
    await using cluster = await FolderCluster.make(a, b)
    const [one] = await pair(cluster)
    one.hurried.aheadMs = 399 * day
    await eventually(
      () => one.events.includes(`down ${b}: certificate_expired`),
      deadlineMs,
      'the end of the connection',
    )
    expect(await one.connect(b)).toBe(false)
    expect(one.log.codes('debug')).toContain('ERR_REIGN_CERTIFICATE')
    one.hurried.aheadMs = 0
    await sees(one, b)
  })
})

const refusals = (node: FolderNode) => JSON.stringify(node.log.at('warn', 'debug'))

describe('a revoked certificate', () => {
  test('ends its connections and no others, is refused, and the node comes back with a new one', async () => {
    await using cluster = await FolderCluster.make(a, b, c)
    const [one, two] = await pair(cluster)
    const three = await cluster.start(c)
    await sees(one, b, c)
    await sees(two, c)
    expect(cluster.spec().crl).toBeUndefined()

    // There was no list when they started.
    await cluster.reign('revoke', b)
    expect(cluster.spec().crl).toBe('ca.crl')
    for (const node of [one, three]) {
      await eventually(
        () => node.events.includes(`down ${b}: certificate_revoked`),
        deadlineMs,
        'the end of the connection',
      )
      expect(node.log.at('warn')).toContainEqual(
        expect.objectContaining({ message: "closed a connection: the peer's certificate is revoked" }),
      )
    }
    expect(await one.connect(b)).toBe(false)
    await eventually(() => /CERT_REVOKED/.test(refusals(one)), deadlineMs, 'a refusal')
    expect(await two.connect(a)).toBe(false)
    await eventually(
      () => two.log.at('error').some(({ message }) => /certificate of this node is revoked/.test(message)),
      deadlineMs,
      'the bad news',
    )
    expect(one.events.filter((event) => event.includes(c))).toEqual([`up ${c}`])
    expect(one.nodes()).toEqual([c])

    await cluster.reign('cert', b, '--renew')
    await sees(one, b)
    await sees(three, b)
  })

  test('is refused by a node that starts later', async () => {
    await using cluster = await FolderCluster.make(a, b)
    await cluster.reign('revoke', b)
    const one = await cluster.start(a)
    const two = await cluster.start(b)
    expect(await one.connect(b)).toBe(false)
    expect(await two.connect(a)).toBe(false)
    expect(two.log.at('error')).toMatchObject([
      { message: expect.stringMatching(/certificate of this node is revoked/) },
    ])
  })

  test('a list that ends is told of ahead; then it lets nobody in, and what stands stays up', async () => {
    await using cluster = await FolderCluster.make(a, b)
    await cluster.reign('revoke', '--days', '20')
    const [one, two] = await pair(cluster)
    expect(one.log.at('warn', 'error')).toEqual([])
    one.hurried.aheadMs = 7 * day
    await eventually(() => one.log.at('warn').length > 0, deadlineMs, 'the notice')
    expect(one.log.at('warn')).toMatchObject([
      { message: expect.stringMatching(/^the revocation list ends in 12 days/) },
    ])
    one.hurried.aheadMs = 21 * day
    const ended = () => one.log.at('error').some(({ message }) => message.startsWith('the revocation list has ended'))
    await eventually(ended, deadlineMs, 'the error')
    expect([one.events, two.events]).toEqual([[`up ${b}`], [`up ${a}`]])
    // Nothing else is read either, until there is one that is good.
    await expect(one.reloadCertificates()).rejects.toMatchObject({ message: /crl holds a list that was good until/ })
    one.hurried.aheadMs = 0
    await cluster.reign('revoke')
    await renewed(one)
    expect(renewals(one)).toMatchObject([{ fields: { changed: ['crl'] } }])
  })
})

describe('without files', () => {
  test('nothing is watched, and what a program has changed in its specification is read when asked', async () => {
    await using cluster = await TestCluster.make({ tls: true })
    const clock = new HurriedClock()
    const given = await cluster.spec(a)
    const entry: { cert?: string | undefined; key?: string | undefined } = { ...given.nodes?.[a] }
    const node = await cluster.start(a, { cluster: { ...given, nodes: { [a]: entry } }, clock })
    expect(await node.reloadCertificates()).toBe(false)
    const { certificatePem, key } = await issueNodeCertificate(await sharedAuthority(), a)
    Object.assign(entry, { cert: certificatePem, key: key.reveal() })
    expect(await node.reloadCertificates()).toBe(true)
    entry.cert = 'rubbish -----BEGIN '
    await expect(node.reloadCertificates()).rejects.toMatchObject({ code: 'ERR_REIGN_CLUSTER_SPEC' })
    expect(clock.looks).toBe(0)
  })

  test('and without TLS there is nothing to read', async () => {
    await using local = await Node.local()
    expect(await local.reloadCertificates()).toBe(false)
    await using cluster = await TestCluster.make()
    expect(await (await cluster.start(a)).reloadCertificates()).toBe(false)
  })
})

test('a node that has stopped reads nothing, and watches nothing', async () => {
  await using cluster = await FolderCluster.make(a)
  const node = await cluster.start(a)
  await eventually(() => node.hurried.looks > 3, deadlineMs)
  const reading = node.reloadCertificates()
  await Promise.all([node.stop(), expect(reading).rejects.toMatchObject({ code: 'ERR_REIGN_NODE_STOPPED' })])
  const { looks } = node.hurried
  await cluster.reign('cert', a, '--renew')
  await expect(node.reloadCertificates()).rejects.toMatchObject({ code: 'ERR_REIGN_NODE_STOPPED' })
  expect(node.hurried.looks).toBe(looks)
  expect(renewals(node)).toEqual([])
})

describe('a cookie for one node alone', () => {
  const special = 'ANOTHER-COOKIE-OF-THE-TESTS'
  const d = 'd@127.0.0.1'

  /** Starts nodes of which each has cookies of its own choice. */
  async function starting(cluster: TestCluster) {
    const spec = await cluster.spec('nobody@127.0.0.1')
    return (name: string, cookies: Record<string, string>) => {
      return cluster.start(name, { cluster: { ...spec, nodes: { [name]: {} }, cookies } })
    }
  }

  test('is used with it in both directions, though all read one specification', async () => {
    await using cluster = await TestCluster.make()
    const start = await starting(cluster)
    const shared = { [b]: special }
    const nodes: [TestNode, TestNode, TestNode] = [
      await start(a, shared),
      await start(b, shared),
      await start(c, shared),
    ]
    await cluster.meet(nodes[0], nodes[1])
    await cluster.meet(nodes[1], nodes[2])
    await cluster.meet(nodes[2], nodes[0])
    for (const node of nodes) expect(node.log.codes('warn', 'error')).toEqual([])
    // Who does not know of it is a stranger to that node alone.
    const stranger = await start(d, {})
    expect(await stranger.connect(a)).toBe(true)
    expect(await stranger.connect(b)).toBe(false)
    expect(await nodes[1].connect(d)).toBe(false)
    expect([...nodes[1].log.codes('warn'), ...stranger.log.codes('warn')]).toContain('ERR_REIGN_COOKIE')
    expect(JSON.stringify([...nodes, stranger].map(({ log }) => log.lines))).not.toContain(special)
  })

  test('is used between two that have it in specifications of their own', async () => {
    await using cluster = await TestCluster.make()
    const start = await starting(cluster)
    const [one, two, three] = [await start(a, { [b]: special }), await start(b, { [a]: special }), await start(c, {})]
    await cluster.meet(one, two)
    two.disconnect(a)
    await losesSight(one, b)
    await cluster.meet(two, one)
    await cluster.meet(three, one)
    await cluster.meet(two, three)
  })
})
