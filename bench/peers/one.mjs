/**
 * One case of one library, in a program of its own: `node one.mjs LIBRARY CASE PORT...` prints how often in a second.
 * `node one.mjs LIBRARY serve PORT...` is the other side of the remote ones: it says when it is ready, and ends with its parent.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const [library, name, ...ports] = process.argv.slice(2)
const { cases, serve } = await import(`./${library}.mjs`)
const numbers = ports.map(Number)

if (name === 'serve') {
  await serve(...numbers)
  process.on('disconnect', () => process.exit(0))
  process.send('ready')
} else {
  if (name.startsWith('remote')) {
    const child = fork(fileURLToPath(import.meta.url), [library, 'serve', ...ports])
    await new Promise((resolve, reject) => {
      child.once('message', resolve)
      child.once('exit', (code) => reject(new Error(`the other side ended with ${code}`)))
    })
  }
  const rate = await cases[name](...numbers)
  process.stdout.write(`${JSON.stringify({ rate })}\n`, () => process.exit(0))
}
