import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { memoryServer } from '../../lib/backends/memory/index.js';
import { VERSION } from '../../lib/index.js';
import { eventually } from '../support/servers/eventually.js';
import { FakeTerminal } from './support/fakeTerminal.js';

const ESCAPE = '\u001b[';

describe('rx-registry', () => {
  it('explains itself, and exits with 2 for what it does not know', async () => {
    const terminal = new FakeTerminal();
    expect(await terminal.run('--version')).toBe(0);
    expect(terminal.out).toBe(`${VERSION}\n`);
    expect(await terminal.run('--help')).toBe(0);
    for (const word of ['services', 'doctor', 'Exit codes', 'RX_REGISTRY']) expect(terminal.out).toContain(word);
    expect(await terminal.run('servces')).toBe(2);
    expect(terminal.err).toContain('Did you mean services?');
    expect(await terminal.run('services', '--jsn')).toBe(2);
    expect(await terminal.run('instances')).toBe(2);
    expect(await terminal.run()).toBe(2);
  });

  it('says what is wrong with an address or an option, and exits with 2', async () => {
    for (const [args, said] of [
      [['services'], '--registry zookeeper://host:2181, or RX_REGISTRY, or --demo'],
      [['services', '--registry', 'redis://h'], 'zookeeper://, etcd:// or memory://'],
      [['services', '--registry', 'memory://', '--timeout', 'soon'], 'timeout'],
    ] as const) {
      const terminal = new FakeTerminal();
      expect(await terminal.run(...args)).toBe(2);
      expect(terminal.err).toContain(said);
    }
  });

  it('exits with 1 where there is no connection in time, never shows a password, and is JSON where asked', async () => {
    const terminal = new FakeTerminal();
    const address = 'zookeeper://app:hunter2@127.0.0.1:1';
    expect(await terminal.run('services', '--registry', address, '--timeout', '50', '--json')).toBe(1);
    expect(JSON.parse(terminal.err)).toMatchObject({ error: { code: 'TIMEOUT' } });
    expect(terminal.err).not.toContain('hunter2');
  });

  it('has colours only on a terminal, and none with NO_COLOR, TERM=dumb or --json', async () => {
    const printed = async (isInteractive: boolean, env: Record<string, string>, ...args: string[]): Promise<string> => {
      const terminal = Object.assign(new FakeTerminal(), { isInteractive });
      Object.assign(terminal.env, env);
      await terminal.run('services', '--demo', ...args);
      return terminal.out;
    };
    expect(await printed(true, {})).toContain(ESCAPE);
    expect(await printed(true, { NO_COLOR: '' })).toContain(ESCAPE);
    expect(await printed(false, {})).not.toContain(ESCAPE);
    expect(await printed(true, { NO_COLOR: '1' })).not.toContain(ESCAPE);
    expect(await printed(true, { TERM: 'dumb' })).not.toContain(ESCAPE);
    expect(await printed(true, {}, '--json')).not.toContain(ESCAPE);
  });

  it('prints nothing that a terminal obeys, whatever stands in the registry', async () => {
    // What moves the cursor, turns text around, or writes a line of its own.
    const hostile = '\u202eevil\u0085x\u009b2J\r\n\u001b[2J';
    const url = `dubbo://10.0.0.1:1/com.acme.Evil?application=${hostile}&version=${hostile}&weight=${hostile}`;
    memoryServer('cli-hostile').create(`/dubbo/com.acme.Evil/providers/${encodeURIComponent(url)}`);
    for (const args of [
      ['services'],
      ['services', '--json'],
      ['instances', 'com.acme.Evil'],
      ['doctor'],
      ['doctor', '--json'],
    ]) {
      const terminal = Object.assign(new FakeTerminal(), { isInteractive: true });
      terminal.env['NO_COLOR'] = '1';
      await terminal.run(...args, '--registry', 'memory://cli-hostile');
      expect(terminal.out).toMatch(/Evil|evil/);
      // eslint-disable-next-line no-control-regex
      expect(terminal.out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    }
  });

  it('is a program of the package that ends when it is told to', async () => {
    const { bin } = JSON.parse(readFileSync('package.json', 'utf8')) as { bin: Record<string, string> };
    const source = bin['rx-registry']!.replace(/^dist\/(.*)\.js$/, 'lib/$1.ts');
    expect(readFileSync(source, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    const child = spawn(process.execPath, ['--import', 'tsx', source, 'watch', '--demo', '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const said = text(child.stdout);
    let isSynced = false;
    child.stdout.on('data', (chunk: Buffer) => (isSynced ||= chunk.includes('"synced"')));
    await eventually(() => isSynced, { withinMs: 60_000 });
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await said).toContain('"com.acme.UserService"');
  });
});
