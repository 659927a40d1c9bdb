/** The list of scenarios in docs/differential.md is the one in the code. `REIGN_UPDATE_DOCS=1` writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { lasting, losing } from '../differential/all.js'

const page = 'docs/differential.md'
const heading = '## The scenarios\n'

test('every scenario is listed, and nothing else', () => {
  const groups = grouped()
  const list = Array.from(groups, ([group, scenarios]) => {
    const titles = scenarios.map(({ title, options }) => {
      const { differs } = options
      return differs === undefined ? `- ${title}` : `- ${title}. Reign differs on purpose: ${differs.why}`
    })
    return `### ${group}\n\n${titles.join('\n')}\n`
  }).join('\n')
  const text = readFileSync(page, 'utf8')
  const [before = '', listed = ''] = text.split(heading)
  if (process.env.REIGN_UPDATE_DOCS !== undefined) writeFileSync(page, `${before}${heading}\n${list}`)
  else expect(listed.trim()).toBe(list.trim())
})

test('there are more than sixty', () => {
  expect(lasting.length + losing.length).toBeGreaterThan(60)
})

function grouped(): Map<string, (typeof lasting)[number][]> {
  const groups = new Map<string, (typeof lasting)[number][]>()
  for (const scenario of [...lasting, ...losing])
    groups.set(scenario.group, [...(groups.get(scenario.group) ?? []), scenario])
  return groups
}
