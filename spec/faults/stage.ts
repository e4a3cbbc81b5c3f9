import { setTimeout as sleep } from 'node:timers/promises';
import { type FaultCluster, type Kind, startFaultCluster } from '../support/cluster/faultCluster.js';
import { type Network, startNetwork } from '../support/cluster/network.js';
import { monotonicMs } from '../support/history/monotonic.js';
import { type Actor, CLOSE_DEADLINE_MS, type Observation } from '../support/population/actors.js';
import { PopulationProcess } from '../support/population/populationProcess.js';
import { eventually } from '../support/servers/eventually.js';
import type { ServerChange } from '../support/history/serverHistory.js';
import type { Fault, Scene } from './fault.js';
import { Ledger } from './ledger.js';
import { CONSUMERS, LONE, population, SERVICES } from './population.js';
import { BACKOFF_MAX_MS, type Effect, type Recording, SLACK_MS } from './recording.js';

/** How long things go on as usual before a fault. */
const WARM_UP_MS = 700;
/** How long nothing may happen for things to be at rest. */
const QUIET_MS = 400;
/** How much longer than promised is waited, to see how long it takes. */
const PATIENCE_MS = 10_000;

/** Names of nodes that say nothing, or nothing good. */
const POISON = ['%zz', 'not%20a%20url', 'dubbo%3A%2F%2F%00', '__proto__'];

/** Three servers, and 20 providers and 10 consumers in four processes, each with a way of its own to the servers. */
export class FaultStage implements Scene {
  readonly sessionTimeoutMs: number;
  readonly cluster: FaultCluster;
  readonly processes = new Map<string, PopulationProcess>();
  readonly networks = new Map<string, Network>();
  readonly #actors = new Map<string, Actor & { readonly process: string }>();
  readonly #observations: Observation[] = [];
  #ledger: Ledger;
  #changes: readonly ServerChange[] = [];
  /** How many changes and observations the ledger has taken in. */
  #changesTaken = 0;
  #observationsTaken = 0;
  /** What the servers hold beside what each provider that is registered adds to it. */
  #watches = 0;
  #cleanUps: (() => Promise<unknown>)[] = [];

  private constructor(cluster: FaultCluster, sessionTimeoutMs: number) {
    this.cluster = cluster;
    this.sessionTimeoutMs = sessionTimeoutMs;
    this.#ledger = new Ledger(this.#actors);
  }

  /** Starts servers and processes; resolves when everybody is registered and sees everybody. */
  static async start(kind: Kind, sessionTimeoutMs: number, withUsers = false): Promise<FaultStage> {
    const stage = new FaultStage(await startFaultCluster(kind, withUsers), sessionTimeoutMs);
    try {
      await Promise.all([...population()].map(([name, actors]) => stage.#enter(name, actors)));
      const differences = await stage.#settle(30_000);
      if (differences.length > 0) throw new Error(`The population does not come to rest: ${differences.join('; ')}`);
      stage.#watches = (await stage.cluster.watches()) - stage.#registered;
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  async join(name: string, actors: readonly Actor[], host?: string): Promise<PopulationProcess> {
    const process = await this.#enter(name, actors, host);
    this.after(() => this.leave(name));
    return process;
  }

  async replace(name: string): Promise<void> {
    const former = this.processes.get(name)!;
    const formerWay = this.networks.get(name)!;
    // Ready before the other ends, which it must meet on the servers.
    const next = await this.#start(name, former.actors);
    await former.kill();
    await next.enter();
    await formerWay.close();
  }

  async leave(name: string): Promise<void> {
    const process = this.processes.get(name);
    if (!process) return;
    this.processes.delete(name);
    for (const { name: actor, role } of process.actors) if (role === 'provider') this.wants(actor);
    const byItself = await process.leave(CLOSE_DEADLINE_MS + 2 * SLACK_MS);
    this.#observations.push({ at: monotonicMs(), actor: name, what: 'left', byItself });
    for (const { name: actor } of process.actors) this.#actors.delete(actor);
  }

  wants(actor: string, wanted?: { readonly key: string; readonly serial: string }): void {
    const at = monotonicMs();
    this.#observations.push(wanted ? { at, actor, what: 'wants', ...wanted } : { at, actor, what: 'releases' });
  }

  after(cleanUp: () => Promise<unknown>): void {
    this.#cleanUps.push(cleanUp);
  }

  /** Has a fault happen to everybody, waits until all is well again, and returns what was seen. */
  async suffer(fault: Fault): Promise<Recording> {
    await this.#poison();
    await this.#churn(true);
    await sleep(WARM_UP_MS);
    const actors = new Map(this.#actors);
    const acceptedBefore = this.#accepted;
    const from = monotonicMs();
    await fault.run(this);
    const healedAt = monotonicMs();
    await this.#churn(false);
    const differences = await this.#settle(BACKOFF_MAX_MS + this.sessionTimeoutMs + SLACK_MS + PATIENCE_MS);
    const attempts = Math.max(0, this.#accepted - acceptedBefore) / this.#actors.size;
    const last = differences.length === 0 ? await this.#takeLast() : undefined;
    const recording = await this.#recording(fault.name, fault.effect, {
      ...{ from, healedAt, last, attempts },
      actors: new Map([...actors, ...this.#actors]),
      loads: await this.#loads(),
    });
    for (const cleanUp of this.#cleanUps.splice(0)) await cleanUp();
    await this.#settle(BACKOFF_MAX_MS + this.sessionTimeoutMs + SLACK_MS);
    return recording;
  }

  /** Has everybody close; nothing of them may be left. */
  async end(): Promise<Recording> {
    const from = monotonicMs();
    const actors = new Map(this.#actors);
    await Promise.all([...this.processes.keys()].map((name) => this.leave(name)));
    const healedAt = monotonicMs();
    await this.#settle(SLACK_MS);
    const recording = await this.#recording(
      'everybody closes',
      { affected: 'all', takesNodes: true },
      { ...{ from, healedAt, actors }, attempts: 0, last: undefined, loads: await this.#loads() },
    );
    return recording;
  }

  /** Takes everything down, whatever state it is in. */
  async close(): Promise<void> {
    await Promise.all([...this.processes.values()].map((process) => process.kill()));
    await Promise.all([...this.networks.values()].map((network) => network.close()));
    await this.cluster.close();
  }

  async #recording(
    fault: string,
    effect: Effect,
    seen: Pick<Recording, 'from' | 'healedAt' | 'last' | 'attempts' | 'loads' | 'actors'>,
  ): Promise<Recording> {
    return {
      ...{ fault, effect, kind: this.cluster.kind, sessionTimeoutMs: this.sessionTimeoutMs, ...seen },
      restAt: monotonicMs(),
      owners: await this.cluster.owners(),
      changes: [...this.cluster.history.changes],
      observations: [...this.#observations],
    };
  }

  async #enter(name: string, actors: readonly Actor[], host?: string): Promise<PopulationProcess> {
    const { process, enter } = await this.#start(name, actors, host);
    await enter();
    return process;
  }

  /** Starts a process that knows what to do when it is told to enter. */
  async #start(name: string, actors: readonly Actor[], host?: string) {
    const network = await startNetwork(this.cluster.servers);
    for (const actor of actors) this.#actors.set(actor.name, { ...actor, process: name });
    const process = new PopulationProcess(name, actors, (observation) => this.#observations.push(observation));
    this.processes.set(name, process);
    this.networks.set(name, network);
    const servers = host === undefined ? network.addresses : network.addressesAt(host);
    const { kind, user } = this.cluster;
    const address = `${kind}://${user}${servers}?session=${this.sessionTimeoutMs}`;
    await process.order({ do: 'sessions' });
    return { process, enter: () => process.enter(address, host === undefined ? {} : { [host]: '' }) };
  }

  /** How many providers of ours want to be registered. */
  get #registered(): number {
    return [...this.#ledger.wanted.keys()].filter((name) => this.#actors.has(name)).length;
  }

  get #accepted(): number {
    return [...this.networks.values()].reduce((sum, { accepted }) => sum + accepted, 0);
  }

  async #churn(on: boolean): Promise<void> {
    await Promise.all([...this.processes.values()].map((process) => process.order({ do: 'churn', on })));
  }

  /** What stands beside the good nodes all the time. */
  async #poison(): Promise<void> {
    const paths = SERVICES.flatMap((service) => POISON.map((name) => `/dubbo/${service}/providers/${name}`));
    for (const path of paths) await this.cluster.put(path);
  }

  async #loads(): Promise<Recording['loads']> {
    const need = await this.#needed();
    // What has been let go can be on its way out.
    const watches = async () => (await this.cluster.watches()) === need;
    await eventually(watches, { withinMs: SLACK_MS, everyMs: 100 }).catch(() => undefined);
    return [{ of: 'watches', have: await this.cluster.watches(), need }];
  }

  async #needed(): Promise<number> {
    if (this.processes.size === 0) return 0;
    // A consumer watches the directory of its service, and the node that says which applications provide it.
    const guests = (this.#consumers - CONSUMERS) * (this.cluster.watchesPerDirectory + 1);
    const sessions = await Promise.all([...this.processes.values()].map((each) => each.order({ do: 'sessions' })));
    const guarded = sessions.flatMap((each) => each ?? []).reduce((sum, { guarded = 0 }) => sum + guarded, 0);
    return this.#watches + this.#registered + guests + guarded;
  }

  get #consumers(): number {
    return [...this.#actors.values()].filter(({ role }) => role === 'consumer').length;
  }

  /** Waits until everybody agrees and nothing moves; returns what they do not agree on when time is up. */
  async #settle(withinMs: number): Promise<string[]> {
    const deadline = monotonicMs() + withinMs;
    let quietSince: number | undefined;
    for (;;) {
      const differences = await this.#differences();
      const now = monotonicMs();
      quietSince = differences.length === 0 ? (quietSince ?? now) : undefined;
      if (quietSince !== undefined && now - quietSince >= QUIET_MS) return [];
      if (now > deadline) return differences.length > 0 ? differences : ['it does not stay so'];
      await sleep(50);
    }
  }

  async #differences(): Promise<string[]> {
    await this.cluster.history.refresh();
    const { changes } = this.cluster.history;
    if (changes !== this.#changes) {
      this.#ledger = new Ledger(this.#actors);
      this.#changes = changes;
      this.#changesTaken = this.#observationsTaken = 0;
    }
    for (; this.#changesTaken < changes.length; this.#changesTaken++) this.#ledger.change(changes[this.#changesTaken]!);
    const observations = this.#observations;
    for (; this.#observationsTaken < observations.length; this.#observationsTaken++) {
      this.#ledger.observe(observations[this.#observationsTaken]!);
    }
    return this.#ledger.differences();
  }

  /** The counter-test: a consumer is told when nobody is left, if that is so. */
  async #takeLast(): Promise<{ at: number; key: string }> {
    const process = this.processes.get(LONE.process)!;
    const { key } = this.#ledger.wanted.get(LONE.actor)!;
    const at = monotonicMs();
    const settled = async () => (await this.#differences()).length === 0;
    await process.order({ do: 'release', actor: LONE.actor });
    await eventually(settled, { what: `the end of ${key}` }).catch(() => undefined);
    await process.order({ do: 'register', actor: LONE.actor });
    await eventually(settled, { what: `the return of ${key}` }).catch(() => undefined);
    return { at, key };
  }
}
