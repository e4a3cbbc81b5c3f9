import { setTimeout as sleep } from 'node:timers/promises';
import { firstValueFrom, map, type Observable } from 'rxjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigCenter, ConfigCenterOptions } from '../../lib/config/configCenter.js';
import { ConfigConflictError } from '../../lib/config/configErrors.js';
import type { ConfigValue } from '../../lib/config/configValue.js';
import { createConfigCenter } from '../../lib/createConfigCenter.js';
import { ERROR_CODES, InvalidOptionError, RegistryError } from '../../lib/errors.js';
import type { Backend, Session } from '../../lib/port/index.js';
import { eventually } from '../support/servers/eventually.js';
import { settled } from '../support/scenario/settled.js';
import { Recorder, SOON_MS } from './probe.js';
import type { World, WorldClient } from './world.js';

/** What differs from backend to backend. */
export interface ConfigContractOptions {
  /** Whether one who is connected is told every version. */
  readonly tellsEveryVersion: boolean;
  /** How many bytes of content are surely taken, and how many are not; none if there is no limit. */
  readonly bytes?: { readonly taken: number; readonly refused: number; readonly limit: string };
}

/** What a configuration centre promises, sentence by sentence, on any backend. */
export function describeConfigContract(
  name: string,
  open: () => Promise<World>,
  { tellsEveryVersion, bytes }: ConfigContractOptions,
): void {
  describe(`a configuration centre on ${name}`, () => {
    let world: World;
    let group: string;
    let groups = 0;
    const members: Member[] = [];

    beforeAll(async () => void (world = await open()));
    afterAll(() => world[Symbol.asyncDispose]());
    beforeEach(() => void (group = `group-${(groups += 1)}`));
    afterEach(async () => {
      for (const { client } of members) client.heal();
      await Promise.all(members.splice(0).map(({ config }) => config.close()));
    });

    interface Member {
      readonly client: WorldClient;
      readonly backend: Backend;
      readonly config: ConfigCenter;
      readonly warnings: string[];
    }

    async function join(options?: ConfigCenterOptions): Promise<Member> {
      const client = await world.client(world.longTimeoutMs);
      const { backend } = client;
      const config = createConfigCenter(backend, { retry: { baseMs: 10, maxMs: 50 }, ...options });
      const member = { client, backend, config, warnings: [] as string[] };
      config.warnings.subscribe(({ code, count }) => member.warnings.push(`${code} ${count}`));
      members.push(member);
      return member;
    }

    const pathOf = (key: string): string => `/dubbo/config/${group}/${key}`;

    /** What a watch told, as texts. */
    function record(source: Observable<ConfigValue>): Recorder<string | undefined> & { readonly versions: bigint[] } {
      const versions: bigint[] = [];
      const recorder = new Recorder(
        source.pipe(
          map(({ content, version }) => {
            if (version !== undefined) versions.push(version);
            return content;
          }),
        ),
      );
      return Object.assign(recorder, { versions });
    }

    function expectRising(versions: readonly bigint[]): void {
      for (const [index, version] of versions.entries()) {
        if (index > 0) expect(version).toBeGreaterThan(versions[index - 1]!);
      }
    }

    const refusal = (promise: Promise<unknown>): Promise<unknown> =>
      promise.then(
        (value) => new Error(`It was carried out, and gave ${String(value)}`),
        (error: unknown) => error,
      );

    describe('get, publish and remove', () => {
      it('a key that holds nothing is a value that says so', async () => {
        const { config } = await join();
        expect(await config.get('key', { group })).toEqual({
          ...{ present: false, key: 'key', group },
          ...{ content: undefined, version: undefined },
        });
      });

      it('what is published stands where Java looks for it, and is read back', async () => {
        const { config } = await join();
        const published = await config.publish('user-service.properties', 'a=ä\nb=𝄞', { group });
        expect(published).toMatchObject({ present: true, key: 'user-service.properties', group, content: 'a=ä\nb=𝄞' });
        expect(await world.read(pathOf('user-service.properties'))).toEqual({ data: 'a=ä\nb=𝄞', owner: undefined });
        expect(await config.get('user-service.properties', { group })).toEqual(published);
      });

      it('without a group it is the group dubbo, and the namespace stands first', async () => {
        const { config } = await join({ namespace: `/shop-${group}/eu` });
        await config.publish('com.acme.Users:1.0:g.configurators', 'x');
        expect(await world.read(`/shop-${group}/eu/config/dubbo/com.acme.Users:1.0:g.configurators`)).toMatchObject({
          data: 'x',
        });
        expect(await config.get('com.acme.Users:1.0:g.configurators')).toMatchObject({ group: 'dubbo', content: 'x' });
      });

      it('reads what others wrote, an empty content too', async () => {
        const { config } = await join();
        await world.create(pathOf('empty'));
        await world.create(pathOf('full'), 'content');
        expect(await config.get('empty', { group })).toMatchObject({ present: true, content: '' });
        expect(await config.get('full', { group })).toMatchObject({ present: true, content: 'content' });
      });

      it('a version rises with every publication, also after a removal', async () => {
        const { config } = await join();
        const versions: bigint[] = [];
        for (const content of ['1', '1', '2', '']) {
          const published = await config.publish('key', content, { group });
          versions.push(published.version);
          expect(await config.get('key', { group })).toEqual(published);
          if (content === '2') await config.remove('key', { group });
        }
        expectRising(versions);
      });

      it('is removed, and removed again without an error', async () => {
        const { config } = await join();
        await config.publish('key', 'x', { group });
        await config.remove('key', { group });
        await config.remove('key', { group });
        expect(await world.read(pathOf('key'))).toBeUndefined();
        expect(await config.get('key', { group })).toMatchObject({ present: false });
      });

      it('base64 is written and read as dubbo-go does', async () => {
        const { config, warnings } = await join({ base64: true });
        await config.publish('key', 'wéight=1', { group });
        expect(await world.read(pathOf('key'))).toMatchObject({ data: 'd8OpaWdodD0x' });
        expect(await config.get('key', { group })).toMatchObject({ content: 'wéight=1' });
        await world.write(pathOf('key'), 'not base64');
        expect(await refusal(config.get('key', { group }))).toMatchObject({ code: 'UNREADABLE_VALUE' });
        expect(warnings).toEqual([]);
      });

      it('is also looked for where dubbo-go 1.3 kept it, when asked to', async () => {
        const { config } = await join({ dottedKeys: true });
        const key = `a.${group}.Svc.configurators`;
        const old = `/dubbo/config/a.${group}.Svc/configurators`;
        await world.create(old, 'old');
        using seen = record(config.watch(key));
        await eventually(() => expect(seen.values).toEqual(['old']));
        expect(await config.get(key)).toMatchObject({ group: 'dubbo', content: 'old' });
        expect(await config.get(key, { group })).toMatchObject({ present: false });
        await config.publish(key, 'new', { ifVersion: 'absent' });
        expect(await world.read(`/dubbo/config/dubbo/${key}`)).toMatchObject({ data: 'new' });
        await eventually(() => expect(seen.values).toEqual(['old', 'new']));
        await world.write(old, 'changed');
        await config.remove(key);
        await eventually(() => expect(seen.values).toEqual(['old', 'new', 'changed']));
        expect(await (await join()).config.get(key)).toMatchObject({ present: false });
        await config.publish('nodots', 'x');
        expect(await config.get('nodots')).toMatchObject({ content: 'x' });
        expect(await config.get('.configurators')).toMatchObject({ present: false });
      });
    });

    describe('compare-and-set', () => {
      it('writes on the version that there is, and says CONFLICT with what there is instead on any other', async () => {
        const { config } = await join();
        const one = await config.publish('key', '1', { group, ifVersion: 'absent' });
        const two = await config.publish('key', '2', { group, ifVersion: one.version });
        for (const ifVersion of [one.version, two.version + 1n, 0n, 'absent'] as const) {
          const error = await refusal(config.publish('key', 'x', { group, ifVersion }));
          expect(error).toBeInstanceOf(ConfigConflictError);
          expect(error).toMatchObject({ code: 'VERSION_CONFLICT', retriable: false, current: two });
          expect((error as Error).message).toContain(String(two.version));
        }
        expect(await config.get('key', { group })).toEqual(two);
      });

      it('on a version where there is none says so', async () => {
        const { config } = await join();
        const nothing = { present: false, key: 'key', group, content: undefined, version: undefined };
        expect(await refusal(config.publish('key', 'x', { group, ifVersion: 1n }))).toMatchObject({
          code: 'VERSION_CONFLICT',
          current: nothing,
        });
        expect(await refusal(config.remove('key', { group, ifVersion: 1n }))).toMatchObject({
          code: 'VERSION_CONFLICT',
          current: nothing,
        });
      });

      it('holds for removals', async () => {
        const { config } = await join();
        const one = await config.publish('key', '1', { group });
        const two = await config.publish('key', '2', { group });
        expect(await refusal(config.remove('key', { group, ifVersion: one.version }))).toMatchObject({
          code: 'VERSION_CONFLICT',
          current: two,
        });
        await config.remove('key', { group, ifVersion: two.version });
        expect(await config.get('key', { group })).toMatchObject({ present: false });
        const again = await config.publish('key', '2', { group, ifVersion: 'absent' });
        expect(await refusal(config.publish('key', '3', { group, ifVersion: two.version }))).toMatchObject({
          current: again,
        });
      });

      it('tells a conflict also when what is there cannot be read', async () => {
        const { config } = await join({ base64: true });
        await world.create(pathOf('key'), '?');
        expect(await refusal(config.publish('key', 'x', { group, ifVersion: 'absent' }))).toMatchObject({
          code: 'VERSION_CONFLICT',
          current: { present: true, content: '?' },
        });
      });

      it('is won by one of many who publish on the same version, or on none', async () => {
        const many = await Promise.all(Array.from({ length: 5 }, () => join()));
        for (const ifVersion of ['absent', undefined] as const) {
          const on = ifVersion ?? (await many[0]!.config.get('key', { group })).version!;
          const results = await Promise.allSettled(
            many.map(({ config }, index) => config.publish('key', `${index}`, { group, ifVersion: on })),
          );
          const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
          expect(won).toHaveLength(1);
          expect(await many[0]!.config.get('key', { group })).toEqual(won[0]);
          for (const result of results) {
            if (result.status === 'rejected') expect(result.reason).toMatchObject({ current: won[0] });
          }
        }
      });

      it('whoever publishes without a condition succeeds, whoever else makes and removes the key', async () => {
        const many = await Promise.all(Array.from({ length: 5 }, () => join()));
        const published = await Promise.all(
          many.flatMap(({ config }, index) => [
            config.publish('key', `${index}`, { group }),
            config.remove('key', { group }),
            config.publish('key', `${index}`, { group }),
          ]),
        );
        const versions = published.flatMap((value) => (value ? [value.version] : []));
        expect(new Set(versions).size).toBe(10);
        const last = await config(0).get('key', { group });
        if (last.present) expect(versions).toContain(last.version);

        function config(index: number): ConfigCenter {
          return many[index]!.config;
        }
      });

      it('by 50 concurrent writers who each increment a counter loses none; a watcher sees versions only ever rise', async () => {
        const watcher = await join();
        using seen = record(watcher.config.watch('counter', { group }));
        await eventually(() => expect(seen.values).toEqual([undefined]));
        const centres = await Promise.all(Array.from({ length: 5 }, () => join()));
        const writers = Array.from({ length: 50 }, (_, index) => centres[index % centres.length]!.config);
        const versions = (await Promise.all(writers.map((config) => increment(config)))).map(({ version }) => version);
        expect(await watcher.config.get('counter', { group })).toMatchObject({ content: '50' });
        await eventually(() => expect(seen.values.at(-1)).toBe('50'), { withinMs: SOON_MS });
        expectRising(seen.versions);
        expect(new Set(versions).size).toBe(50);
        if (tellsEveryVersion) {
          expect(seen.values).toEqual([undefined, ...Array.from({ length: 50 }, (_, index) => `${index + 1}`)]);
        }
      });

      async function increment(config: ConfigCenter): Promise<ConfigValue> {
        for (;;) {
          const { content = '0', version } = await config.get('counter', { group });
          try {
            return await config.publish('counter', `${Number(content) + 1}`, { group, ifVersion: version ?? 'absent' });
          } catch (error) {
            if (!(error instanceof ConfigConflictError)) throw error;
            await sleep(Math.random() * 20);
          }
        }
      }
    });

    describe('watch', () => {
      it('tells a key that is absent, comes, changes, goes and comes again', async () => {
        const { config } = await join();
        using seen = record(config.watch('key', { group }));
        const told: (string | undefined)[] = [];
        const tells = async (content: string | undefined): Promise<void> => {
          told.push(content);
          await eventually(() => expect(seen.values).toEqual(told));
        };
        await tells(undefined);
        await world.create(pathOf('key'), 'one');
        await tells('one');
        await config.publish('key', 'two', { group });
        await tells('two');
        await world.remove(pathOf('key'));
        await tells(undefined);
        await config.publish('key', '', { group });
        await tells('');
        await config.remove('key', { group });
        await tells(undefined);
        expectRising(seen.versions);
        expect(await firstValueFrom(config.watch('key', { group }))).toMatchObject({
          present: false,
          key: 'key',
          group,
        });
      });

      it('is one watch on the server for all of a key; a late one is told at once; the last one releases it', async () => {
        const { config } = await join();
        await config.publish('key', 'x', { group });
        const before = await settled(() => world.watches());
        const first = record(config.watch('key', { group }));
        await eventually(() => expect(first.values).toEqual(['x']));
        expect(await settled(() => world.watches())).toBe(before + 1);
        const others = Array.from({ length: 10 }, () => record(config.watch('key', { group })));
        for (const other of others) expect(other.values).toEqual(['x']);
        expect(await settled(() => world.watches())).toBe(before + 1);
        first.stop();
        await config.publish('key', 'y', { group });
        await eventually(() => others.forEach((other) => expect(other.values).toEqual(['x', 'y'])));
        for (const other of others) other.stop();
        await eventually(async () => expect(await world.watches()).toBe(before));
      });

      it('holds its value while cut off, and tells after it what has changed, once', async () => {
        const { config, client, backend } = await join();
        const other = await join();
        for (const key of ['same', 'written', 'removed']) await other.config.publish(key, 'x', { group });
        const watches = ['same', 'written', 'removed', 'comes'].map((key) => record(config.watch(key, { group })));
        const [same, written, removed, comes] = watches;
        await eventually(() => expect(watches.map(({ values }) => values)).toEqual([['x'], ['x'], ['x'], [undefined]]));
        client.cut(await sessionOf(backend));
        await eventually(async () => expect((await firstValueFrom(config.states)).status).toBe('suspended'));
        for (const content of ['1', '2', '3']) await other.config.publish('written', content, { group });
        await other.config.remove('removed', { group });
        await other.config.publish('comes', 'x', { group });
        const late = record(config.watch('same', { group }));
        expect(late.values).toEqual(['x']);
        expect(watches.map(({ values }) => values)).toEqual([['x'], ['x'], ['x'], [undefined]]);
        client.heal();
        await eventually(() => expect(comes!.values).toEqual([undefined, 'x']), { withinMs: SOON_MS });
        await other.config.publish('same', 'y', { group });
        await eventually(() => {
          expect(same!.values).toEqual(['x', 'y']);
          expect(written!.values).toEqual(['x', '3']);
          expect(removed!.values).toEqual(['x', undefined]);
          expect(late.values).toEqual(['x', 'y']);
        });
        for (const watch of [...watches, late]) watch.stop();
      });

      it('survives the loss of its session', async () => {
        const { config, backend } = await join();
        await config.publish('key', 'x', { group });
        using seen = record(config.watch('key', { group }));
        using absent = record(config.watch('absent', { group }));
        await eventually(() => expect([seen.values, absent.values]).toEqual([['x'], [undefined]]));
        const session = await sessionOf(backend);
        await world.expire(session);
        await eventually(async () => expect(await sessionOf(backend)).not.toBe(session), { withinMs: SOON_MS });
        await world.write(pathOf('key'), 'y');
        await eventually(() => expect(seen.values).toEqual(['x', 'y']));
        expect(absent.values).toEqual([undefined]);
      });

      it('sees versions only ever rise, and ends at the last, also when it is cut off meanwhile', async () => {
        const { config, client, backend } = await join();
        const { config: writer } = await join();
        using seen = record(config.watch('key', { group }));
        using steady = record(writer.watch('key', { group }));
        await eventually(() => expect([seen.values, steady.values]).toEqual([[undefined], [undefined]]));
        for (let index = 0; index < 120; index += 1) {
          if (index % 40 === 20) client.cut(await sessionOf(backend));
          if (index % 40 === 35) client.heal();
          if (index % 10 === 9) await writer.remove('key', { group });
          await writer.publish('key', `${index}`, { group });
        }
        await eventually(() => expect([seen.last, steady.last]).toEqual(['119', '119']), { withinMs: SOON_MS });
        expectRising(seen.versions);
        expectRising(steady.versions);
        if (tellsEveryVersion) {
          const all = Array.from({ length: 120 }, (_, index) =>
            index % 10 === 9 ? [undefined, `${index}`] : [`${index}`],
          );
          expect(steady.values).toEqual([undefined, ...all.flat()]);
        }
      });

      it('keeps the last value that could be read, and warns once of one that cannot', async () => {
        const { config, warnings, client, backend } = await join({ base64: true });
        using seen = record(config.watch('key', { group }));
        await config.publish('key', 'good', { group });
        await eventually(() => expect(seen.last).toBe('good'));
        await world.write(pathOf('key'), 'b@d');
        await eventually(() => expect(warnings).toEqual(['UNREADABLE_VALUE 1']));
        client.cut(await sessionOf(backend));
        client.heal();
        await config.publish('other', 'x', { group });
        await config.publish('key', 'better', { group });
        await eventually(() => expect(seen.last).toBe('better'));
        expect(seen.values.filter((value) => value !== undefined)).toEqual(['good', 'better']);
        expect(warnings).toEqual(['UNREADABLE_VALUE 1']);
      });
    });

    describe('keys', () => {
      it('are a set that follows, from a group that is not there on', async () => {
        const { config, client, backend } = await join();
        const sets: string[][] = [];
        using seen = new Recorder(config.keys(group).pipe(map((keys) => sets.push([...keys].sort()))));
        using value = record(config.watch('a', { group }));
        await eventually(() => expect(sets).toEqual([[]]));
        await config.publish('a', '1', { group });
        await eventually(() => expect(sets).toEqual([[], ['a']]));
        await world.create(pathOf('b'), 'x');
        await eventually(() => expect(sets.at(-1)).toEqual(['a', 'b']));
        await config.publish('a', '2', { group });
        await config.remove('b', { group });
        await eventually(() => expect(sets).toEqual([[], ['a'], ['a', 'b'], ['a']]));
        await eventually(() => expect(value.values).toEqual([undefined, '1', '2']));
        client.cut(await sessionOf(backend));
        await world.create(pathOf('c'));
        await world.remove(pathOf('a'));
        expect(sets).toHaveLength(4);
        client.heal();
        await eventually(() => expect(sets.slice(4)).toEqual([['c']]), { withinMs: SOON_MS });
        expect(await firstValueFrom(config.keys(group))).toEqual(new Set(['c']));
        expect(seen.error).toBeUndefined();
      });

      it('are one watch on the server, released with the last who follows them', async () => {
        const { config } = await join();
        await config.publish('a', 'x', { group });
        const before = await settled(() => world.watches());
        const follow = (): Recorder<ReadonlySet<string>> => new Recorder(config.keys(group));
        const followers = [follow()];
        await eventually(() => expect(followers[0]!.values).toEqual([new Set(['a'])]));
        const watching = await settled(() => world.watches());
        expect(watching).toBeGreaterThan(before);
        followers.push(...Array.from({ length: 5 }, follow));
        for (const { values } of followers) expect(values).toEqual([new Set(['a'])]);
        expect(await settled(() => world.watches())).toBe(watching);
        for (const follower of followers) follower.stop();
        await eventually(async () => expect(await world.watches()).toBe(before));
      });
    });

    describe('hostile input', () => {
      it.each([
        ['nothing', ''],
        ['a slash', 'a/b'],
        ['this directory', '.'],
        ['the directory above', '..'],
        ['a NUL', 'a\0b'],
        ['a line break', 'a\nb'],
        ['a control character', 'a\u0085b'],
        ['half a pair', 'a\ud800'],
        ['more than it may have', 'x'.repeat(1_025)],
        ['no text', 5 as never],
      ])('refuses %s as a key, and as a group', async (_, bad) => {
        const { config } = await join();
        const calls = [
          config.get(bad),
          config.publish(bad, 'x'),
          config.remove(bad),
          firstValueFrom(config.watch(bad)),
          config.get('key', { group: bad }),
          config.publish('key', 'x', { group: bad }),
          config.remove('key', { group: bad }),
          firstValueFrom(config.watch('key', { group: bad })),
          firstValueFrom(config.keys(bad)),
        ];
        for (const [index, call] of calls.entries()) {
          const error = await refusal(call);
          expect(error).toBeInstanceOf(InvalidOptionError);
          expect(error).toMatchObject({ option: index < 4 ? 'key' : 'group' });
          expect((error as Error).message.length).toBeLessThan(300);
        }
        expect(await world.read(`/dubbo/config/dubbo`).then((node) => node?.data ?? '')).toBe('');
      });

      it.each([
        ['no ASCII', 'ключ'],
        ['a space', 'a b'],
        ['an escape', 'a%2Fb'],
        ['a star', '*'],
        ['three dots', '...'],
        ['all that it may have', 'x'.repeat(1_024)],
        ['a word of JavaScript', '__proto__'],
      ])('takes %s for a key', async (_, key) => {
        const { config } = await join();
        await config.publish(key, 'x', { group });
        expect(await config.get(key, { group })).toMatchObject({ key, content: 'x' });
        expect(await firstValueFrom(config.keys(group))).toEqual(new Set([key]));
        await config.remove(key, { group });
      });

      it.each([
        ['content', (config: ConfigCenter) => config.publish('key', 5 as never)],
        ['content', (config: ConfigCenter) => config.publish('key', '\udc00')],
        ['ifVersion', (config: ConfigCenter) => config.publish('key', 'x', { ifVersion: 1 as never })],
        ['ifVersion', (config: ConfigCenter) => config.publish('key', 'x', { ifVersion: null as never })],
        ['ifVersion', (config: ConfigCenter) => config.remove('key', { ifVersion: 'absent' as never })],
        ['timeoutMs', (config: ConfigCenter) => config.get('key', { timeoutMs: -1 })],
      ])('refuses a bad %s', async (option, call) => {
        const { config } = await join();
        expect(await refusal(call(config))).toMatchObject({ code: 'INVALID_OPTION', option });
      });

      if (bytes)
        it('takes a content up to the limit of the server, and names the limit above it', async () => {
          const { config } = await join();
          const { taken, refused, limit } = bytes;
          const large = 'x'.repeat(taken);
          using seen = record(config.watch('key', { group }));
          await config.publish('key', large, { group });
          expect((await config.get('key', { group })).content).toHaveLength(taken);
          await eventually(() => expect(seen.last).toHaveLength(taken));
          for (const ifVersion of [undefined, 'absent', 1n] as const) {
            const key = ifVersion === 'absent' ? 'other' : 'key';
            const version = ifVersion === 1n ? (await config.get('key', { group })).version! : ifVersion;
            const error = await refusal(
              config.publish(key, 'x'.repeat(refused), { group, ...(version !== undefined && { ifVersion: version }) }),
            );
            expect(error).toMatchObject({ code: 'TOO_LARGE' });
            expect((error as Error).message).toContain(limit);
            expect((error as Error).message.length).toBeLessThan(400);
          }
          expect((await config.get('key', { group })).content).toHaveLength(taken);
          expect((await firstValueFrom(config.states)).status).toBe('connected');
        });
    });

    describe('its promises', () => {
      it('are given up by their signal, and when their time is up', async () => {
        const { config, client, backend } = await join();
        await config.publish('key', 'x', { group });
        client.cut(await sessionOf(backend));
        await eventually(async () => expect((await firstValueFrom(config.states)).status).toBe('suspended'));
        const calls = [
          (options: object) => config.get('key', options),
          (options: object) => config.publish('key', 'y', options),
          (options: object) => config.remove('key', options),
        ];
        for (const call of calls) {
          const late = await refusal(call({ group, timeoutMs: 50 }));
          expect(late).toMatchObject({ code: 'TIMEOUT' });
          expect((late as Error).message).toContain('"key"');
          const controller = new AbortController();
          const given = refusal(call({ group, signal: controller.signal }));
          controller.abort(new Error('enough'));
          expect(await given).toBe(controller.signal.reason);
          expect(await refusal(call({ group, signal: AbortSignal.abort('before') }))).toBe('before');
        }
      });

      it('are carried out when the connection is back', async () => {
        const { config, client, backend } = await join();
        await config.publish('key', 'x', { group });
        client.cut(await sessionOf(backend));
        await eventually(async () => expect((await firstValueFrom(config.states)).status).toBe('suspended'));
        const published = config.publish('key', 'y', { group });
        const read = config.get('other', { group });
        client.heal();
        await published;
        expect(await read).toMatchObject({ present: false });
        expect(await world.read(pathOf('key'))).toMatchObject({ data: 'y' });
      });

      it('reject, and streams complete, when it is closed; after that all say CLOSED', async () => {
        const { config, client, backend } = await join();
        let completed = 0;
        const complete = (): void => void (completed += 1);
        config.watch('key', { group }).subscribe({ complete });
        config.keys(group).subscribe({ complete });
        config.states.subscribe({ complete });
        config.warnings.subscribe({ complete });
        await config.get('key', { group });
        client.cut(await sessionOf(backend));
        await eventually(async () => expect((await firstValueFrom(config.states)).status).toBe('suspended'));
        const waiting = refusal(config.publish('key', 'x', { group }));
        await config.close({ deadlineMs: 500 });
        expect(await waiting).toMatchObject({ code: 'CLOSED' });
        expect(completed).toBe(4);
        for (const call of [
          config.get('key'),
          config.publish('key', 'x'),
          config.remove('key'),
          firstValueFrom(config.watch('key')),
          firstValueFrom(config.keys()),
        ]) {
          const error = await refusal(call);
          expect(error).toBeInstanceOf(RegistryError);
          expect(error).toMatchObject({ code: 'CLOSED' });
        }
        expect(ERROR_CODES.CLOSED.retriable).toBe(false);
      });
    });

    async function sessionOf(backend: Backend): Promise<Session> {
      return eventually(
        async () => {
          const state = await firstValueFrom(backend.states);
          return state.status === 'connected' ? state.session : null;
        },
        { what: 'a session', withinMs: SOON_MS },
      );
    }
  });
}
