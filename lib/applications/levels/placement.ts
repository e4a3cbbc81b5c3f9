import { isSwitchedOff, type ServiceUrl } from '../../dubbo/index.js';
import { InvalidUrlError } from '../../errors.js';
import { quoted } from '../../internal/quoted.js';
import { flawOfApplication } from '../formats/applicationName.js';
import { flawOfProvider } from '../formats/serviceInfo.js';
import type { InstanceAddress } from '../providing/publication.js';
import type { RegisterMode } from './registrationState.js';

/** Why a provider is not registered at the level of applications though it was asked for. */
export interface Omission {
  readonly reason: 'NO_APPLICATION' | 'UNFIT_FOR_APPLICATION';
  readonly message: string;
}

/** Where a URL is to be registered. */
export interface Placement {
  /** The URL; `undefined` withdraws the registration. */
  readonly url: ServiceUrl | undefined;
  readonly atInterface: boolean;
  /** The instance that it belongs to; `undefined` where it is no part of any. */
  readonly address: InstanceAddress | undefined;
  readonly omission: Omission | undefined;
}

/**
 * Decides at which levels a URL is registered.
 *
 * Consumers and rules have a place at the interface level only. So has a provider that is switched off: consumers of the level of
 * applications do not heed it.
 *
 * @throws InvalidUrlError in mode `instance` when the provider cannot be registered there.
 */
export function place(url: ServiceUrl | undefined, mode: RegisterMode): Placement {
  const atInterface = { url, atInterface: true, address: undefined, omission: undefined };
  if (!url) return { ...atInterface, atInterface: mode !== 'instance' };
  if (mode === 'interface' || url.category !== 'providers') return atInterface;
  const omission = omissionOf(url);
  if (omission && mode === 'instance') {
    throw new InvalidUrlError(`${quoted(url.toString())} cannot be registered in mode "instance": ${omission.message}`);
  }
  if (omission) return { ...atInterface, omission };
  if (isSwitchedOff((name) => url.parameter(name))) return { ...atInterface, atInterface: mode === 'all' };
  const address = { application: url.parameter('application')!, host: url.host, port: url.port! };
  return { url, atInterface: mode === 'all', address, omission: undefined };
}

function omissionOf(url: ServiceUrl): Omission | undefined {
  const application = url.parameter('application');
  if (!application) {
    return {
      reason: 'NO_APPLICATION',
      message:
        'Expected an application, as a parameter of the URL or as option `application` of the registry: consumers of Dubbo 3 ' +
        'that look for applications do not find a provider without one, and Java consumers log errors about it.',
    };
  }
  const message = flawOfApplication(application) ?? flawOfProvider(url);
  return message === undefined ? undefined : { reason: 'UNFIT_FOR_APPLICATION', message };
}
