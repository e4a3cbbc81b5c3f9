import { describe, expect, it, onTestFinished } from 'vitest';
import { memory, MemoryServer } from '../../lib/backends/memory/index.js';
import { createRegistry, InvalidOptionError, type Logger } from '../../lib/index.js';
import { eventually } from '../support/servers/eventually.js';

interface Line {
  readonly level: string;
  readonly details: object;
  readonly message: string;
}

function notebook(): { lines: Line[]; logger: Logger } {
  const lines: Line[] = [];
  const at = (level: string) => (details: object, message: string) => void lines.push({ level, details, message });
  return { lines, logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}

describe('a registry with a logger', () => {
  it('logs its connection, registrations and warnings, by how bad they are, without secrets', async () => {
    const { lines, logger } = notebook();
    const server = new MemoryServer();
    const registry = createRegistry(memory({ server }), { logger });
    onTestFinished(() => registry.close());
    await registry.provide('tri://app:hunter2@10.0.0.1:1/a.B?password=hunter2&version=1.0.0');
    server.create('/dubbo/a.B/providers/dubbo%3A%2F%2Fapp%3Ahunter2%40%2Fx');
    await registry.lookup({ interface: 'a.B', version: '*' });
    server.cut();
    await eventually(() => expect(lines.at(-1)?.message).toBe('registration suspended'));
    server.heal();
    await eventually(() => expect(lines.at(-1)?.message).toBe('registration registered'));
    await registry.close();

    const told = lines.map(({ level, message }) => `${level} ${message}`);
    expect(told.filter((line) => line.startsWith('debug')).slice(0, 2)).toEqual([
      'debug registry connecting',
      expect.stringContaining('debug registration pending'),
    ]);
    for (const line of [
      ...['info registry connected', 'info registration registered', 'warn registry suspended'],
      ...['warn registration suspended', 'info registry closed'],
    ]) {
      expect(told).toContain(line);
    }
    expect(lines.find(({ message }) => message.startsWith('Skipped'))).toMatchObject({
      level: 'warn',
      details: { code: 'UNREADABLE_NODE', count: 1 },
    });
    expect(lines.find(({ message }) => message === 'registry suspended')!.details).toHaveProperty('err.code');
    expect(lines.find(({ message }) => message === 'registration registered')!.details).toEqual({
      ...{ status: 'registered', service: 'a.B:1.0.0', address: '10.0.0.1:1' },
    });
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });

  it('refuses what is no logger', () => {
    for (const logger of [null, 'console', {}, { info: console.log }]) {
      expect(() => createRegistry('memory://', { logger: logger as Logger })).toThrow(InvalidOptionError);
    }
    expect(() => createRegistry('memory://', { logger: console })).not.toThrow();
  });
});
