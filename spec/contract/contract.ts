import { afterAll, beforeAll, describe, it } from 'vitest';
import { backendContract } from '../../lib/contract/index.js';
import type { World } from './world.js';

/** What the port promises, sentence by sentence, of any backend: all of it, or some groups. */
export function describeContract(
  name: string,
  open: () => Promise<World>,
  groups: readonly string[] = [...new Set(backendContract.map(({ group }) => group))],
): void {
  describe(`the contract of a backend, kept by ${name}`, () => {
    let world: World;
    beforeAll(async () => void (world = await open()));
    afterAll(() => world[Symbol.asyncDispose]());
    describe.each([...groups])('%s', (group) => {
      for (const promise of backendContract) if (promise.group === group) it(promise.title, () => promise.run(world));
    });
  });
}
