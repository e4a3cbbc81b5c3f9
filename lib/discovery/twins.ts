import type { ServiceUrl } from '../dubbo/index.js';
import { type HeapItem, IndexedHeap } from '../internal/indexedHeap.js';

interface Twin extends HeapItem {
  readonly path: string;
  readonly url: ServiceUrl;
}

/** The nodes that speak of one instance: mostly one, two while it moves, and however many an enemy makes. */
export class Twins {
  readonly #nodes = new Map<string, ServiceUrl>();
  #newest: ServiceUrl | undefined;
  /** Newest first, with some that have gone; only where there was ever more than one to choose from. */
  #order: IndexedHeap<Twin> | undefined;

  get size(): number {
    return this.#nodes.size;
  }

  add(path: string, url: ServiceUrl): void {
    this.remove(path);
    this.#nodes.set(path, url);
    if (this.#nodes.size === 1 || (this.#newest && isNewer(url, this.#newest))) this.#newest = url;
    this.#order?.push({ path, url, position: -1 });
    // Those that have gone must not pile up.
    if (this.#order && this.#order.size > 2 * this.#nodes.size + 8) this.#order = undefined;
  }

  remove(path: string): void {
    if (this.#nodes.get(path) === this.#newest) this.#newest = undefined;
    this.#nodes.delete(path);
  }

  /** What the newest of them says: by timestamp, and by text where that says nothing, so that all consumers agree. */
  get newest(): ServiceUrl | undefined {
    if (this.#newest || this.#nodes.size === 0) return this.#newest;
    this.#order ??= this.#inOrder();
    for (let first = this.#order.first; first; first = this.#order.first) {
      if (this.#nodes.get(first.path) === first.url) return (this.#newest = first.url);
      this.#order.remove(first);
    }
    return undefined;
  }

  #inOrder(): IndexedHeap<Twin> {
    const order = new IndexedHeap<Twin>((a, b) => isNewer(a.url, b.url));
    for (const [path, url] of this.#nodes) order.push({ path, url, position: -1 });
    return order;
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
