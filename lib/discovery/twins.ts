import type { ServiceUrl } from '../dubbo/index.js';

/** The nodes that speak of one instance: mostly one, two while it moves. */
export class Twins {
  readonly #nodes = new Map<string, ServiceUrl>();
  #newest: ServiceUrl | undefined;
  /** Oldest first, with some that have gone: sorted once, so that thousands can go newest first. */
  #order: (readonly [path: string, url: ServiceUrl])[] | undefined;

  get size(): number {
    return this.#nodes.size;
  }

  add(path: string, url: ServiceUrl): void {
    this.remove(path);
    this.#nodes.set(path, url);
    if (this.#newest && isNewer(url, this.#newest)) {
      this.#newest = url;
      this.#order?.push([path, url]);
    } else {
      this.#order = undefined;
    }
  }

  remove(path: string): void {
    if (this.#nodes.get(path) === this.#newest) this.#newest = undefined;
    this.#nodes.delete(path);
  }

  /** What the newest of them says: by timestamp, and by text where that says nothing, so that all consumers agree. */
  get newest(): ServiceUrl | undefined {
    if (this.#newest || this.#nodes.size === 0) return this.#newest;
    this.#order ??= [...this.#nodes].sort(([, a], [, b]) => (isNewer(a, b) ? 1 : isNewer(b, a) ? -1 : 0));
    while (this.#order.length > 0) {
      const [path, url] = this.#order.at(-1)!;
      if (this.#nodes.get(path) === url) return (this.#newest = url);
      this.#order.pop();
    }
    return undefined;
  }
}

function isNewer(a: ServiceUrl, b: ServiceUrl): boolean {
  const difference = timestampMs(a) - timestampMs(b);
  return difference === 0 ? a.toString() > b.toString() : difference > 0;
}

/** Java writes milliseconds, Go seconds: no millisecond of this century is below 10¹¹. */
function timestampMs(url: ServiceUrl): number {
  const value = Number(url.parameter('timestamp'));
  if (!Number.isFinite(value)) return 0;
  return value < 1e11 ? value * 1_000 : value;
}
