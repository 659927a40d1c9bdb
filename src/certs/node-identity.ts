/**
 * Who a certificate says that its holder is: the node names in its subject alternative names, as `URI:reign:one@host`.
 *
 * Pure: reads the text that Node.js makes of the extension (`X509Certificate.subjectAltName`, or `subjectaltname` of
 * `getPeerCertificate()`). The common name is never looked at: a certificate without the URI names no node.
 */
import { nodeNameProblem } from '../term/node-name.js'

/** The scheme of the URI that carries a node name. */
export const nodeUriPrefix = 'reign:'

/**
 * The node names that a certificate carries; none when it carries none, or when the text is not well-formed.
 *
 * Node.js separates the names with `, ` and puts a value that holds a comma, a quote, a backslash or a control
 * character into JSON quotes, so that no value can pass for two. A node name needs no quoting, hence a quoted value is
 * never one. Whatever is not exactly of this form gives no names at all: better nobody than somebody else.
 *
 * @param text `DNS:127.0.0.1, IP Address:127.0.0.1, URI:reign:one@127.0.0.1`, or `undefined` without the extension.
 */
export function nodeNamesOfSubjectAltName(text: string | undefined): readonly string[] {
  if (text === undefined || text === '') return []
  const values = splitSubjectAltName(text)
  if (values === undefined) return []
  const names = values
    .filter((value) => value.startsWith(`URI:${nodeUriPrefix}`))
    .map((value) => value.slice(`URI:${nodeUriPrefix}`.length))
    .filter((name) => nodeNameProblem(name) === undefined)
  return [...new Set(names)]
}

/** The values of the extension, each with its kind before it; `undefined` when the text is not well-formed. */
function splitSubjectAltName(text: string): string[] | undefined {
  // A kind, a colon, then JSON quotes or a run of characters that need none (as Node.js prints them).
  const one = /[A-Za-z0-9 ]+:(?:"(?:[^"\\]|\\.)*"|[^,"\\']*)(?:, |$)/y
  const values: string[] = []
  while (one.lastIndex < text.length) {
    const match = one.exec(text)
    if (match === null) return undefined
    values.push(match[0].replace(/, $/, ''))
  }
  // A text that ends with a separator has lost its last value.
  return text.endsWith(', ') ? undefined : values
}
