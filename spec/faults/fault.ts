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
  /** Starts one more process, whose actors stay until the fault is judged. */
  join(name: string, actors: readonly Actor[]): Promise<{ process: PopulationProcess; network: Network }>;
  /** Where a process connects to, with a name for the host if one is given. */
  address(network: Network, host?: string): string;
  /** Notes what a third party wants to be there, as if it were an actor; nothing to want no more. */
  wants(actor: string, wanted?: { readonly key: string; readonly serial: string }): void;
}

/** Something that goes wrong, and is over when it resolves. */
export interface Fault {
  /** What goes wrong, in words. */
  readonly name: string;
  /** The one kind of server that it can happen to. */
  readonly only?: Kind;
  readonly effect: Effect;
  /** Does it, and undoes it. */
  run(scene: Scene): Promise<void>;
}
