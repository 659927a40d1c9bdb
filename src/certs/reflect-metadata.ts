/**
 * The part of the old `Reflect` metadata proposal that the dependency injection inside @peculiar/x509 asks for.
 *
 * That library refuses to load without `Reflect.getMetadata` and friends, and then uses them for classes whose
 * constructors take nothing: three functions over a weak map serve, and spare a dependency. Only the certificate
 * commands come here (through x509.ts), so no program that embeds the library sees its `Reflect` change.
 */

/** The three functions. */
interface ReflectMetadata {
  defineMetadata?(key: unknown, value: unknown, target: object): void
  getOwnMetadata?(key: unknown, target: object): unknown
  getMetadata?(key: unknown, target: object): unknown
}

/** Adds the functions to `Reflect`, unless some other library has brought them. */
export function provideReflectMetadata(reflect: object = Reflect): void {
  const provided: ReflectMetadata = reflect
  if (provided.getMetadata !== undefined) return
  const metadata = new WeakMap<object, Map<unknown, unknown>>()
  const own = (key: unknown, target: object): unknown => metadata.get(target)?.get(key)
  provided.defineMetadata = (key, value, target) => {
    const known = metadata.get(target)
    if (known === undefined) metadata.set(target, new Map([[key, value]]))
    else known.set(key, value)
  }
  provided.getOwnMetadata = own
  provided.getMetadata = (key, target) => {
    for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at)) {
      if (metadata.get(at)?.has(key)) return own(key, at)
    }
    return undefined
  }
}
