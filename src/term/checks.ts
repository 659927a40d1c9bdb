/** Addresses and references among arguments. */
import { check } from '../arguments.js'
import { Address } from './address.js'
import { Ref } from './ref.js'

/** @param what `a link is made to`. @throws `ERR_REIGN_ARGUMENT` for what is no address. */
export function checkAddress(given: unknown, what: string): void {
  check(given instanceof Address, `${what} an address`, given)
}

/** @param what `a timer is known by`. @throws `ERR_REIGN_ARGUMENT` for what is no reference. */
export function checkRef(given: unknown, what: string): void {
  check(given instanceof Ref, `${what} a reference`, given)
}
