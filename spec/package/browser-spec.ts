import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

/** A program that a page would load. */
const PROGRAM = `
  import { firstValueFrom, of } from 'rxjs';
  import { InstanceSet } from './lib/instances/index.js';
  import * as operators from './lib/operators/index.js';
  import { fakeInstances, marbleBackend, recordOf, scenario } from './lib/testing/index.js';

  globalThis.main = async () => {
    const instances = fakeInstances(2);
    const set = new InstanceSet(new Map(instances.map((each) => [each.address, each])));
    const sets = of(set).pipe(operators.stabilize({ removeAfterMs: 10 }), operators.preferZone('eu-1'));
    const picker = await firstValueFrom(sets.pipe(operators.balance(operators.leastLoaded())));
    const story = scenario();
    const client = story.client();
    client.registry.register(instances[0]).subscribe();
    const told = recordOf(client.registry.subscribe({ interface: instances[0].interface }), story);
    client.cut();
    story.pass('1m');
    client.heal();
    story.pass('1m');
    const found = await story.settle(client.registry.lookup({ interface: instances[0].interface }));
    return [await picker.run(({ host }) => host), told.values.length, found.size, typeof marbleBackend].join();
  };
`;

describe('rx-registry/operators and rx-registry/testing', () => {
  it('load nothing of Node.js: they are bundled for a browser, and run where there is nothing but one', async () => {
    const bundle = await build({
      stdin: { contents: PROGRAM, resolveDir: process.cwd(), loader: 'ts' },
      bundle: true,
      format: 'iife',
      // Imports of Node.js are errors there.
      platform: 'browser',
      target: 'es2022',
      write: false,
      logLevel: 'silent',
    });
    // What every browser has beyond the language.
    const page = createContext({
      ...{ setTimeout, clearTimeout, setInterval, clearInterval, queueMicrotask, performance, console },
      ...{ AbortController, AbortSignal, TextEncoder, TextDecoder, URL, URLSearchParams },
    });
    runInContext('globalThis.self = globalThis.window = globalThis;', page);
    runInContext(bundle.outputFiles[0]!.text, page);
    expect(await runInContext('main()', page)).toBe('10.0.0.1,1,1,function');
  });
});
