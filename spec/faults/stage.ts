import { setTimeout as sleep } from 'node:timers/promises';
import { type FaultCluster, type Kind, startFaultCluster } from '../support/cluster/faultCluster.js';
import { type Network, startNetwork } from '../support/cluster/network.js';
import { monotonicMs } from '../support/history/monotonic.js';
import type { Actor, Observation } from '../support/population/actors.js';
import { PopulationProcess } from '../support/population/populationProcess.js';
import { eventually } from '../support/servers/eventually.js';
import type { Fault, Scene } from './fault.js';
import { Ledger } from './ledger.js';
import { LONE, population } from './population.js';
import { BACKOFF_MAX_MS, type Recording, SLACK_MS } from './recording.js';

/** How long things go on as usual before a fault. */
const WARM_UP_MS = 700;
/** How long nothing may happen for things to be at rest. */
const QUIET_MS = 400;
/** How much longer than promised is waited, to see how long it takes. */
const PATIENCE_MS = 10_000;

/** Three servers, and 20 providers and 10 consumers in four processes, each with a way of its own to the servers. */
export class FaultStage implements Scene {
  readonly sessionTimeoutMs: number;
  readonly cluster: FaultCluster;
  readonly processes = new Map<string, PopulationProcess>();
  readonly networks = new Map<string, Network>();
  readonly #actors = new Map<string, Actor & { readonly process: string }>();
  readonly #observations: Observation[] = [];
  readonly #ledger: Ledger;
  /** How many changes and observations the ledger has taken in. */
  #changesTaken = 0;
  #observationsTaken = 0;

  private constructor(cluster: FaultCluster, sessionTimeoutMs: number) {
    this.cluster = cluster;
    this.sessionTimeoutMs = sessionTimeoutMs;
    this.#ledger = new Ledger(this.#actors);
  }

  /** Starts servers and processes; resolves when everybody is registered and sees everybody. */
  static async start(kind: Kind, sessionTimeoutMs: number): Promise<FaultStage> {
    const stage = new FaultStage(await startFaultCluster(kind), sessionTimeoutMs);
    try {
      await Promise.all([...population()].map(([name, actors]) => stage.join(name, actors)));
      const differences = await stage.#settle(30_000);
      if (differences.length > 0) throw new Error(`The population does not come to rest: ${differences.join('; ')}`);
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  async join(name: string, actors: readonly Actor[]): Promise<{ process: PopulationProcess; network: Network }> {
    const network = await startNetwork(this.cluster.servers);
    for (const actor of actors) this.#actors.set(actor.name, { ...actor, process: name });
    const process = new PopulationProcess(name, actors, (observation) => this.#observations.push(observation));
    this.processes.set(name, process);
    this.networks.set(name, network);
    await process.enter(this.address(network));
    return { process, network };
  }

  address(network: Network, host?: string): string {
    const servers = host === undefined ? network.addresses : network.addressesAt(host);
    return `${this.cluster.kind}://${servers}?session=${this.sessionTimeoutMs}`;
  }

  wants(actor: string, wanted?: { readonly key: string; readonly serial: string }): void {
    const at = monotonicMs();
    this.#observations.push(wanted ? { at, actor, what: 'wants', ...wanted } : { at, actor, what: 'releases' });
  }

  /** Has a fault happen to everybody, waits until all is well again, and returns what was seen. */
  async suffer(fault: Fault): Promise<Recording> {
    await this.#churn(true);
    await sleep(WARM_UP_MS);
    const acceptedBefore = this.#accepted;
    const from = monotonicMs();
    await fault.run(this);
    const healedAt = monotonicMs();
    await this.#churn(false);
    const differences = await this.#settle(BACKOFF_MAX_MS + this.sessionTimeoutMs + SLACK_MS + PATIENCE_MS);
    const attempts = (this.#accepted - acceptedBefore) / this.#actors.size;
    const last = differences.length === 0 ? await this.#takeLast() : undefined;
    const restAt = monotonicMs();
    const owners = await this.cluster.owners();
    return {
      ...{ fault: fault.name, sessionTimeoutMs: this.sessionTimeoutMs, effect: fault.effect },
      ...{ from, healedAt, restAt, last, owners, attempts },
      changes: [...this.cluster.history.changes],
      observations: [...this.#observations],
      actors: new Map(this.#actors),
    };
  }

  /** Takes everything down, whatever state it is in. */
  async close(): Promise<void> {
    await Promise.all([...this.processes.values()].map((process) => process.kill()));
    await Promise.all([...this.networks.values()].map((network) => network.close()));
    await this.cluster.close();
  }

  get #accepted(): number {
    return [...this.networks.values()].reduce((sum, { accepted }) => sum + accepted, 0);
  }

  async #churn(on: boolean): Promise<void> {
    await Promise.all([...this.processes.values()].map((process) => process.order({ do: 'churn', on })));
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
