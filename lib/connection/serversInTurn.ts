/**
 * One server after another, for ever, in an order of our own: a thousand clients of three servers must not all begin with
 * the first.
 */
export function serversInTurn<T>(servers: readonly T[], random: () => number = Math.random): () => T {
  const shuffled = [...servers];
  for (let i = shuffled.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  let next = 0;
  return () => shuffled[next++ % shuffled.length]!;
}
