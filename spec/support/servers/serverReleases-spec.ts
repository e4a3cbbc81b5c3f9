import { mkdtemp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fetchServer } from './fetchServer.js';
import { findServer } from './findServer.js';
import { choiceOf, type ServerKind, sourcesOf } from './serverReleases.js';

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'rx-registry-cache-'));
  vi.stubEnv('RX_REGISTRY_SERVERS', cache);
  for (const name of ['OWN', 'CHOICE']) vi.stubEnv(name, undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(cache, { recursive: true });
});

/** A kind of server whose sources are these, and which remembers which of them it was asked for. */
function kindFrom(available: readonly string[]) {
  const asked: string[] = [];
  const get = async (source: string, folder: string) => {
    asked.push(source);
    if (!available.includes(source)) throw new Error(`no ${source} here`);
    await writeFile(join(folder, 'version'), source);
  };
  const kind: ServerKind = {
    name: 'etcd',
    ownVariable: 'OWN',
    choiceVariable: 'CHOICE',
    lines: { '3.4': 'bookworm', '3.6': '3.6.16' },
    otherWays: 'Install it.',
    locate: (folder) => join(folder, 'program'),
    versionOf: async (program) => `version of ${program}`,
    fromDebian: get,
    fromRelease: get,
    fromMachine: (folder) => get('installed', folder),
  };
  return { kind, asked };
}

const silent = { report: () => {} };

describe('the choice of a server', () => {
  const { kind } = kindFrom([]);
  const origins = (choice: string) => sourcesOf(kind, choice).map(({ origin }) => origin);

  it('is the newest of Debian, of the oldest suite, of a line, or one version', () => {
    expect(origins('newest')).toEqual(['Debian sid', 'Debian trixie', 'Debian bookworm', 'installed']);
    expect(origins('oldest')).toEqual(['Debian bookworm']);
    expect(origins('3.4')).toEqual(['Debian bookworm']);
    expect(origins('trixie')).toEqual(['Debian trixie']);
    expect(origins('3.6')).toEqual(['release']);
    expect(sourcesOf(kind, '3.6')).toMatchObject(sourcesOf(kind, '3.6.16').map(({ folder }) => ({ folder })));
  });

  it.each(['3.3', 'buster', 'latest', '../etcd', '3.6.16/..'])('is refused if it is %j', (choice) => {
    expect(() => sourcesOf(kind, choice)).toThrow(`There is no etcd "${choice}": choose one of newest, oldest, 3.4`);
  });

  it('comes from the environment, where it excludes a server of the user', () => {
    expect(choiceOf(kind)).toBe('newest');
    vi.stubEnv('OWN', '/opt/etcd');
    expect(findServer(kind)).toEqual({ path: '/opt/etcd', origin: 'OWN' });
    vi.stubEnv('CHOICE', 'oldest');
    expect(() => findServer(kind)).toThrow('OWN=/opt/etcd and CHOICE=oldest exclude each other');
    vi.stubEnv('OWN', '');
    expect(choiceOf(kind)).toBe('oldest');
    expect(() => findServer(kind)).toThrow('`npm run servers -- etcd=oldest` gets it');
  });
});

describe('finding a server', () => {
  const { kind } = kindFrom([]);

  it('fails with the command that gets it where there is none', () => {
    expect(() => findServer(kind)).toThrow(`There is no etcd (newest) in ${cache}: \`npm run servers\` gets it.`);
  });

  it('takes no cache of another layout and no older release for the newest', async () => {
    await mkdir(join(cache, 'etcd'));
    await mkdir(join(cache, 'etcd-bookworm'));
    await mkdir(join(cache, 'etcd-3.6.16'));
    expect(() => findServer(kind)).toThrow('`npm run servers` gets it');
    vi.stubEnv('CHOICE', 'oldest');
    expect(findServer(kind)).toEqual({ path: join(cache, 'etcd-bookworm', 'program'), origin: 'Debian bookworm' });
  });

  it('takes an older release where the newer ones were tried and could not be had', async () => {
    await mkdir(join(cache, 'etcd-bookworm'));
    await writeFile(join(cache, 'etcd-sid.missing'), 'no route');
    expect(() => findServer(kind)).toThrow('`npm run servers` gets it');
    await writeFile(join(cache, 'etcd-trixie.missing'), 'no route');
    expect(findServer(kind)).toEqual({ path: join(cache, 'etcd-bookworm', 'program'), origin: 'Debian bookworm' });
  });
});

describe('fetching a server', () => {
  it('takes the newest that can be had, and tries the newer ones again the next time', async () => {
    const { kind, asked } = kindFrom(['trixie', 'bookworm']);
    expect(await fetchServer(kind, 'newest', silent)).toContain('etcd-trixie');
    expect(asked).toEqual(['sid', 'trixie']);
    expect(findServer(kind)).toMatchObject({ origin: 'Debian trixie' });
    expect((await readdir(cache)).sort()).toEqual(['etcd-sid.missing', 'etcd-trixie']);

    const later = kindFrom(['sid', 'trixie', 'bookworm']);
    await fetchServer(later.kind, 'newest', silent);
    expect(later.asked).toEqual(['sid']);
    expect(findServer(kind)).toMatchObject({ origin: 'Debian sid' });
    expect((await readdir(cache)).sort()).toEqual(['etcd-sid', 'etcd-trixie']);
  });

  it('asks nobody for what the cache has, unless it shall be renewed', async () => {
    const { kind, asked } = kindFrom(['sid']);
    await fetchServer(kind, 'newest', silent);
    await fetchServer(kind, 'newest', silent);
    expect(asked).toEqual(['sid']);
    await fetchServer(kind, 'newest', { ...silent, renew: true });
    expect(asked).toEqual(['sid', 'sid']);
  });

  it('keeps nothing that cannot be run, and takes nothing else for one version', async () => {
    const { kind } = kindFrom(['3.6.16', 'sid']);
    const broken = { ...kind, versionOf: () => Promise.reject(new Error('wrong machine')) };
    await expect(fetchServer(broken, '3.6', silent)).rejects.toThrow('etcd (3.6) cannot be had. Install it.');
    expect(await readdir(cache)).toEqual(['etcd-3.6.16.missing']);
  });

  it('says what went wrong with every source', async () => {
    const failure: unknown = await fetchServer(kindFrom([]).kind, 'newest', silent).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      errors: ['sid', 'trixie', 'bookworm', 'installed'].map((source) => new Error(`no ${source} here`)),
    });
  });
});
