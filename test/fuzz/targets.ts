/** All that is fuzzed, by name. */
import { CertsTarget } from './certs-target.js'
import { ControlTarget } from './control-target.js'
import { EpmdTarget } from './epmd-target.js'
import { FramesTarget } from './frames-target.js'
import { HandshakeTarget } from './handshake-target.js'
import { PayloadsTarget } from './payloads-target.js'
import type { Target } from './target.js'
import { TermsTarget } from './terms-target.js'
import { TextsTarget } from './texts-target.js'

export function allTargets(): readonly Target[] {
  return [
    new TermsTarget(),
    new PayloadsTarget(),
    new ControlTarget(),
    new FramesTarget(),
    new HandshakeTarget(),
    new EpmdTarget(),
    new CertsTarget(),
    new TextsTarget(),
  ]
}
