/** How something grows: a line through samples, and how sure of it one can be. */

export interface Sample {
  /** Milliseconds. */
  readonly at: number
  readonly value: number
}

export interface Slope {
  /** Of the value in an hour. */
  readonly perHour: number
  /** Half of the interval in which it is with 95 of 100, by the scatter of the samples around the line. */
  readonly plusMinus: number
}

/** The line of least squares; `undefined` of fewer than four samples. */
export function slopeOf(samples: readonly Sample[]): Slope | undefined {
  const count = samples.length
  if (count < 4) return undefined
  const mean = (read: (sample: Sample) => number) => samples.reduce((sum, sample) => sum + read(sample), 0) / count
  const [meanAt, meanValue] = [mean(({ at }) => at), mean(({ value }) => value)]
  let [across, along, apart] = [0, 0, 0]
  for (const { at, value } of samples) {
    along += (at - meanAt) ** 2
    across += (at - meanAt) * (value - meanValue)
  }
  const slope = across / along
  for (const { at, value } of samples) apart += (value - meanValue - slope * (at - meanAt)) ** 2
  const error = Math.sqrt(apart / (count - 2) / along)
  const hourMs = 3_600_000
  return { perHour: slope * hourMs, plusMinus: 2 * error * hourMs }
}

/** Whether it grows by more than that in an hour for certain, as far as the samples from then on tell. */
export function growsMore(samples: readonly Sample[], perHourMax: number, fromMs: number): Slope | undefined {
  const line = slopeOf(samples.filter(({ at }) => at >= fromMs))
  return line !== undefined && line.perHour - line.plusMinus > perHourMax ? line : undefined
}
