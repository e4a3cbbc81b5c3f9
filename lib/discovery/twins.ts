import type { ServiceUrl } from '../dubbo/index.js';
import { type HeapItem, IndexedHeap } from '../internal/indexedHeap.js';

interface Twin extends HeapItem {
  readonly node: ServiceUrl;
}

/** Several nodes that speak of one instance, as they do while it moves, and however many an enemy makes. */
export class Twins {
  readonly #nodes = new Set<ServiceUrl>();
  #newest: ServiceUrl | undefined;
  /** Newest first, with some that have gone; only where there was ever more than one to choose from. */
  #order: IndexedHeap<Twin> | undefined;

  constructor(...nodes: readonly ServiceUrl[]) {
    for (const node of nodes) this.add(node);
  }

  get size(): number {
    return this.#nodes.size;
  }

  add(node: ServiceUrl): void {
    this.remove(node);
    this.#nodes.add(node);
    if (this.#nodes.size === 1 || (this.#newest && isNewer(node, this.#newest))) this.#newest = node;
    this.#order?.push({ node, position: -1 });
    // Those that have gone must not pile up.
    if (this.#order && this.#order.size > 2 * this.#nodes.size + 8) this.#order = undefined;
  }

  remove(node: ServiceUrl): void {
    if (node === this.#newest) this.#newest = undefined;
    this.#nodes.delete(node);
  }

  /** What the newest of them says: by timestamp, and by text where that says nothing, so that all consumers agree. */
  get newest(): ServiceUrl | undefined {
    if (this.#newest || this.#nodes.size === 0) return this.#newest;
    this.#order ??= this.#inOrder();
    for (let first = this.#order.first; first; first = this.#order.first) {
      if (this.#nodes.has(first.node)) return (this.#newest = first.node);
      this.#order.remove(first);
    }
    return undefined;
  }

  #inOrder(): IndexedHeap<Twin> {
    const order = new IndexedHeap<Twin>((a, b) => isNewer(a.node, b.node));
    for (const node of this.#nodes) order.push({ node, position: -1 });
    return order;
  }
}

function isNewer(a: ServiceUrl, b: ServiceUrl): boolean {
  const difference = timestampMs(a) - timestampMs(b);
  return difference === 0 ? a.toFullString() > b.toFullString() : difference > 0;
}

/** Java writes milliseconds, Go seconds: no millisecond of this century is below 10¹¹. */
function timestampMs(url: ServiceUrl): number {
  const value = Number(url.parameter('timestamp'));
  if (!Number.isFinite(value)) return 0;
  return value < 1e11 ? value * 1_000 : value;
}
