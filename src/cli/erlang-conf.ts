/**
 * The Erlang side of a node: the file for `-ssl_dist_optfile`, with the command that uses it in its comment.
 *
 * Erlang distribution, "Using TLS for Erlang Distribution". Checked against OTP 25.
 */

import type { Endpoint } from '../cluster/endpoint.js'
import { parseNodeName } from '../term/node-name.js'

/** What the file is made of. All paths are absolute: `erl` takes others from where it happens to be started. */
export interface ErlangConf {
  readonly name: string
  /** `false`: a visitor. */
  readonly member: boolean
  readonly address: Endpoint | undefined
  readonly confFile: string
  readonly certFile: string
  readonly keyFile: string
  readonly caFile: string
  /** `undefined` when the cookie is in no file: whoever starts the node knows where. */
  readonly cookieFile: string | undefined
}

/** The text of the file. */
export function erlangConf(conf: ErlangConf): string {
  return `%% coding: utf-8
%% ${conf.name} as an Erlang node:
%%
${erlCommand(conf)
  .map((line) => `%%   ${line}`)
  .join('\n')}
%%
%% The paths are absolute, as erl looks for others where it is started. Change them when the files move.
[{server, [${tlsOptions(conf)},
           {fail_if_no_peer_cert, true}, {client_renegotiation, false}]},
 {client, [${tlsOptions(conf)}]}].
`
}

/** The command that starts the node, in lines for a shell. */
export function erlCommand(conf: ErlangConf): string[] {
  const carrier = parseNodeName(conf.name).host.includes(':') ? 'inet6_tls' : 'inet_tls'
  const cookie = conf.cookieFile === undefined ? 'COOKIE' : `"$(cat ${shellQuoted(conf.cookieFile)})"`
  const lines = [
    // A visitor is to be no burden to the others: hidden, it is left out of what Erlang's nodes agree upon.
    `erl -name ${conf.name}${conf.member ? '' : ' -hidden'} -setcookie ${cookie}`,
    `-proto_dist ${carrier} -ssl_dist_optfile ${shellQuoted(conf.confFile)}`,
  ]
  // Without these it listens on any port, and is found by the port mapper alone.
  if (conf.address !== undefined) {
    const { port } = conf.address
    lines.push(`-kernel inet_dist_listen_min ${port} inet_dist_listen_max ${port}`)
  }
  return lines.map((line, index) => (index === 0 ? line : `    ${line}`) + (index < lines.length - 1 ? ' \\' : ''))
}

/**
 * Both sides verify, against the cluster's own authority alone. The versions are named because OTP 25 would otherwise
 * keep distribution to TLS 1.2; sessions are not resumed because a resumed one skips the look at the certificate.
 */
function tlsOptions(conf: ErlangConf): string {
  return [
    `{certfile, ${erlangString(conf.certFile)}}`,
    `{keyfile, ${erlangString(conf.keyFile)}}`,
    `{cacertfile, ${erlangString(conf.caFile)}}`,
    '{verify, verify_peer}',
    "{versions, ['tlsv1.3', 'tlsv1.2']}",
    '{reuse_sessions, false}',
  ].join(',\n           ')
}

function erlangString(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

function shellQuoted(text: string): string {
  return /^[\w./@:+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
