import type { ServiceUrl } from '../dubbo/index.js';

/** The nodes that speak of one instance: mostly one, two while it moves. */
export class Twins {
  readonly #nodes = new Map<string, ServiceUrl>();
  #newest: ServiceUrl | undefined;

  get size(): number {
    return this.#nodes.size;
  }

  add(path: string, url: ServiceUrl): void {
    this.#nodes.set(path, url);
    if (this.#newest && isNewer(url, this.#newest)) this.#newest = url;
  }

  remove(path: string): void {
    if (this.#nodes.get(path) === this.#newest) this.#newest = undefined;
    this.#nodes.delete(path);
  }

  /** What the newest of them says: by timestamp, and by text where that says nothing, so that all consumers agree. */
  get newest(): ServiceUrl | undefined {
    if (!this.#newest) {
      for (const url of this.#nodes.values()) if (!this.#newest || isNewer(url, this.#newest)) this.#newest = url;
    }
    return this.#newest;
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
