import type { ServerChange } from '../support/history/serverHistory.js';
import type { Actor, Observation } from '../support/population/actors.js';
import { type ProviderNode, readProviderNode } from './registryState.js';

/** What everybody wants, what the servers have, and what each consumer believes, added up from what was recorded. */
export class Ledger {
  /** What each provider wants to be there, if anything. */
  readonly wanted = new Map<string, { readonly key: string; readonly serial: string }>();
  readonly nodes = new Map<string, ProviderNode>();
  /** What each consumer was told, as key and serial number. */
  readonly views = new Map<string, Map<string, string>>();
  readonly #actors: ReadonlyMap<string, Actor>;
  /** Those who have closed, and believe nothing. */
  readonly #gone = new Set<string>();

  constructor(actors: ReadonlyMap<string, Actor>) {
    this.#actors = actors;
  }

  observe(observation: Observation): void {
    const { actor } = observation;
    switch (observation.what) {
      case 'wants':
        this.wanted.set(actor, observation);
        break;
      case 'releases':
        this.wanted.delete(actor);
        break;
      case 'told':
        if (observation.type === 'delete') this.#view(actor).delete(observation.key);
        else this.#view(actor).set(observation.key, observation.serial);
        break;
      case 'entered':
        this.#gone.delete(actor);
        this.views.delete(actor);
        break;
      case 'closed':
        this.#gone.add(actor);
        break;
      case 'ended':
        // It begins again with nothing.
        if (observation.stream === 'events') this.views.delete(actor);
        break;
    }
  }

  change({ changes }: ServerChange): void {
    for (const change of changes) {
      if (change.type === 'delete') this.nodes.delete(change.path);
      else {
        const node = readProviderNode(change);
        if (node) this.nodes.set(node.path, node);
      }
    }
  }

  /** Where what is wanted, what is there, and what is believed are not the same; none when all is well. */
  differences(): string[] {
    const wanted = new Set([...this.wanted.values()].map(({ serial }) => serial));
    const there = [...this.nodes.values()];
    const found = new Set(there.map(({ serial }) => serial));
    const differences = [
      ...[...wanted].filter((serial) => !found.has(serial)).map((serial) => `${serial} is wanted and not there`),
      ...there.filter(({ serial }) => !wanted.has(serial)).map(({ serial }) => `${serial} is there and not wanted`),
    ];
    for (const [name, actor] of this.#actors) {
      if (actor.role !== 'consumer' || this.#gone.has(name)) continue;
      const view = this.views.get(name) ?? new Map<string, string>();
      const inView = there.filter((node) => actor.interface === '*' || node.interface === actor.interface);
      const keys = new Set(inView.map(({ key }) => key));
      for (const { key, serial } of inView) {
        if (view.get(key) !== serial) differences.push(`${name} believes ${key} to be ${view.get(key)}, not ${serial}`);
      }
      for (const [key, serial] of view) if (!keys.has(key)) differences.push(`${name} believes in ${serial} of ${key}`);
    }
    return differences;
  }

  #view(consumer: string): Map<string, string> {
    const view = this.views.get(consumer) ?? new Map<string, string>();
    this.views.set(consumer, view);
    return view;
  }
}
