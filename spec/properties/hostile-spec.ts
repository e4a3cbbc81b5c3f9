import fc from 'fast-check';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeComponent, fromNodeName, interfaceOfDirectory, nodePath, rootPath } from '../../lib/dubbo/index.js';
import { quoted } from '../../lib/internal/quoted.js';
import { redact } from '../../lib/internal/redact.js';
import { type Registry, registryOn, type RegistryWarning } from '../../lib/registry.js';
import { countWork } from '../operators/support/countWork.js';
import { HOSTILE_TEXTS, hostileName, UNREADABLE_NAMES } from '../support/hostile/hostileNames.js';
import { HostileServer } from '../support/hostile/hostileServer.js';
import { Printed } from '../support/hostile/printed.js';
import { WholeChain } from '../support/hostile/wholeChain.js';
import { provider, SERVICE, turn } from '../support/virtual/index.js';
import { cpuMs } from '../support/cpuMs.js';

const ROOT = '/dubbo';
const DIRECTORY = `${ROOT}/${SERVICE}/providers`;
const GOOD = ['good-1', 'good-2', 'good-3'].map((host) => provider(host));
const GOOD_ADDRESSES = GOOD.map(({ address }) => address);
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const GOOD_NAMES = GOOD.map((url) => nameOf(nodePath(rootPath(), url)));
const ALL = { interface: SERVICE, group: '*', version: '*', category: '*', enabled: '*' };

describe('isolation from a hostile registry', () => {
  let server: HostileServer;
  let registry: Registry;
  let warnings: RegistryWarning[];
  let printed: Printed;
  let rejections: unknown[];
  const onRejection = (reason: unknown): void => void rejections.push(reason);

  const begin = (options: ConstructorParameters<typeof HostileServer>[0] = {}): void => {
    server = new HostileServer(options);
    registry = registryOn(server.backend);
    warnings = [];
    registry.warnings.subscribe((warning) => {
      warnings.push(warning);
      printed.lines.push(warning.message);
      printed.error(warning.cause);
    });
  };
  const end = async (): Promise<void> => {
    await registry.close();
    await turn();
    expect(printed.forged).toEqual([]);
    expect(rejections).toEqual([]);
  };

  beforeEach(() => {
    printed = new Printed();
    rejections = [];
    process.on('unhandledRejection', onRejection);
    begin();
  });
  afterEach(async () => {
    await registry.close();
    process.off('unhandledRejection', onRejection);
    printed[Symbol.dispose]();
  });

  it.each(UNREADABLE_NAMES)('%s as a name is skipped, counted and reported once', async (_, name) => {
    server.put(DIRECTORY, [GOOD_NAMES[0]!, name, GOOD_NAMES[1]!]);
    const chain = new WholeChain(registry, ALL);
    server.put(DIRECTORY, [GOOD_NAMES[2]!]);
    server.interrupt();
    await turn();
    expect(chain.record.addresses).toEqual(GOOD_ADDRESSES);
    expect(chain.record.told).toEqual(GOOD_ADDRESSES.map((address) => `add ${address}`));
    expect(warnings.map(({ code, count }) => `${code} ${count}`)).toEqual(['UNREADABLE_NODE 1']);
    await chain.leave();
    await end();
  });

  it('any names go through the whole chain: no crash, no forged line, and good nodes beside them are delivered once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(hostileName, { maxLength: 12 }),
        fc.uniqueArray(hostileName, { maxLength: 6 }),
        async (first, second) => {
          begin();
          server.put(DIRECTORY, [GOOD_NAMES[0]!, ...first, GOOD_NAMES[1]!]);
          const chain = new WholeChain(registry, ALL);
          server.put(DIRECTORY, [...second, GOOD_NAMES[2]!]);
          server.interrupt();
          server.take(DIRECTORY, first);
          server.put(DIRECTORY, first);
          await turn();
          expect(chain.record.flaws).toEqual([]);
          expect([...chain.errors, chain.record.error].filter((error) => error !== undefined)).toEqual([]);
          expect(chain.record.addresses).toEqual(expect.arrayContaining(GOOD_ADDRESSES));
          for (const address of GOOD_ADDRESSES) {
            expect(chain.record.told.filter((told) => told.endsWith(` ${address}`))).toEqual([`add ${address}`]);
          }
          const unreadable = new Set([...first, ...second].filter((name) => !isReadable(name)));
          expect(warnings.filter(({ code }) => code === 'UNREADABLE_NODE')).toHaveLength(unreadable.size);
          expect(await chain.choose(HOSTILE_TEXTS)).toEqual([]);
          expect((await registry.lookup(ALL)).size).toBe(chain.record.services.length);
          await chain.leave();
          expect(chain.iterated).toBe(chain.record.events.length);
          await end();
        },
      ),
      { numRuns: 200 },
    );
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('any names of directories harm no query of all services, and none is asked for that no path can have', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(hostileName, { maxLength: 12 }), async (directories) => {
        begin();
        server.put(ROOT, [...directories, SERVICE]);
        server.put(DIRECTORY, GOOD_NAMES);
        const chain = new WholeChain(registry, { ...ALL, interface: '*', category: 'providers' });
        server.take(ROOT, directories);
        server.put(ROOT, directories);
        server.interrupt();
        await turn();
        expect(chain.record.told).toEqual(GOOD_ADDRESSES.map((address) => `add ${address}`));
        expect([...chain.record.flaws, ...chain.errors]).toEqual([]);
        // Once each at the beginning, when it came back, and after the interruption; and never again.
        for (const path of new Set(server.asked)) {
          expect(server.asked.filter((asked) => asked === path).length, JSON.stringify(path)).toBeLessThanOrEqual(3);
        }
        await chain.leave();
        await end();
      }),
      { numRuns: 100 },
    );
  });

  it('a megabyte of names is not kept to remember what was reported', () => {
    // Known by its path, which is as long as its name.
    const before = heapUsed();
    for (let round = 0; round < 60; round++) {
      const names = Array.from({ length: 10 }, (_, index) => `${round}-${index}-${'x'.repeat(100_000)}`);
      server.put(DIRECTORY, names);
      if (round === 0) registry.subscribe(ALL).subscribe();
      server.take(DIRECTORY, names);
    }
    expect(warnings).toHaveLength(600);
    warnings.length = printed.lines.length = 0;
    expect(heapUsed() - before).toBeLessThan(30_000_000);
  });

  it('no warning of a directory can write a line of its own', async () => {
    begin({ largeDirectoryBytes: 100 });
    for (const name of ['\u202egnp.exe', '\u2028root:secret@db', '\ud800']) {
      server.put(ROOT, [name]);
      server.put(`${ROOT}/${name}/providers`, GOOD_NAMES);
    }
    registry.subscribe({ interface: '*' }).subscribe();
    expect(warnings.map(({ code }) => code).sort()).toEqual(['LARGE_DIRECTORY', 'LARGE_DIRECTORY', 'UNREADABLE_NODE']);
    await end();
  });

  describe('takes time that grows with what there is, not with its square', () => {
    /** How many times as long it takes for sixteen times as much; of CPU time, the least of five tries. */
    const growth = (prepare: (size: number) => () => void, size: number): number => {
      const least = (of: number): number => {
        const times = Array.from({ length: 5 }, () => {
          const work = prepare(of);
          const begun = cpuMs();
          work();
          return cpuMs() - begun;
        });
        return Math.max(0.5, Math.min(...times));
      };
      least(size);
      return least(16 * size) / least(size);
    };
    // The square would be 256.
    const LINEAR = 100;

    const reading = (name: string) => (): void => {
      for (let round = 0; round < 20; round++) isReadable(name);
      quoted(name);
      redact(name);
      try {
        interfaceOfDirectory(name);
      } catch {
        // As it should.
      }
    };
    it.each<readonly [what: string, make: (size: number) => string]>([
      ['percent signs', (size) => '%25'.repeat(size / 3)],
      ['escapes without an end', (size) => `${'%25'.repeat(size / 3 - 1)}%`],
      ['escapes that are no UTF-8', (size) => '%FF'.repeat(size / 3)],
      ['spaces', (size) => `dubbo%3A%2F%2Fa%2F${'+'.repeat(size)}`],
      ['slashes', (size) => `dubbo%3A%2F%2F${'%2F'.repeat(size / 3)}`],
      ['colons', (size) => `dubbo%3A%2F%2F${'%3A'.repeat(size / 3)}`],
      ['brackets', (size) => `dubbo%3A%2F%2F${'%5B'.repeat(size / 3)}`],
      ['at signs', (size) => `dubbo%3A%2F%2F${'%40'.repeat(size / 3)}`],
      ['passwords', (size) => '%3A%2F%2F%3Fpassword%3Dx'.repeat(size / 24)],
      ['passwords without an end', (size) => `%3A%2F%2F${'x'.repeat(size)}`],
      ['empty parameters', (size) => `dubbo%3A%2F%2Fa%3F${'%26'.repeat(size / 3)}`],
      [
        'parameters',
        (size) => `dubbo%3A%2F%2Fa%3F${Array.from({ length: size / 16 }, (_, i) => `p${i}%3Dv`).join('%26')}`,
      ],
      ['the same parameter', (size) => `dubbo%3A%2F%2Fa%3F${'p%3Dv%26'.repeat(size / 8)}`],
      ['digits', (size) => `dubbo%3A%2F%2Fa%3A${'1'.repeat(size)}`],
    ])('%s in a name', (_, make) => {
      expect(growth((size) => reading(make(size)), 4_000)).toBeLessThan(LINEAR);
    });

    const names = (size: number, host: (index: number) => string): string[] =>
      Array.from({ length: size }, (_, index) => encodeComponent(`dubbo://${host(index)}:1/x?timestamp=${index}`));
    it.each<readonly [what: string, prepare: (size: number) => void, work: (size: number) => void]>([
      [
        'garbage that comes one by one',
        () => server.put(ROOT, [SERVICE]),
        (size) => Array.from({ length: size }, (_, index) => server.put(DIRECTORY, [`%${index}`])),
      ],
      [
        'instances that come one by one',
        () => server.put(ROOT, [SERVICE]),
        (size) => names(size, (index) => `h${index}`).forEach((name) => server.put(DIRECTORY, [name])),
      ],
      [
        'nodes of one instance that come, and go newest first',
        () => server.put(ROOT, [SERVICE]),
        (size) => {
          const all = names(size, () => 'a');
          for (const name of all) server.put(DIRECTORY, [name]);
          for (const name of all.reverse()) server.take(DIRECTORY, [name]);
        },
      ],
      [
        'services that come and go one by one',
        () => undefined,
        (size) => {
          for (let index = 0; index < size; index++) server.put(ROOT, [`s${index}`]);
          for (let index = 0; index < size; index++) server.take(ROOT, [`s${index}`]);
        },
      ],
      [
        'an interruption',
        (size) => {
          server.put(ROOT, [SERVICE]);
          server.put(DIRECTORY, [...names(size, (index) => `h${index}`), ...names(size, (index) => `%${index}`)]);
        },
        () => server.interrupt(),
      ],
    ])('%s', (_, prepare, work) => {
      const cost = (size: number): number => {
        begin();
        registry.subscribe({ interface: '*' }).subscribe();
        prepare(size);
        return countWork(() => work(size));
      };
      expect(cost(1_600) / cost(200)).toBeLessThan(12);
    });
  });
});

function isReadable(name: string): boolean {
  try {
    fromNodeName(name);
    return true;
  } catch {
    return false;
  }
}

function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
