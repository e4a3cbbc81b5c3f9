import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { VERSION } from '../lib/version.js';

const run = promisify(execFile);

/** Runs a module in a process of its own and returns what it printed. */
async function printedBy(code: string): Promise<string> {
  const { stdout } = await run(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code]);
  return stdout.trim();
}

const loadedAfter = (code: string): Promise<string> =>
  printedBy(`
    import { createRequire } from 'node:module';
    ${code}
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    console.log(['node-zookeeper-client', 'etcd3'].filter((name) => loaded.some((file) => file.includes('/' + name + '/'))).join());
  `);

describe('the package', () => {
  it('names the version that package.json has', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(VERSION).toBe(version);
  });

  it('loads no client library before a registry is used', async () => {
    const loaded = await loadedAfter(`
      const { createRegistry } = await import('./lib/index.ts');
      createRegistry('zookeeper://127.0.0.1:2181');
      createRegistry('etcd://127.0.0.1:2379');
      const registry = createRegistry('memory://');
      await registry.lookup({ interface: 'x.Y' });
      await registry.close();
    `);
    expect(loaded).toBe('');
  });

  it('loads only the client library of the backend', async () => {
    expect(await loadedAfter(`await import('./lib/backends/zookeeper/index.ts');`)).toBe('node-zookeeper-client');
    expect(await loadedAfter(`await import('./lib/backends/etcd/index.ts');`)).toBe('etcd3');
  });

  it('has every subpath that it exports in its own path mapping', () => {
    const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, unknown> };
    const { compilerOptions } = JSON.parse(readFileSync('tsconfig.json', 'utf8')) as {
      compilerOptions: { paths: Record<string, unknown> };
    };
    const subpaths = Object.keys(exports).filter((path) => path !== './package.json');
    expect(Object.keys(compilerOptions.paths)).toEqual(subpaths.map((path) => path.replace(/^\./, 'rx-registry')));
  });
});
