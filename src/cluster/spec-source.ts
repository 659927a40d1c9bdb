/**
 * Where a cluster specification comes from: a folder, a file, JSON text or an object.
 *
 * No message from here quotes what was read: a specification may hold a cookie or a key.
 */
import { readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ClusterSpecError } from './spec-error.js'
import type { ClusterSpecInput } from './spec-schema.js'

/**
 * A cluster specification, however it is given: the path (or `file:` URL) of a folder with a `cluster.json` in it or of
 * a file, JSON text (a text that begins with `{`), or the object itself.
 */
export type ClusterSpecSource = string | URL | ClusterSpecInput

/** What was found there. */
export interface RawSpec {
  /** What JSON gave, or the object as passed in: of any shape. */
  readonly raw: unknown
  /** What its relative paths are relative to, as an absolute path. */
  readonly folder: string
  /** How to call it in a message. */
  readonly title: string
  /** The file that it was read from, as an absolute path; `undefined` for JSON text and objects. */
  readonly file: string | undefined
}

/** The file that a folder must have to be a cluster's. */
export const clusterFileName = 'cluster.json'

/**
 * Reads a specification, of whatever shape.
 *
 * @param folder What a relative path is relative to; and the paths inside JSON text or an object.
 * @throws a `ClusterSpecError` (`ERR_REIGN_CLUSTER_SPEC`) when there is nothing to be read, or it is not JSON.
 */
export async function readSpecSource(source: ClusterSpecSource, folder: string): Promise<RawSpec> {
  if (source instanceof URL) return readSpecFile(urlPath(source))
  if (typeof source !== 'string') return { raw: source, folder, title: 'the cluster specification', file: undefined }
  if (source.trimStart().startsWith('{')) {
    const title = 'the cluster specification'
    return { raw: parseJson(source, title), folder, title, file: undefined }
  }
  if (source.trim() === '')
    throw fault('the cluster specification', 'is empty: give a folder, a file, JSON or an object')
  return readSpecFile(resolve(folder, source))
}

async function readSpecFile(path: string): Promise<RawSpec> {
  const found = await stat(path).catch((error: unknown) => {
    throw fault(path, `cannot be read: ${fileProblem(error)} (\`reign init\` makes a cluster folder)`)
  })
  const file = found.isDirectory() ? join(path, clusterFileName) : path
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw fault(file, `cannot be read: ${fileProblem(error)}`)
  })
  return { raw: parseJson(text, file), folder: dirname(file), title: file, file }
}

function parseJson(text: string, title: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''))
  } catch (error) {
    throw fault(title, `is not JSON${jsonProblem(String(error), text)}`)
  }
}

/** What is wrong and where, of V8's message: the rest of it, and its `cause`, may quote a secret. */
function jsonProblem(message: string, text: string): string {
  const token = /Unexpected token (?:'(.)'|(.) in)/u.exec(message)
  const what = token === null ? '' : `: ${JSON.stringify(token[1] ?? token[2])} is not expected there`
  const position = /at position (\d+)/.exec(message)?.[1]
  if (position === undefined) return /end of JSON/.test(message) ? ': it ends too early' : what
  const before = text.slice(0, Number(position)).split('\n')
  return `: line ${before.length}, column ${(before.at(-1) ?? '').length + 1}${what}`
}

function urlPath(url: URL): string {
  if (url.protocol !== 'file:')
    throw fault('the cluster specification', 'must be a file: URL, a path, JSON or an object')
  return fileURLToPath(url)
}

/** Why a file cannot be read, in words. */
export function fileProblem(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    ENOTDIR: 'there is no such file',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EISDIR: 'it is a folder',
  }
  return words[code] ?? code
}

function fault(title: string, message: string): ClusterSpecError {
  return new ClusterSpecError(title, [{ node: undefined, field: '', message }])
}
