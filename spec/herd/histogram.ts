/** The width of one bin. */
export const BIN_MS = 100;

/** How many of some moments fall into each tenth of a second from one moment to another. */
export function histogram(moments: readonly number[], from: number, to: number): number[] {
  const bins = Array.from({ length: Math.ceil((to - from) / BIN_MS) }, () => 0);
  for (const moment of moments) {
    const bin = Math.floor((moment - from) / BIN_MS);
    if (bin >= 0 && bin < bins.length) bins[bin]! += 1;
  }
  return bins;
}

const WIDTH = 60;

/** Bins as text, one a line, with the time of its beginning before it, counted from a moment. */
export function draw(bins: readonly number[], from: number, zero: number): string {
  const most = Math.max(1, ...bins);
  return bins
    .map((count, bin) => {
      const at = String(Math.round(from + bin * BIN_MS - zero)).padStart(7);
      return `${at} ms ${String(count).padStart(5)} ${'#'.repeat(Math.round((count / most) * WIDTH))}`.trimEnd();
    })
    .join('\n');
}
