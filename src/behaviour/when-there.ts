/** Going on with what may be there already, or a promise of it. */

/** Whether somebody has to wait for it: any promise, also one of a library's own making. */
export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as Promise<unknown>).then === 'function'
}

/** Goes on with a value: at once when it is there, so that thousands of things that wait for nothing take no turns and no promises. */
export function whenThere<T, R>(value: T | PromiseLike<T>, next: (value: T) => R | PromiseLike<R>): R | PromiseLike<R> {
  return isPromise(value) ? (value as Promise<T>).then(next) : next(value as T)
}
