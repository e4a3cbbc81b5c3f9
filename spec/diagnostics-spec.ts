import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { firstValueFrom, throwError, timer } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { memory, MemoryServer } from '../lib/backends/memory/index.js';
import { createRegistry, type DiagnosticChannelName, type DiagnosticMessages, RegistryError } from '../lib/index.js';
import { retryWithBackoff } from '../lib/backend.js';
import { eventually } from './support/servers/eventually.js';

/** What is published on a channel from now on. */
function heard<N extends DiagnosticChannelName>(name: N): DiagnosticMessages[N][] {
  const messages: DiagnosticMessages[N][] = [];
  const take = (message: unknown): unknown => messages.push(message as DiagnosticMessages[N]);
  subscribe(name, take);
  onTestFinished(() => void unsubscribe(name, take));
  return messages;
}

function stage() {
  const server = new MemoryServer();
  const registry = createRegistry(memory({ server }));
  onTestFinished(() => registry.close());
  return { server, registry };
}

const URL = 'tri://app:hunter2@10.0.0.1:1/a.B?password=hunter2';

describe('the channels of node:diagnostics_channel', () => {
  it('tell how connections are and why, once however many look', async () => {
    const messages = heard('rx-registry:connection');
    const { server, registry } = stage();
    const states = [registry.states.subscribe(), registry.states.subscribe()];
    await registry.lookup({ interface: 'a.B' });
    server.cut();
    await eventually(() => expect(messages).toHaveLength(3));
    server.heal();
    await eventually(() => expect(messages).toHaveLength(4));
    for (const state of states) state.unsubscribe();
    const common = { owner: 'registry', backend: 'memory' };
    expect(messages).toMatchObject([
      { ...common, status: 'connecting', attempt: 1 },
      { ...common, status: 'connected', session: messages[1]!.session! },
      { ...common, status: 'suspended', cause: messages[2]!.cause! },
      { ...common, status: 'connected', session: messages[1]!.session! },
    ]);
    expect(messages[2]!.cause).toBeInstanceOf(RegistryError);
  });

  it('tell of registrations, directories and warnings, without secrets', async () => {
    const registrations = heard('rx-registry:registration');
    const directories = heard('rx-registry:directory');
    const warnings = heard('rx-registry:warning');
    const { server, registry } = stage();
    const provision = await registry.provide(URL);
    expect((await registry.lookup({ interface: 'a.B' })).size).toBe(1);
    const following = registry.instances({ interface: 'a.B' }).subscribe();
    onTestFinished(() => following.unsubscribe());
    server.create('/dubbo/a.B/providers/nonsense');
    const unreadable = { area: 'registry', code: 'UNREADABLE_NODE', count: 1 };
    await eventually(() => expect(warnings).toContainEqual(expect.objectContaining(unreadable)));
    await provision.release();
    await eventually(() => expect(directories.at(-1)).toMatchObject({ removed: 1, size: 0 }));

    expect(registrations.map(({ status }) => status)).toEqual(['pending', 'registered']);
    expect(registrations[1]).toEqual({ status: 'registered', key: 'providers/tri://10.0.0.1:1/a.B', service: 'a.B' });
    expect(directories[0]).toEqual({ path: '/dubbo/a.B/providers', added: 1, removed: 0, size: 1 });
    expect(JSON.stringify([registrations, directories, warnings])).not.toContain('hunter2');
  });

  it('tell of calls that are over, and how they ended', async () => {
    const messages = heard('rx-registry:call');
    const { registry } = stage();
    await registry.provide(URL);
    const picker = registry.picker({ interface: 'a.B' });
    await picker.run(() => 'answered');
    await picker.run(() => Promise.reject(new Error('failed'))).catch(() => undefined);
    const given = picker.run(() => new Promise(() => undefined), { signal: AbortSignal.timeout(1) });
    await expect(given).rejects.toThrow();
    expect(messages.map(({ result, key, inFlight }) => ({ result, key, inFlight }))).toEqual(
      ['ok', 'failed', 'cancelled'].map((result) => ({ result, key: 'providers/tri://10.0.0.1:1/a.B', inFlight: 0 })),
    );
    for (const { latencyMs } of messages) expect(latencyMs).toBeGreaterThanOrEqual(0);
  });

  it('tell of retries before the wait', async () => {
    const messages = heard('rx-registry:retry');
    const error = new Error('down');
    const failing = throwError(() => error).pipe(retryWithBackoff({ baseMs: 3_600_000, random: () => 0.5 }));
    const retrying = failing.subscribe();
    await firstValueFrom(timer(0));
    retrying.unsubscribe();
    expect(messages).toEqual([{ error, attempt: 1, waitMs: messages[0]!.waitMs }]);
    expect(messages[0]!.waitMs).toBeGreaterThan(0);
  });

  it('are all in the guide', () => {
    const guide = readFileSync('docs/guides/observability.md', 'utf8');
    const named = [...guide.matchAll(/^\| `(rx-registry:\w+)` /gm)].map(([, name]) => name);
    const source = readFileSync('lib/internal/diagnosticMessages.ts', 'utf8');
    const channels = [...source.matchAll(/readonly '(rx-registry:\w+)': \{/g)].map(([, name]) => name);
    expect(channels.length).toBeGreaterThan(5);
    expect(named).toEqual(channels);
  });
});
