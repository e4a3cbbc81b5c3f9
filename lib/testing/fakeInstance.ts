import { ServiceUrl, type ServiceUrlChanges, type ServiceUrlParts } from '../dubbo/index.js';
import { InvalidOptionError, InvalidUrlError } from '../errors.js';
import { nodeOf } from './serviceList.js';

/** The interface of fake instances that name no other. */
export const FAKE_INTERFACE = 'com.acme.UserService';

/** What a {@link fakeInstance} is, as far as it matters. */
export interface FakeInstance {
  /** Tells it from others, from 1 to 16777215: host, zone, start and process follow from it. @defaultValue 1 */
  readonly number?: number | undefined;
  /** What it speaks. @defaultValue `dubbo` */
  readonly protocol?: string | undefined;
  /** Where it is. @defaultValue `10.0.0.1` for the first, and so on */
  readonly host?: string | undefined;
  /** Which port it listens on, from 1 to 65535. @defaultValue 20880 */
  readonly port?: number | undefined;
  /** What it implements. @defaultValue {@link FAKE_INTERFACE} */
  readonly interface?: string | undefined;
  /** The group that it belongs to. @defaultValue none */
  readonly group?: string | undefined;
  /** The version that it implements. @defaultValue none */
  readonly version?: string | undefined;
  /** How much it shall get compared with others, from 0 to 2147483647. @defaultValue 100 */
  readonly weight?: number | undefined;
  /** The zone that it is in, as its parameter `zone`. @defaultValue `eu-1`, `eu-2` and `eu-3` in turn */
  readonly zone?: string | undefined;
  /** When it started, in milliseconds since 1970. @defaultValue as many seconds after 1,700,000,000 as its number says */
  readonly timestamp?: number | undefined;
  /** Anything else that it says; `undefined` removes a parameter. @defaultValue nothing */
  readonly parameters?: Readonly<Record<string, string | undefined>> | undefined;
}

const FIELDS: readonly string[] = [
  'number',
  'protocol',
  'host',
  'port',
  'interface',
  'group',
  'version',
  'weight',
  'zone',
  'timestamp',
  'parameters',
] satisfies (keyof FakeInstance)[];
const MOST = 0xff_ff_ff;
const EPOCH_S = 1_700_000_000;
const ZONES = 3;

/**
 * Makes a service that looks like one that a provider has registered, the same one for the same arguments.
 *
 * It says all that `register` would add, so that what is registered is what is found.
 *
 * @param like - What it is, or just its number.
 * @throws InvalidOptionError for an unknown field, or one out of range.
 *
 * @example
 * ```ts
 * fakeInstance(2).address; // '10.0.0.2:20880'
 * fakeInstance({ number: 2, weight: 50, zone: 'us-1' }).parameter('zone'); // 'us-1'
 * ```
 */
export function fakeInstance(like: number | FakeInstance = 1): ServiceUrl {
  const given = typeof like === 'number' ? { number: like } : like;
  if (typeof given !== 'object' || given === null) throw new InvalidOptionError('like', 'a number or an object', given);
  for (const [field, value] of Object.entries(given)) {
    if (!FIELDS.includes(field)) throw new InvalidOptionError(field, `one of ${FIELDS.join(', ')}`, value);
  }
  const number = whole('number', given.number ?? 1, 1, MOST);
  const service = text('interface', given.interface ?? FAKE_INTERFACE);
  const parameters: ServiceUrlChanges['parameters'] = {
    category: 'providers',
    group: given.group === undefined ? undefined : text('group', given.group),
    interface: service,
    pid: String(number),
    release: 'fake',
    side: 'provider',
    timestamp: String(whole('timestamp', given.timestamp ?? (EPOCH_S + number) * 1_000, 0, Number.MAX_SAFE_INTEGER)),
    version: given.version === undefined ? undefined : text('version', given.version),
    weight: String(whole('weight', given.weight ?? 100, 0, 0x7f_ff_ff_ff)),
    zone: text('zone', given.zone ?? `eu-${((number - 1) % ZONES) + 1}`),
    ...given.parameters,
  };
  const parts: ServiceUrlParts = {
    protocol: text('protocol', given.protocol ?? 'dubbo'),
    host: text('host', given.host ?? `10.${number >> 16}.${(number >> 8) & 0xff}.${number & 0xff}`),
    port: whole('port', given.port ?? 20_880, 1, 65_535),
    path: service,
  };
  return nodeOf('like', '/', made(parts, parameters))[1];
}

function made(parts: ServiceUrlParts, parameters: ServiceUrlChanges['parameters']): ServiceUrl {
  try {
    return ServiceUrl.from(parts).with({ parameters });
  } catch (error) {
    if (!(error instanceof InvalidUrlError)) throw error;
    throw new InvalidOptionError(
      'like',
      `what can be registered (${error.message.replace(/\.$/, '')})`,
      parts.protocol,
    );
  }
}

function text(option: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new InvalidOptionError(option, 'a text that is not empty', value);
}

function whole(option: string, value: unknown, from: number, to: number): number {
  if (Number.isInteger(value) && (value as number) >= from && (value as number) <= to) return value as number;
  throw new InvalidOptionError(option, `a whole number from ${from} to ${to}`, value);
}
