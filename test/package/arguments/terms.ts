/** Terms, and what is made of them. */

import * as etf from '../../../src/codec/index.js'
import * as reign from '../../../src/index.js'
import { atom } from '../../../src/index.js'
import { anything, isNoNumber, isNoText, list, odd, optional, options, text, unregistered } from './kinds.js'
import { by, is, on, plain, type Table, withCodes } from './row.js'

/** See `table.ts`. */
export const terms: Table = {
  'Address#send': on((world) => world.address, 'send', is(anything('hi'))),
  'Address.parse': withCodes(
    (world) => ({
      call: reign.Address.parse,
      args: [{ good: String(world.address), bad: [...isNoText, '', 'pid:x', `pid:${'x'.repeat(400)}`] }, by(world)],
    }),
    'ERR_REIGN_ARGUMENT',
    'ERR_REIGN_ADDRESS_TEXT',
  ),
  atom: plain(reign.atom, { good: 'ok', bad: [...isNoText, 'x'.repeat(256), '\ud800'] }),
  atomName: plain(reign.atomName, { good: atom('ok'), bad: [undefined, ...odd, 'ok'] }),
  sameTerm: plain(reign.sameTerm, anything(), anything()),
  float: plain(reign.float, { good: 1, bad: isNoNumber.filter((each) => !Number.isNaN(each)) }),
  'new Float': plain((value) => new reign.Float(value), {
    good: 1,
    bad: isNoNumber.filter((each) => !Number.isNaN(each)),
  }),
  'new Bits': plain(
    (bytes, bits) => new reign.Bits(bytes, bits),
    { good: Uint8Array.of(1), bad: [undefined, ...odd, 'text', new Uint8Array(0), [1]] },
    { good: 3, bad: [...isNoNumber, 0, 8, 1.5] },
  ),
  'new ExportFun': plain((module, name, arity) => new reign.ExportFun(module, name, arity), text('m'), text('f'), {
    good: 1,
    bad: [...isNoNumber, -1, 1.5],
  }),
  improperList: plain(reign.improperList, list([1]), anything()),
  'new ImproperList': plain((elements, tail) => new reign.ImproperList(elements, tail), list([1]), anything()),
  named: plain(reign.named, { good: 'x', bad: isNoText }, { good: 'a@sim', bad: isNoText }),
  'new Named': plain(
    (name, at) => new reign.Named(name, at),
    { good: 'x', bad: isNoText },
    { good: 'a@sim', bad: isNoText },
  ),
  bytes: plain(reign.bytes, { good: 'x', bad: isNoText }),
  charlist: plain(reign.charlist, { good: 'x', bad: isNoText }),
  charlistText: plain(reign.charlistText, anything()),
  isTuple: plain(reign.isTuple, anything()),
  tuple: plain(reign.tuple, anything()),
  encode: plain(
    etf.encode,
    anything(),
    options(
      {},
      { node: 5 },
      { bytesMax: -1 },
      { bytesMax: Number.NaN },
      { depthMax: 'x' },
      { termCountMax: Number.NaN },
      { bigintBytesMax: null },
    ),
  ),
  decode: plain(
    etf.decode,
    { good: etf.encode(1), bad: [undefined, ...odd, 'text'] },
    options(
      {},
      { node: 5 },
      { atoms: 5 },
      { binaries: 'x' },
      { floats: 'x' },
      { depthMax: 'x' },
      { termCountMax: Number.NaN },
      { bigintBytesMax: null },
      { inflatedBytesMax: -1 },
    ),
  ),
  'new AtomBudget': plain(
    (max, known) => new etf.AtomBudget(max, known),
    optional({ good: 5, bad: [...isNoNumber, -1] }),
    optional({ good: [atom('a')], bad: [null, 5, {}, ['text'], [unregistered]] }),
  ),
  'AtomBudget#share': on(
    () => new etf.AtomBudget(),
    'share',
    is(text('peer')),
    is({ good: 5, bad: [...isNoNumber, -1] }),
  ),
  'AtomBudget#know': on(
    () => new etf.AtomBudget(),
    'know',
    is({ good: atom('a'), bad: [5, 'text', {}, [], unregistered, () => {}] }),
  ),
  'AtomBudget#atom': on(
    () => new etf.AtomBudget(),
    'atom',
    is({ good: Uint8Array.of(97, 98), bad: [undefined, ...odd, 'text'] }),
    is({ good: 0, bad: [...isNoNumber, -1, 3] }),
    is({ good: 1, bad: [...isNoNumber, -1, 3] }),
  ),
}
