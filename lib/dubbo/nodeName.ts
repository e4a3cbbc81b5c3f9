import { InvalidUrlError, UnreadableNodeError } from '../errors.js';
import { decodeComponent, encodeComponent } from './encoding.js';
import { OWN_PARAMETERS, withoutOwnParts } from './ownParts.js';
import { ServiceUrl } from './serviceUrl.js';
import { CONTROL, splitHostPort, splitQuery, splitUrl, splitUserInfo } from './splitUrl.js';
import { checkWritable } from './writable.js';

/** The longest name that is read or written. */
export const MAX_NAME_LENGTH = 65_536;

/**
 * The name of the node that stands for a service: its canonical URL, encoded as Java encodes it.
 *
 * What this writes, {@link fromNodeName} and Java read back as the same URL, and dubbo-go can read. A URL for which that cannot be
 * is refused: nothing inside a Dubbo URL is escaped on its own, so a separator in a value would end it, and a bare `%` hides
 * the node from dubbo-go. What dubbo-go reads is decoded once more: `+` as a space, and `%41` as `A`.
 *
 * @param url - The service, with a host.
 * @returns The node's name.
 * @throws {@link InvalidUrlError} naming the part or parameter that cannot be written.
 *
 * @example
 * ```ts
 * toNodeName(ServiceUrl.parse('dubbo://10.0.0.1:20880/com.foo.Bar?version=1.0'));
 * // 'dubbo%3A%2F%2F10.0.0.1%3A20880%2Fcom.foo.Bar%3Fversion%3D1.0'
 * ```
 */
export function toNodeName(url: ServiceUrl): string {
  checkWritable(url);
  const name = encodeComponent(url.toFullString());
  if (name.length > MAX_NAME_LENGTH) {
    throw new InvalidUrlError(`Expected a node name of at most ${MAX_NAME_LENGTH} characters, got ${name.length}.`);
  }
  // Nobody else's names are read in any way but as they were written.
  const isOldGoes = OF_OLD_GO.some((by) => isOldGo(url.protocol, by, url.parameter(by) ?? ''));
  if (isOldGoes && !fromNodeName(name).equals(url)) {
    throw new InvalidUrlError(
      'Expected a URL that reads back as itself, got one whose `dubbo` or `release` parameter claims that an old ' +
        'dubbo-go wrote it, which escaped values twice: remove that parameter.',
    );
  }
  return name;
}

/**
 * Reads the name of a node back into the service it stands for, whoever wrote it: Java, Go of any age, or JavaScript.
 *
 * Java and Go since 1.5.5 encode the whole URL once. Go up to 1.4, its providers up to 1.5.3 and its consumers up to 1.5.4
 * encoded names and values of parameters before that too; they are known by their `dubbo` or `release` parameter, and only
 * theirs are decoded twice. A parameter without `=` has the value `''`, and one that is repeated counts with its last value,
 * as in Java, or for an old Go writer with its first, as in Go. The exception are the parameters that such a writer appended
 * itself to those it was configured with: there the last is what it *is* and the first what it was told, and so a provider
 * with `side=consumer&side=provider` is a provider, and a consumer with `category=providers&category=consumers` a consumer.
 *
 * @param name - A node's name, without the path before it.
 * @returns The service.
 * @throws {@link UnreadableNodeError}, and nothing else, when it is not one; it takes linear time to find out.
 *
 * @example
 * ```ts
 * fromNodeName('tri%3A%2F%2F10.0.0.1%3A50051%2Fcom.foo.Bar%3fgroup%3dg').group; // 'g'
 * ```
 */
export function fromNodeName(name: string): ServiceUrl {
  if (name === '') throw new UnreadableNodeError('Expected the name of a node, got an empty one.');
  if (name.length > MAX_NAME_LENGTH) {
    throw new UnreadableNodeError(`Expected a name of at most ${MAX_NAME_LENGTH} characters, got ${name.length}.`);
  }
  return readLikeOthers(name) ?? readWhole(name);
}

/** Reads what nodes have in common once for all of them, which spares most of the time and nearly all of the memory. */
function readLikeOthers(name: string): ServiceUrl | undefined {
  if (name.length > LONGEST_MODEL) return undefined;
  const inCommon = withoutOwnParts(name, 'h');
  const model = inCommon === undefined ? undefined : modelOf(inCommon);
  return model && ServiceUrl.like(model, name);
}

function readWhole(name: string): ServiceUrl {
  const split = splitUrl(decodeComponent(name));
  if (!split) throw new UnreadableNodeError('Expected protocol://, got a name without.');
  const { protocol, path } = split;
  const address = splitHostPort(split.authority);
  if (!address) throw new UnreadableNodeError('Expected host or host:port with a port from 1 to 65535, got neither.');
  if (address.host === '') throw new UnreadableNodeError('Expected a host, got none.');
  if (CONTROL.test(address.host) || CONTROL.test(path)) {
    throw new UnreadableNodeError('Expected a host and path without control characters, got some.');
  }
  const parameters = readParameters(protocol, [...splitQuery(split.query ?? '')]);
  return ServiceUrl.from({ protocol, ...splitUserInfo(split.userInfo ?? ''), ...address, path, parameters });
}

/** What nodes say that say the same, by the name that they would have in common; `undefined` where each is read on its own. */
const models = new Map<string, ServiceUrl | undefined>();
/** What is in use stays with those who use it when all are forgotten. */
const MOST_MODELS = 1_024;
const LONGEST_MODEL = 4_096;

function modelOf(name: string): ServiceUrl | undefined {
  if (models.has(name)) return models.get(name);
  const model = readModel(name);
  if (models.size >= MOST_MODELS) models.clear();
  models.set(name, model);
  return model;
}

function readModel(name: string): ServiceUrl | undefined {
  try {
    const model = readWhole(name);
    // What was cut out is only found where all of it was, and was final as it stood.
    const isPlain =
      !OWN_PARAMETERS.some((own) => model.parameters.has(own)) &&
      !OF_OLD_GO.some((by) => isOldGo(model.protocol, by, model.parameter(by) ?? ''));
    return isPlain ? model : undefined;
  } catch {
    return undefined;
  }
}

type Pair = readonly [name: string, value: string | undefined];

function readParameters(protocol: string, pairs: readonly Pair[]): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  const fromOldGo = pairs.some(([name, value = '']) => isOldGo(protocol, name, value));
  for (const [rawName, rawValue = ''] of pairs) {
    const name = fromOldGo ? decodedAgain(rawName) : rawName;
    if (name === '') continue;
    if (fromOldGo && parameters.has(name) && !APPENDED_BY_OLD_GO.has(name)) continue;
    const { name: sharedName, value } = shared(name, fromOldGo ? decodedAgain(rawValue) : rawValue);
    parameters.set(sharedName, value);
  }
  return parameters;
}

interface Parameter {
  readonly name: string;
  readonly value: string;
}

// The nodes of a service differ in little: sharing strings from one to the next saves a third of their memory.
const lastRead = new Map<string, Parameter>();
const MAX_SHARED = 256;

function shared(name: string, value: string): Parameter {
  const last = lastRead.get(name);
  if (last?.value === value) return last;
  const parameter = { name: last?.name ?? name, value };
  if (last || lastRead.size < MAX_SHARED) lastRead.set(parameter.name, parameter);
  return parameter;
}

const APPENDED_BY_OLD_GO: ReadonlySet<string> = new Set([
  'anyhost',
  'category',
  'dubbo',
  'ip',
  'pid',
  'protocol',
  'side',
]);

const OF_OLD_GO = ['dubbo', 'release'] as const;

function isOldGo(protocol: string, name: string, value: string): boolean {
  if (name === 'dubbo') return /^(?:dubbo-provider-golang|dubbogo-consumer)-/.test(value);
  if (name !== 'release') return false;
  return (protocol === 'consumer' ? /^dubbo-golang-1\.5\.[0-4](?!\d)/ : /^dubbo-golang-1\.5\.[0-3](?!\d)/).test(value);
}

// A value with a bad escape was not encoded a second time, whatever its writer's version: it is final as it stands.
function decodedAgain(text: string): string {
  try {
    return decodeComponent(text);
  } catch {
    return text;
  }
}
