/** Does the same with each, so many at a time. */
export async function inWindow<T>(
  width: number,
  all: readonly T[],
  work: (each: T) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const line = async (): Promise<void> => {
    while (next < all.length) await work(all[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(width, all.length) }, line));
}
