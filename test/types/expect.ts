/** For tests of types, which the compiler runs: a program that is wrong does not compile. */

/** Whether two types are the same, `any` and modifiers told apart. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** `expectType<T>()(value)` compiles when the type of `value` is exactly `T`. */
export declare function expectType<T>(): <V>(
  value: V,
  ...same: Same<V, T> extends true ? [] : ['not that type']
) => void
