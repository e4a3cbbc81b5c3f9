import type { ConnectionEntry, LogEntry, Message, ServiceRow, WarningEntry } from '../messages.js';
import type { InstanceView } from '../../overview/index.js';

/** How long what has changed or gone is marked. */
export const MARK_MS = 1_500;
const MOST_STATES = 200;
const MOST_LOGGED = 300;
const MOST_WARNINGS = 100;

/** What happened to an instance lately, and when. */
export interface Mark {
  readonly type: 'add' | 'update' | 'delete';
  readonly at: number;
}

/** An instance as a row of a table: in its place, and marked. */
export interface InstanceRow {
  readonly view: InstanceView;
  /** What rows are sorted by. */
  readonly order: string;
  readonly mark: Mark | undefined;
}

/** What the page knows, as messages add up. It knows nothing of how it is shown. */
export class PageModel {
  title = '';
  /** Other lists whenever something is added to them. */
  connection: readonly ConnectionEntry[] = [];
  log: readonly LogEntry[] = [];
  warnings: readonly WarningEntry[] = [];
  readonly services = new Map<string, ServiceRow>();
  readonly instances = new Map<string, InstanceRow>();
  /** How much the clock of the server is ahead of ours. */
  clockAheadMs = 0;
  #sorted: InstanceRow[] | undefined;
  #leaving = new Set<string>();

  /** Takes in a message that came at that time of our clock. */
  apply(message: Message, at: number): void {
    this.clockAheadMs = message.now - at;
    if (message.all) this.#clear();
    this.title = message.title ?? this.title;
    this.connection = appended(this.connection, message.connection, MOST_STATES);
    this.log = appended(this.log, message.log, MOST_LOGGED);
    this.warnings = appended(this.warnings, message.warnings, MOST_WARNINGS);
    for (const row of message.services ?? []) this.services.set(row.service, row);
    for (const name of message.servicesGone ?? []) this.services.delete(name);
    for (const view of message.instances ?? []) this.#set(view, message.all === true, at);
    for (const key of message.instancesGone ?? []) this.#leave(key, at);
  }

  /** Forgets what has gone and was marked for long enough; whether anything is marked still. */
  settle(at: number): boolean {
    for (const key of this.#leaving) {
      if (at - this.instances.get(key)!.mark!.at < MARK_MS) continue;
      this.#leaving.delete(key);
      this.instances.delete(key);
      this.#sorted = undefined;
    }
    return this.#leaving.size > 0;
  }

  /** The instances in the order of their addresses, providers first. */
  get rows(): readonly InstanceRow[] {
    return (this.#sorted ??= [...this.instances.values()].sort((a, b) => (a.order < b.order ? -1 : 1)));
  }

  #set(view: InstanceView, isFirst: boolean, at: number): void {
    const known = this.instances.get(view.key);
    const isThere = known !== undefined && known.mark?.type !== 'delete';
    const mark: Mark | undefined = isFirst ? undefined : { type: isThere ? 'update' : 'add', at };
    this.instances.set(view.key, { view, order: orderOf(view), mark });
    this.#leaving.delete(view.key);
    this.#sorted = undefined;
  }

  #leave(key: string, at: number): void {
    const known = this.instances.get(key);
    if (!known) return;
    this.instances.set(key, { ...known, mark: { type: 'delete', at } });
    this.#leaving.add(key);
    this.#sorted = undefined;
  }

  #clear(): void {
    this.connection = [];
    this.log = [];
    this.warnings = [];
    this.services.clear();
    this.instances.clear();
    this.#leaving.clear();
    this.#sorted = undefined;
  }
}

function appended<T>(list: readonly T[], added: readonly T[] = [], most: number): readonly T[] {
  return added.length === 0 ? list : [...list, ...added].slice(-most);
}

/** Numbers in addresses count as numbers: .9 stands before .10. */
function orderOf({ category, address, key }: InstanceView): string {
  const rank = category === 'providers' ? 0 : 1;
  return `${rank} ${address.replace(/\d+/g, (digits) => digits.padStart(5, '0'))} ${key}`;
}

/** One stretch of time in which the connection was in one state, as shares of the whole. */
export interface Stretch {
  readonly status: string;
  readonly from: number;
  readonly share: number;
}

/** The history of the connection up to now, as stretches of the last `spanMs`. */
export function stretchesOf(connection: readonly ConnectionEntry[], now: number, spanMs: number): Stretch[] {
  const start = Math.max(now - spanMs, connection[0]?.at ?? now);
  const whole = Math.max(1, now - start);
  return connection.flatMap(({ status, at }, index) => {
    const from = Math.max(at, start);
    const until = connection[index + 1]?.at ?? now;
    return until <= from ? [] : [{ status, from, share: (until - from) / whole }];
  });
}

/** The points of a line through sizes, in a box: `0,20 10,5`. */
export function pointsOf(sizes: readonly number[], width: number, height: number): string {
  const most = Math.max(1, ...sizes);
  const all = sizes.length === 1 ? [sizes[0]!, sizes[0]!] : sizes;
  const step = width / Math.max(1, all.length - 1);
  const inset = 1.5;
  return all
    .map(
      (size, at) => `${(at * step).toFixed(1)},${(height - inset - (size / most) * (height - 2 * inset)).toFixed(1)}`,
    )
    .join(' ');
}

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
];

/** How long something has been, in its largest unit. */
export function ageOf(since: number | undefined, now: number): string {
  if (since === undefined) return '';
  const ms = now - since;
  if (ms < -5_000) return 'in the future';
  const [unit, size] = UNITS.find(([, each]) => ms >= each) ?? (['s', 1_000] as const);
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`;
}

/** The view that a fragment names. */
export interface View {
  readonly name: 'overview' | 'service' | 'map';
  readonly service?: string;
  readonly filter: string;
}

/** Reads `#/service/com.acme.Users?q=eu-1`, `#/map`, `#/?q=users`; everything else is the overview. */
export function viewOf(fragment: string): View {
  const [path = '', query = ''] = fragment.replace(/^#\/?/, '').split('?');
  const filter = new URLSearchParams(query).get('q') ?? '';
  if (path === 'map') return { name: 'map', filter };
  const [, encoded] = /^service\/(.+)$/.exec(path) ?? [];
  try {
    return encoded ? { name: 'service', service: decodeURIComponent(encoded), filter } : { name: 'overview', filter };
  } catch {
    return { name: 'overview', filter };
  }
}

/** The fragment that names a view. */
export function fragmentOf({ name, service, filter }: View): string {
  const path = name === 'service' ? `service/${encodeURIComponent(service ?? '')}` : name === 'map' ? 'map' : '';
  return `#/${path}${filter ? `?q=${encodeURIComponent(filter)}` : ''}`;
}

/** Whether a text has all words of a filter. */
export function isFound(text: string, filter: string): boolean {
  const lower = text.toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}

/** A hue for a zone, the same one everywhere; never red, which means that something is wrong. */
export function hueOf(zone: string): number {
  let hash = 7;
  for (const character of zone) hash = (hash * 31 + character.codePointAt(0)!) % 360_007;
  // Names that differ in the last letter, as those of zones do, come far apart.
  return 40 + (Math.round(hash * 137.508) % 280);
}
