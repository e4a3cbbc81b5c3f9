import type { FaultCluster, Kind } from '../support/cluster/faultCluster.js';
import type { Network } from '../support/cluster/network.js';
import type { Actor } from '../support/population/actors.js';
import type { PopulationProcess } from '../support/population/populationProcess.js';
import type { Effect } from './recording.js';

/** All that a fault can be done to. */
export interface Scene {
  readonly cluster: FaultCluster;
  readonly sessionTimeoutMs: number;
  /** The processes of the population by name, and the way of each to the servers. */
  readonly processes: ReadonlyMap<string, PopulationProcess>;
  readonly networks: ReadonlyMap<string, Network>;
  /** Starts one more process, which leaves when the fault has been judged; `host` is a name that it alone knows. */
  join(name: string, actors: readonly Actor[], host?: string): Promise<PopulationProcess>;
  /** Kills a process and starts another with the same actors. */
  replace(name: string): Promise<void>;
  /** Has a process close everything and end. */
  leave(name: string): Promise<void>;
  /** Notes what a third party wants to be there, as if it were an actor; nothing to want no more. */
  wants(actor: string, wanted?: { readonly key: string; readonly serial: string }): void;
  /** Has something done when the fault has been judged. */
  after(cleanUp: () => Promise<unknown>): void;
}

/** Something that goes wrong, and is over when it resolves. */
export interface Fault {
  /** What goes wrong, in words. */
  readonly name: string;
  /** The one kind of server that it can happen to. */
  readonly only?: Kind;
  /** Whether the servers must ask everybody who they are. */
  readonly withUsers?: boolean;
  readonly effect: Effect;
  /** Does it, and undoes it. */
  run(scene: Scene): Promise<void>;
}
