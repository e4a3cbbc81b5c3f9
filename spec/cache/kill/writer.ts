// Keeps one state after the other, as fast as it can, until it is killed: what was kept last is the newest number it printed.
import { writeSync } from 'node:fs';
import { asyncScheduler, concat, NEVER, of } from 'rxjs';
import { fileCache } from '../../../lib/cache/fileCache.js';
import { KeptCopies } from '../../../lib/cache/index.js';

const [folder = '', first = '0', items = '0', length = '0'] = process.argv.slice(2);
const copies = new KeptCopies(fileCache(folder), {
  registry: 'kill',
  scheduler: asyncScheduler,
  isConnected: () => true,
  // The last set is kept at once where a registry is closed.
  isClosing: () => true,
  warn: (code, message) => writeSync(2, `${code} ${message}\n`),
});

for (let state = Number(first); ; state++) {
  const textOf = (index: number): string => `state ${state}, item ${index}`.padEnd(Number(length));
  const answer = Array.from({ length: Number(items) }, (_, index) => textOf(index));
  copies
    .keep(
      'query',
      concat(
        of(() => answer),
        NEVER,
      ),
      (item) => item,
    )
    .subscribe()
    .unsubscribe();
  await new Promise<void>((resolve) => copies.settled().subscribe({ complete: resolve }));
  writeSync(1, `${state}\n`);
}
