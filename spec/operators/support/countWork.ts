/** How many entries of maps and sets are touched while `work` runs: what it costs, whatever the machine. */
export function countWork(work: () => void): number {
  let count = 0;
  const undo: (() => void)[] = [];
  const patch = (owner: object, name: string | symbol, make: (original: Method) => Method): void => {
    const descriptor = Object.getOwnPropertyDescriptor(owner, name)!;
    Object.defineProperty(owner, name, { ...descriptor, value: make(descriptor.value as Method) });
    undo.push(() => Object.defineProperty(owner, name, descriptor));
  };
  const counted = (original: Method): Method =>
    function (this: unknown, ...args) {
      count += 1;
      return original.apply(this, args);
    };
  for (const name of ['get', 'set', 'has', 'delete']) patch(Map.prototype, name, counted);
  for (const name of ['add', 'has', 'delete']) patch(Set.prototype, name, counted);
  for (const iterable of [new Map(), new Set()]) {
    patch(Object.getPrototypeOf(iterable[Symbol.iterator]()) as object, 'next', counted);
  }
  try {
    work();
  } finally {
    for (const step of undo) step();
  }
  return count;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;
