import { describe, expect, it } from 'vitest';
import { createConfigCenter } from '../../lib/createConfigCenter.js';
import type { Session } from '../../lib/port/index.js';
import { bytes, Recorder } from '../contract/probe.js';
import { refusing, World } from '../support/virtual/index.js';

const PATH = '/dubbo/config/dubbo/key';

/** A configuration centre whose server refuses it what is named, as long as it is. */
function stage(...refused: (keyof Session)[]) {
  const world = new World();
  const denied = new Set<keyof Session>(refused);
  const config = createConfigCenter(
    refusing(world.backend(), (method) => denied.has(method)),
    {
      retry: { baseMs: 50, maxMs: 100, random: () => 0.5 },
    },
  );
  const warnings: string[] = [];
  config.warnings.subscribe(({ code, path, count }) => warnings.push(`${code} ${path} ${count}`));
  return { world, config, denied, warnings };
}

describe('a server that refuses', () => {
  it('what was never told is an error, at once', async () => {
    const { world, config } = stage('watchNode', 'watchDirectory', 'read', 'write', 'remove');
    using value = new Recorder(config.watch('key'));
    using keys = new Recorder(config.keys());
    const calls = [config.get('key'), config.publish('key', 'x'), config.remove('key')];
    const outcomes = Promise.allSettled(calls);
    world.time.pass(10);
    for (const { error, values } of [value, keys]) {
      expect(values).toEqual([]);
      expect(error).toMatchObject({ code: 'NOT_AUTHORIZED' });
    }
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { code: 'NOT_AUTHORIZED' } });
  });

  it('whoever comes after it was permitted is told', () => {
    const { world, config, denied } = stage('watchNode');
    const refused = new Recorder(config.watch('key'));
    world.time.pass(10);
    expect(refused.error).toMatchObject({ code: 'NOT_AUTHORIZED' });
    denied.clear();
    using value = new Recorder(config.watch('key'));
    world.time.pass(10);
    expect(value.values).toMatchObject([{ present: false }]);
  });

  it('what was told stays, with one warning, until it may be read again', () => {
    const { world, config, denied, warnings } = stage();
    world.server.create(PATH, bytes('x'));
    using value = new Recorder(config.watch('key'));
    using keys = new Recorder(config.keys());
    world.time.pass(10);
    denied.add('watchNode').add('watchDirectory');
    world.server.cut();
    world.server.heal();
    world.server.write(PATH, bytes('y'));
    world.time.pass(5_000);
    expect([value.values.length, keys.values.length]).toEqual([1, 1]);
    expect(warnings.sort()).toEqual(['UNREADABLE_GROUP /dubbo/config/dubbo 1', `UNREADABLE_VALUE ${PATH} 1`]);
    denied.clear();
    world.time.pass(1_000);
    expect(value.values.map(({ content }) => content)).toEqual(['x', 'y']);
    expect([value.error, keys.error, keys.values.length]).toEqual([undefined, undefined, 1]);
  });

  it('says what went wrong last when time runs out', async () => {
    const { world, config } = stage();
    const { server, time } = world;
    server.create(`${PATH}/below`);
    await expect(time.settle(config.remove('key'))).rejects.toMatchObject({ code: 'NOT_EMPTY' });
    server.stop();
    const late = time.settle(config.get('key', { timeoutMs: 5_000 }));
    await expect(late).rejects.toThrow(/Waited 5000 ms for "key" to be read; the connection is .*refused/);
  });
});
