import { describe, expect, it } from 'vitest';
import { encodeComponent } from '../../lib/dubbo/index.js';
import type { RegistryWarning } from '../../lib/index.js';
import { BACKOFF_MS, refusing, World } from '../support/virtual/index.js';

const SECRET = 's3cr3t';
const NAME = encodeComponent(`dubbo://app:${SECRET}@h:1/x?password=${SECRET}`);
const PROVIDERS = `/dubbo/${NAME}/providers`;
/** A name that no decoder reads. */
const GARBAGE = `${NAME}%zz`;

/** The warnings of a registry whose client follows one service, or all of them. */
function warningsOf(prepare: (world: World) => void, refused = false): readonly RegistryWarning[] {
  const world = new World();
  prepare(world);
  const backend = refusing(
    world.backend(),
    (method, path) => refused && method === 'watchDirectory' && path === PROVIDERS,
  );
  const { registry, warnings } = world.registry({}, { ...backend, largeDirectoryBytes: 1_000 });
  registry.instances({ interface: '*' }).subscribe();
  world.time.pass(BACKOFF_MS);
  return warnings;
}

describe('the path in a warning', () => {
  it.each<[RegistryWarning['code'], (world: World) => void, refused?: boolean]>([
    ['UNREADABLE_NODE', ({ server }) => server.create(`/dubbo/x.Y/providers/${GARBAGE}`)],
    ['UNREADABLE_DIRECTORY', ({ server }) => server.create(PROVIDERS), true],
    [
      'LARGE_DIRECTORY',
      ({ server }) =>
        server.change({ create: Array.from({ length: 20 }, (_, n) => `${PROVIDERS}/${'n'.repeat(60)}${n}`) }),
    ],
  ])('of %s shows no password', (code, prepare, refused) => {
    const told = warningsOf(prepare, refused).filter((warning) => warning.code === code);
    expect(told[0]?.path).toContain('/dubbo/');
    for (const { path, message } of told) {
      expect(path).not.toContain(SECRET);
      expect(message).not.toContain(SECRET);
    }
  });
});

describe('a name that cannot be read', () => {
  it('is reported once by a registry, however many queries meet it and however often it comes back', () => {
    const world = new World();
    const { registry, warnings } = world.registry();
    const query = { interface: 'x.Y' };
    world.server.create('/dubbo/x.Y/providers/%zz');
    for (let round = 0; round < 3; round++) {
      const subscriptions = [
        registry.instances(query).subscribe(),
        registry.instances({ ...query, group: '*' }).subscribe(),
      ];
      world.time.pass(BACKOFF_MS);
      world.server.remove('/dubbo/x.Y/providers/%zz');
      world.time.pass(BACKOFF_MS);
      world.server.create('/dubbo/x.Y/providers/%zz');
      world.time.pass(BACKOFF_MS);
      for (const subscription of subscriptions) subscription.unsubscribe();
    }
    expect(warnings.map(({ code, count }) => [code, count])).toEqual([['UNREADABLE_NODE', 1]]);
  });
});
