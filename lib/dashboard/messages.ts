import type { InstanceView, ParameterChange, ServiceSummary } from '../overview/index.js';

/** One state that the connection was in. */
export interface ConnectionEntry {
  /** A connection status, or `refused` where the registry refuses us for good. */
  readonly status: string;
  /** Since when, in milliseconds since 1970. */
  readonly at: number;
  readonly cause?: string;
}

/** A service as the overview shows it. */
export interface ServiceRow extends ServiceSummary {
  /** The applications of its consumers, sorted. */
  readonly consumedBy: readonly string[];
  /** How many providers there are in each zone; `''` stands for none. */
  readonly zones: Readonly<Record<string, number>>;
  /** How many changes there were since somebody looks. */
  readonly changes: number;
  /** How many providers there were at its last changes. */
  readonly sizes: readonly number[];
}

/** Something that happened to an instance. */
export interface LogEntry {
  readonly at: number;
  readonly type: 'add' | 'update' | 'delete';
  readonly service: string;
  readonly category: string;
  readonly address: string;
  readonly application?: string;
  readonly changes?: readonly ParameterChange[];
}

/** A warning of the registry. */
export interface WarningEntry {
  readonly at: number;
  readonly code: string;
  readonly message: string;
}

/** What the page is told: with `all`, everything there is; else what has changed since. */
export interface Message {
  /** The clock of the server: ages are told by it. */
  readonly now: number;
  readonly all?: true;
  readonly title?: string;
  readonly connection?: readonly ConnectionEntry[];
  readonly services?: readonly ServiceRow[];
  /** Services that nobody provides or consumes any more. */
  readonly servicesGone?: readonly string[];
  /** Of the one service that is looked at. */
  readonly instances?: readonly InstanceView[];
  /** The keys of those that have gone. */
  readonly instancesGone?: readonly string[];
  readonly log?: readonly LogEntry[];
  readonly warnings?: readonly WarningEntry[];
}
