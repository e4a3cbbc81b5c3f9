import { sameService, type ServiceUrl } from '../dubbo/index.js';
import { quoted } from '../internal/quoted.js';
import type { ServiceEvent } from '../instances/index.js';

/** Adds service events up, and says which of them is not legal. */
export class EventFold {
  readonly present = new Map<string, ServiceUrl>();

  /** Takes an event in; returns what is wrong with it. */
  take(event: ServiceEvent): string | undefined {
    const { key, service } = event;
    const known = this.present.get(key);
    switch (event.type) {
      case 'add':
        this.present.set(key, service);
        return known ? `${key} was added, but is there already` : undefined;
      case 'update':
        this.present.set(key, service);
        if (!known) return `${key} was updated, but is not there`;
        if (sameService(known, service)) return `${key} was updated, but says what it said before`;
        if (!known.equals(event.previous))
          return `${key} was updated from ${quoted(String(event.previous))}, but was ${quoted(String(known))}`;
        return undefined;
      case 'delete':
        return this.present.delete(key) ? undefined : `${key} was deleted, but is not there`;
    }
  }
}
