import { setNames } from './ownNames.js';
import { createRegistry, type ConnectionState, type Registry } from '../../../lib/index.js';
import { EtcdSession } from '../../../lib/backends/etcd/etcdSession.js';
import { ZooKeeperSession } from '../../../lib/backends/zookeeper/zookeeperSession.js';
import { monotonicMs } from '../history/monotonic.js';
import { type Actor, CLOSE_DEADLINE_MS, type Command, type Order, type SessionHandle } from './actors.js';
import { ConsumerActor } from './consumerActor.js';
import { setWallClock } from './ownClock.js';
import { ProviderActor } from './providerActor.js';
import { Reporter } from './reporter.js';

// A whole program: some of a population's providers and consumers, each with a registry of its own, commanded by its parent.

const CHURN_MS = 900;

const name = process.argv[2]!;
const reporter = new Reporter();
const registries = new Map<string, Registry>();
const providers = new Map<string, ProviderActor>();
const sessions = new Map<string, ConnectionState>();
let churn: NodeJS.Timeout | undefined;

process.on('uncaughtException', (error) => broke(error));
process.on('unhandledRejection', (reason) => broke(reason));
process.on('message', (order: Order) => {
  obey(order.command).then(
    (result) => {
      reporter.flush();
      reporter.send({ type: 'done', id: order.id, ...(result && { result }) });
    },
    (error: unknown) => reporter.send({ type: 'failed', id: order.id, cause: String(error) }),
  );
});
process.on('disconnect', () => process.exit());

function broke(cause: unknown): void {
  reporter.tell({
    actor: name,
    what: 'broke',
    cause: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
  });
}

async function obey(command: Command): Promise<readonly SessionHandle[] | undefined> {
  switch (command.do) {
    case 'enter':
      setNames(command.names);
      for (const actor of command.actors) enter(actor, command.address);
      return undefined;
    case 'churn':
      clearTimeout(churn);
      if (command.on) stir();
      return undefined;
    case 'release':
      providers.get(command.actor)!.release();
      return undefined;
    case 'register':
      providers.get(command.actor)!.register();
      return undefined;
    case 'setClock':
      setWallClock(command.offsetMs);
      return undefined;
    case 'resolve':
      setNames(command.names);
      return undefined;
    case 'sessions':
      return [...sessions].flatMap(([actor, state]) => handleOf(actor, state));
    case 'leave':
      clearTimeout(churn);
      await Promise.all([...registries].map(([actor, registry]) => leave(actor, registry)));
      reporter.flush();
      // Nothing may keep the process now.
      process.disconnect();
      return undefined;
  }
}

function enter(actor: Actor, address: string): void {
  const registry = createRegistry(address);
  registries.set(actor.name, registry);
  reporter.tell({ actor: actor.name, what: 'entered' });
  registry.states.subscribe({
    next: (state) => {
      sessions.set(actor.name, state);
      reporter.tell({ actor: actor.name, what: 'state', ...describe(state) });
    },
    error: (error: unknown) =>
      reporter.tell({ actor: actor.name, what: 'ended', stream: 'states', cause: String(error) }),
  });
  registry.warnings.subscribe(({ code, message }) =>
    reporter.tell({ actor: actor.name, what: 'warned', code, message: message.slice(0, 200) }),
  );
  if (actor.role === 'consumer') return void new ConsumerActor(registry, actor, reporter).consume();
  const provider = new ProviderActor(registry, actor, reporter, `${actor.name}.${process.pid}`);
  providers.set(actor.name, provider);
  provider.register();
}

function stir(): void {
  churn = setTimeout(stir, (CHURN_MS * (0.5 + Math.random())) / Math.max(1, providers.size));
  const all = [...providers.values()];
  all[Math.floor(Math.random() * all.length)]?.stir(Math.random);
}

async function leave(actor: string, registry: Registry): Promise<void> {
  const since = monotonicMs();
  await registry.close({ deadlineMs: CLOSE_DEADLINE_MS });
  reporter.tell({ actor, what: 'closed', tookMs: monotonicMs() - since });
}

function describe(state: ConnectionState) {
  const session = 'session' in state ? state.session.id : undefined;
  const cause = 'cause' in state ? state.cause?.message : undefined;
  const attempt = 'attempt' in state ? state.attempt : undefined;
  return {
    status: state.status,
    ...(session !== undefined && { session }),
    ...(cause !== undefined && { cause }),
    ...(attempt !== undefined && { attempt }),
  };
}

function handleOf(actor: string, state: ConnectionState): SessionHandle[] {
  const session = 'session' in state ? state.session : undefined;
  if (session instanceof ZooKeeperSession) {
    return [{ actor, id: session.id, password: ZooKeeperSession.credentialsOf(session).password.toString('hex') }];
  }
  if (session instanceof EtcdSession) {
    return [
      {
        actor,
        id: session.id,
        leases: session.leases.ids.map((id) => BigInt(id).toString(16)),
        guarded: session.guarded,
      },
    ];
  }
  return [];
}
