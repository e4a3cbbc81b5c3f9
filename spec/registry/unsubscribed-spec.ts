import { format } from 'node:util';
import createDebug from 'debug';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { memory, MemoryServer } from '../../lib/backends/memory/index.js';
import { createRegistry } from '../../lib/index.js';

const URL = 'dubbo://app:hunter2@10.0.0.5:20880/com.acme.Users';
const QUERY = { interface: 'com.acme.Users' };

describe('what is never subscribed to', () => {
  let lines: string[];
  let enabled: string;
  const log = createDebug.log;
  beforeEach(() => {
    vi.useFakeTimers();
    lines = [];
    enabled = createDebug.disable();
    createDebug.log = (...values: unknown[]) => void lines.push(format(...values));
  });
  afterEach(() => {
    vi.useRealTimers();
    createDebug.log = log;
    createDebug.enable(enabled);
  });

  const forgotten = (): string[] => lines.filter((line) => line.includes('rx-registry:unsubscribed'));

  it('is named by one line of debugging, without secrets', () => {
    createDebug.enable('rx-registry:*');
    const registry = createRegistry(memory({ server: new MemoryServer() }));
    registry.register(URL);
    registry.subscribe(QUERY);
    registry.instances(QUERY);
    vi.advanceTimersByTime(10_000);
    expect(forgotten()).toHaveLength(3);
    expect(forgotten().join()).toMatch(/register\("dubbo.*subscribe\({"interface".*instances\(/s);
    expect(forgotten().join()).not.toContain('hunter2');
  });

  it('is not complained of when it was subscribed to in time, or when nobody listens', () => {
    const registry = createRegistry(memory({ server: new MemoryServer() }));
    registry.register(URL);
    createDebug.enable('rx-registry:*');
    registry.register(URL).subscribe().unsubscribe();
    vi.advanceTimersByTime(10_000);
    expect(forgotten()).toEqual([]);
  });
});
