import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { AddressScheme } from '../../../lib/dubbo/addressParameters.js';
import { balance, roundRobin } from '../../../lib/balancers/index.js';
import {
  type Backend,
  createConfigCenter,
  createRegistry,
  RegistryError,
  type RegistryWarning,
  type Session,
} from '../../../lib/index.js';
import { toInstances } from '../../../lib/operators/index.js';
import { ask, Probe } from '../../contract/probe.js';
import { startFaultProxy } from '../../support/proxy/faultProxy.js';
import { leaksOf, type Secret } from '../../support/secrets.js';
import type { RealServer } from '../../support/servers/realServer.js';
import { DebugLines } from '../../support/debugLines.js';

/** A server that asks for secrets, and how they are given. */
export interface GuardedServer {
  readonly server: RealServer;
  /** Connects with the right secrets. */
  readonly connect: (address: string, sessionTimeoutMs: number) => Backend;
  /** Connects with others, that do not let it read what the former has written. */
  readonly intrude: (address: string) => Backend;
  /** What must not be shown: those that are given, and those that the server has handed out. */
  readonly secretsOf: (session: Session) => readonly Secret[];
}

/** Nothing that is told to a program, in any state, shows a secret to whoever prints it. */
export function describeSecrets(kind: AddressScheme, start: () => Promise<GuardedServer>): void {
  describe(`secrets on ${kind}`, () => {
    it('are shown by nothing that a registry tells, whatever becomes of its connection', async () => {
      using log = new DebugLines();
      const { server, connect, intrude, secretsOf } = await start();
      await using _ = server;
      const proxy = await startFaultProxy(server);
      const backend = connect(proxy.address, 2_000);
      const registry = createRegistry(backend);
      const center = createConfigCenter(registry);
      const states = new Probe({ name: kind, states: registry.states, close: () => registry.close() });
      const told: unknown[] = [backend, registry, center];
      const keep = <T>(value: T): T => {
        told.push(value);
        return value;
      };
      registry.warnings.subscribe((warning: RegistryWarning) => keep(warning));
      center.warnings.subscribe(keep);
      center.states.subscribe(keep);

      const session = await states.session();
      keep(session);
      const provision = keep(await registry.provide('dubbo://10.0.0.1:20880/com.acme.A'));
      provision.states.subscribe({ next: keep, error: keep });
      registry.subscribe({ interface: 'com.acme.A' }).subscribe(keep);
      const instances = keep(await registry.lookup({ interface: 'com.acme.A' }));
      keep([...instances]);
      keep(
        await firstValueFrom(
          registry.subscribe({ interface: 'com.acme.A' }).pipe(toInstances(), balance(roundRobin())),
        ),
      );
      keep(await center.publish('a', 'b'));
      keep(await center.get('a'));
      keep(await ask(session.create('/a', { ephemeral: true })));
      keep(await ask(session.create('/a')).catch((error: unknown) => error));

      const intruder = keep(createRegistry(intrude(server.address)));
      intruder.warnings.subscribe(keep);
      intruder.states.subscribe({ next: keep, error: keep });
      const refused = intruder.lookup({ interface: 'com.acme.A' }, { timeoutMs: 2_000 });
      expect(keep(await refused.catch((error: unknown) => error))).toBeInstanceOf(RegistryError);
      await intruder.close();

      proxy.cut();
      await states.reaches('suspended');
      keep(await ask(session.read('/a')).catch((error: unknown) => error));
      await states.reaches('lost');
      keep(await registry.lookup({ interface: 'com.acme.B' }, { timeoutMs: 100 }).catch((error: unknown) => error));
      proxy.heal();
      // The same, or another one.
      const next = await states.session();
      await registry.close();
      await states.reaches('closed');

      await proxy.close();

      expect(new Set(states.statuses)).toEqual(new Set(['connecting', 'connected', 'suspended', 'lost', 'closed']));
      told.push(...states.trace, log.text);
      const secrets = [session, next].flatMap(secretsOf);
      expect(told.flatMap((each) => leaksOf(each, secrets))).toEqual([]);
    });
  });
}
