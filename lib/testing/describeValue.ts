import { ServiceUrl } from '../dubbo/index.js';
import { InstanceSet, type ServiceEvent } from '../instances/index.js';
import type { ConnectionState } from '../port/index.js';
import { LETTER_OF } from './connectionScript.js';

const SIGN_OF: Readonly<Record<ServiceEvent['type'], string>> = { add: '+', update: '~', delete: '-' };

/** The letter of a connection state, as {@link MarbleScript.states} has it. */
export function describeState({ status }: ConnectionState): string {
  return LETTER_OF[status] ?? String(status);
}

/** A service event: `+` for add, `~` for update, `-` for delete, and the address. */
export function describeEvent({ type, service }: ServiceEvent): string {
  return `${SIGN_OF[type] ?? '?'}${service.address}`;
}

/** What the streams of a registry emit, in a few characters; anything else as a text. */
export function describeValue(value: unknown): string {
  if (value instanceof ServiceUrl) return value.address;
  if (value instanceof InstanceSet)
    return `{${[...value]
      .map(({ address }) => address)
      .sort()
      .join(' ')}}`;
  if (typeof value !== 'object' || value === null) return String(value);
  if ('type' in value && 'service' in value) return describeEvent(value as ServiceEvent);
  if ('status' in value && typeof value.status === 'string') {
    // A registration has states of its own, which go by their names.
    return 'url' in value ? value.status : describeState(value as ConnectionState);
  }
  try {
    return JSON.stringify(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
