/** Does things for many, a number of them at a time. */
export async function inSlices<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  for (let from = 0; from < items.length; from += atOnce) {
    await Promise.all(items.slice(from, from + atOnce).map(work));
  }
}

/** The numbers from 0 up. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number);
}
