import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import * as files from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom, from } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fileCache, InvalidOptionError, type RegistryCache } from '../../lib/index.js';

vi.mock('node:fs/promises', async (original) => ({ ...(await original<typeof files>()) }));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cache-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const read = (cache: RegistryCache, key = 'key'): Promise<string | undefined> => firstValueFrom(from(cache.read(key)));
const write = (cache: RegistryCache, text: string, key = 'key'): Promise<unknown> =>
  firstValueFrom(from(cache.write(key, text)), { defaultValue: undefined });
const onlyFile = (): string => {
  const [name, ...more] = readdirSync(folder);
  expect(more).toEqual([]);
  return join(folder, name!);
};

describe('fileCache', () => {
  it('keeps a text for each key, for any process that asks for it', async () => {
    const cache = fileCache(join(folder, 'below', 'that'));
    expect(await read(cache)).toBeUndefined();
    await write(cache, 'one');
    await write(cache, 'two', 'other');
    await write(cache, 'three € 🚀');
    const another = fileCache(join(folder, 'below', 'that'));
    expect(await read(another)).toBe('three € 🚀');
    expect(await read(another, 'other')).toBe('two');
    expect(await read(another, 'third')).toBeUndefined();
  });

  it('lets nobody else read what it keeps', async () => {
    const directory = join(folder, 'made');
    await write(fileCache(directory), 'text');
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  });

  it('leaves the text before in place when it cannot write, and says why', async () => {
    const cache = fileCache(folder);
    await write(cache, 'before');
    const { open } = await vi.importActual<typeof files>('node:fs/promises');
    for (const code of ['ENOSPC', 'EIO', 'EDQUOT']) {
      vi.spyOn(files, 'open').mockImplementation(async (...args): Promise<FileHandle> => {
        const handle = await open(...args);
        if (args[1] !== 'wx') return handle;
        handle.writeFile = async () => {
          await handle.write('torn');
          throw Object.assign(new Error(`${code}: no space left on device, write`), { code });
        };
        return handle;
      });
      await expect(write(cache, 'after')).rejects.toThrow(new RegExp(`cannot be written: ${code}: no space left`));
      vi.restoreAllMocks();
      expect(await read(cache)).toBe('before');
      expect(readdirSync(folder).length).toBe(1);
    }
    vi.spyOn(files, 'rename').mockRejectedValue(Object.assign(new Error('EROFS: read-only'), { code: 'EROFS' }));
    await expect(write(cache, 'after')).rejects.toThrow(/EROFS/);
    vi.restoreAllMocks();
    expect(await read(cache)).toBe('before');
    expect(readdirSync(folder).length).toBe(1);
  });

  it.each<[string, (path: string) => void, RegExp]>([
    ['a symbolic link', (path) => symlinkSync('/etc/hostname', path), /symbolic link/],
    ['a link to nothing', (path) => symlinkSync(join(folder, 'nothing'), path), /symbolic link/],
    ['a directory', (path) => mkdirSync(path), /no file|EISDIR/],
    ['a pipe that nobody writes to', (path) => execFileSync('mkfifo', [path]), /no file/],
    [
      'a file of 100 MB',
      (path) => {
        writeFileSync(path, '');
        truncateSync(path, 100_000_000);
      },
      /100000000 bytes/,
    ],
  ])('refuses %s in place of a file, and says why', async (_, plant, why) => {
    const cache = fileCache(folder);
    await write(cache, 'text');
    const path = onlyFile();
    rmSync(path);
    plant(path);
    await expect(read(cache)).rejects.toThrow(why);
  });

  it('refuses a file that is not its own, or that it may not read', async () => {
    const cache = fileCache(folder);
    await write(cache, 'text');
    if (process.geteuid?.() === 0) chownSync(onlyFile(), 12_345, 12_345);
    else chmodSync(onlyFile(), 0o000);
    await expect(read(cache)).rejects.toThrow(/somebody else|EACCES/);
  });

  it('replaces a link, and writes to nothing that it leads to', async () => {
    const cache = fileCache(folder);
    await write(cache, 'text');
    const path = onlyFile();
    rmSync(path);
    const precious = join(folder, 'precious');
    writeFileSync(precious, 'precious');
    symlinkSync(precious, path);
    await write(cache, 'new');
    expect(readFileSync(precious, 'utf8')).toBe('precious');
    expect(await read(cache)).toBe('new');
  });

  it('says that a directory stands in the way of a file, or a file in the way of the directory', async () => {
    const cache = fileCache(folder);
    await write(cache, 'text');
    const path = onlyFile();
    rmSync(path);
    mkdirSync(path);
    await expect(write(cache, 'text')).rejects.toThrow(/cannot be written/);
    expect(readdirSync(folder).length).toBe(1);
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await expect(write(fileCache(file), 'text')).rejects.toThrow(/EEXIST|ENOTDIR/);
    await expect(read(fileCache(file))).rejects.toThrow(/ENOTDIR/);
  });

  it('removes what writers that were killed have left, and nothing else', async () => {
    const left = join(folder, `rx-registry-${'0'.repeat(32)}.cache.77.aa.tmp`);
    const young = join(folder, `rx-registry-${'0'.repeat(32)}.cache.78.bb.tmp`);
    const other = join(folder, 'other.tmp');
    for (const path of [left, young, other]) writeFileSync(path, 'torn');
    const longAgo = Date.now() / 1_000 - 3_600;
    for (const path of [left, other]) utimesSync(path, longAgo, longAgo);
    await write(fileCache(folder), 'text');
    expect([left, young, other].map((path) => existsSync(path))).toEqual([false, true, true]);
  });

  it.each([
    ['directory', '', {}],
    ['directory', 5, {}],
    ['directory', 'a\0b', {}],
    ['options', '/tmp', null],
    ['afterMs', '/tmp', { afterMs: NaN }],
    ['maxAgeMs', '/tmp', { maxAgeMs: -1 }],
    ['maxBytes', '/tmp', { maxBytes: 1.5 }],
  ])('refuses %s: %j with %j', (option, directory, options) => {
    expect(() => fileCache(directory as string, options as never)).toThrow(InvalidOptionError);
    expect(() => fileCache(directory as string, options as never)).toThrow(`\`${option}\``);
  });
});
