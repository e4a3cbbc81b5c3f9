import type { ServiceUrl } from '../../dubbo/index.js';
import type { InstanceSet } from '../../instances/index.js';
import { quoted } from '../../internal/quoted.js';
import { redact } from '../../internal/redact.js';
import type { WarningDetails } from '../../internal/warnings.js';
import type { InstanceAddress } from '../providing/publication.js';
import type { Omission } from './placement.js';

/** What can go wrong with providers and queries though nothing stops because of it. */
export type LevelWarningCode =
  /** A provider does not say to which application it belongs. */
  | 'NO_APPLICATION'
  /** A provider is at an address that only its own machine can reach. */
  | 'LOOPBACK_HOST'
  /** A provider cannot be registered at the level of applications. */
  | 'UNFIT_FOR_APPLICATION'
  /** The registry refuses an instance of an application, or another session has it. */
  | 'REFUSED_INSTANCE'
  /** Nothing fits a query, though the interface is there with another group or version. */
  | 'OTHER_GROUP_OR_VERSION';

/** Tells warnings, and knows which were told. */
export interface WarningTeller<Code extends string> {
  tell(code: Code, message: string, details?: WarningDetails): void;
  isKnown(thing: string): boolean;
}

/** Tells of what a registration says that costs people days. */
export class LevelWarnings {
  readonly #warnings: WarningTeller<LevelWarningCode>;

  constructor(warnings: WarningTeller<LevelWarningCode>) {
    this.#warnings = warnings;
  }

  /** Takes a look at a provider that is registered. */
  onRegistered(url: ServiceUrl): void {
    if (url.category !== 'providers') return;
    if (!url.parameter('application')) {
      this.#once(
        'NO_APPLICATION',
        'no application',
        `${quoted(url.serviceKey)} is registered without an application: consumers of Dubbo 3 that look for applications do not ` +
          'find it, and Java consumers log errors about it. Give the registry the option `application`, or the URL a parameter of that name.',
      );
    }
    if (isLoopback(url.host)) {
      this.#once(
        'LOOPBACK_HOST',
        `loopback ${url.host}`,
        `${quoted(url.serviceKey)} is registered at ${quoted(url.host)}, which other machines cannot reach; a Java consumer calls ` +
          'its own address instead. Leave the host out, or set DUBBO_IP_TO_REGISTRY.',
      );
    }
  }

  onOmitted(url: ServiceUrl, { reason, message }: Omission): void {
    // What has no application was told of already.
    if (reason === 'NO_APPLICATION') return;
    const subject = `${quoted(url.serviceKey)} is registered at the interface level only`;
    this.#once(reason, `omitted ${url.serviceKey} ${message}`, `${subject}: ${message}`);
  }

  onRefused({ application }: InstanceAddress, path: string, cause: Error): void {
    this.#once(
      'REFUSED_INSTANCE',
      `refused ${application} ${cause.name}`,
      `Instances of the application ${quoted(application)} are not registered as long as this lasts: ${cause.message}`,
      { path: redact(path), cause },
    );
  }

  /** Takes a look at what there is of an interface, where nothing of it fits a query. */
  onNothingFound(query: ServiceUrl, others: InstanceSet): void {
    const keys = [...new Set(Array.from(others.keys(), (key) => others.get(key)!.serviceKey))].sort();
    const more = keys.length > MOST_NAMED ? ` and ${keys.length - MOST_NAMED} more` : '';
    const named = `${keys
      .slice(0, MOST_NAMED)
      .map((key) => quoted(key))
      .join(', ')}${more}`;
    this.#once(
      'OTHER_GROUP_OR_VERSION',
      `nothing for ${query.serviceKey}`,
      `Nobody provides ${quoted(query.serviceKey)}, but there is ${named}: a query finds only its own group and version.`,
    );
  }

  #once(code: LevelWarningCode, thing: string, message: string, details: WarningDetails = {}): void {
    if (!this.#warnings.isKnown(thing)) this.#warnings.tell(code, message, details);
  }
}

/** How many groups and versions a warning names. */
const MOST_NAMED = 5;

function isLoopback(host: string): boolean {
  return /^127\.\d/.test(host) || host === 'localhost' || host === '::1';
}
