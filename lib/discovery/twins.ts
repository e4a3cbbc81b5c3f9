import type { ServiceUrl } from '../dubbo/index.js';

/** Several nodes that speak of one instance, as they do while it moves. */
export class Twins {
  readonly #nodes = new Set<ServiceUrl>();
  #newest: ServiceUrl | undefined;
  /** Oldest first, with some that have gone: sorted once, so that thousands can go newest first. */
  #order: ServiceUrl[] | undefined;

  constructor(...nodes: readonly ServiceUrl[]) {
    for (const node of nodes) this.add(node);
  }

  get size(): number {
    return this.#nodes.size;
  }

  add(node: ServiceUrl): void {
    this.remove(node);
    this.#nodes.add(node);
    if (this.#newest && isNewer(node, this.#newest)) {
      this.#newest = node;
      this.#order?.push(node);
    } else {
      this.#order = undefined;
    }
  }

  remove(node: ServiceUrl): void {
    if (node === this.#newest) this.#newest = undefined;
    this.#nodes.delete(node);
  }

  /** What the newest of them says: by timestamp, and by text where that says nothing, so that all consumers agree. */
  get newest(): ServiceUrl | undefined {
    if (this.#newest || this.#nodes.size === 0) return this.#newest;
    this.#order ??= [...this.#nodes].sort((a, b) => (isNewer(a, b) ? 1 : isNewer(b, a) ? -1 : 0));
    while (this.#order.length > 0) {
      const node = this.#order.at(-1)!;
      if (this.#nodes.has(node)) return (this.#newest = node);
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
