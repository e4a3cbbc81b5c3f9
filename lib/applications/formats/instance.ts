import { UnreadableNodeError } from '../../errors.js';
import { isName } from '../../dubbo/index.js';
import { parseJson } from '../../config/formats/parseJson.js';
import { fieldOf, isObject, type PlainObject, portOf, readObject, textOf, textsOf } from './plainFields.js';

/** One instance of an application, as its node says. */
export interface ApplicationInstance {
  readonly application: string;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** The key of its metadata; `undefined` for an instance that provides nothing. */
  readonly revision: string | undefined;
  /** Whether the metadata is in the registry; else the instance itself must be asked. */
  readonly storage: 'local' | 'remote';
  /** The port of each protocol. */
  readonly endpoints: ReadonlyMap<string, number>;
  /** How to ask the instance for its metadata; empty where it does not say. */
  readonly metadataService: ReadonlyMap<string, string>;
  /** When it was started, as it is written: Java writes milliseconds, Go seconds. */
  readonly timestamp: string | undefined;
  /** The metadata itself, which dubbo-go writes into the node on etcd. */
  readonly inlineMetadata: PlainObject | undefined;
}

/** What is written of an instance. */
export interface InstanceFacts {
  readonly application: string;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  readonly revision: string;
  readonly protocols: readonly string[];
  /** When it was started, in milliseconds: Java warms it up from then on. */
  readonly timestampMs: number;
}

/** How instances are written: Java and dubbo-go agree on ZooKeeper only. */
export type InstanceForm = 'curator' | 'go';

/** The class that a Java consumer must find in the payload: without it, it does not start. */
const PAYLOAD_CLASS = 'org.apache.dubbo.registry.zookeeper.ZookeeperInstance';

const METADATA_VERSION = '1.0.0';

/** What no host has in it; the brackets of an IPv6 address stand around it. */
const UNFIT_FOR_HOST = /[\s/?#@%\\^`{|}]|\p{Cc}|(?!^)\[|\](?!$)/u;

/** What the metadata of an instance calls the parts that count. */
const KEYS = {
  endpoints: 'dubbo.endpoints',
  metadataService: 'dubbo.metadata-service.url-params',
  revision: 'dubbo.metadata.revision',
  storage: 'dubbo.metadata.storage-type',
} as const;

/** The name of an instance's node: `host:port`. */
export function instanceName({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${bracketed(host)}:${port}`;
}

/** The content of an instance's node, with everything without which Java or dubbo-go fails or loses it. */
export function writeInstance(facts: InstanceFacts, form: InstanceForm): string {
  const { application, host, port, revision, protocols, timestampMs } = facts;
  const id = instanceName(facts);
  const metadata = {
    [KEYS.endpoints]: JSON.stringify(protocols.map((protocol) => ({ port, protocol }))),
    [KEYS.revision]: revision,
    [KEYS.storage]: 'remote',
    'meta-v': METADATA_VERSION,
    timestamp: String(timestampMs),
  };
  if (form === 'curator') {
    return JSON.stringify({
      name: application,
      id,
      address: bracketed(host),
      port,
      sslPort: null,
      payload: { '@class': PAYLOAD_CLASS, id, name: application, metadata },
      registrationTimeUTC: timestampMs,
      serviceType: 'DYNAMIC',
      uriSpec: null,
    });
  }
  const instance = {
    ID: id,
    ServiceName: application,
    Host: bracketed(host),
    Port: port,
    Weight: 0,
    Enable: true,
    Healthy: true,
    Metadata: metadata,
    Address: '',
    GroupName: '',
    Tag: '',
  };
  return `${JSON.stringify(instance)}\n`;
}

/**
 * Reads the node of an instance, whoever wrote it: Java or dubbo-go on ZooKeeper, dubbo-go or Java's own names on etcd.
 *
 * @param application - The application in whose directory the node is: what the node itself says of that does not count.
 * @throws UnreadableNodeError, and nothing else, when it is no instance.
 */
export function readInstance(application: string, data: Uint8Array): ApplicationInstance {
  const node = readObject(data, 'an instance');
  const payload = fieldOf(node, 'payload');
  const metadata = textsOf(fieldOf(isObject(payload) ? payload : node, 'metadata'));
  const host = textOf(fieldOf(node, 'address')) ?? textOf(fieldOf(node, 'host'));
  const port = portOf(fieldOf(node, 'port'));
  if (host !== undefined && UNFIT_FOR_HOST.test(host)) {
    throw new UnreadableNodeError(
      'Expected the address of an instance to be a host name or an IP address, got another text.',
    );
  }
  if (host === undefined || port === undefined) {
    throw new UnreadableNodeError(
      'Expected an instance with an address and a port from 1 to 65535, got neither or only one.',
    );
  }
  const inline = fieldOf(node, 'serviceMetadata');
  return {
    application,
    host: /^\[.*\]$/.test(host) ? host.slice(1, -1) : host,
    port,
    revision: revisionIn(metadata),
    storage: metadata.get(KEYS.storage) === 'remote' ? 'remote' : 'local',
    endpoints: endpointsIn(metadata.get(KEYS.endpoints)),
    metadataService: textsOf(jsonIn(metadata.get(KEYS.metadataService))),
    timestamp: metadata.get('timestamp'),
    inlineMetadata: isObject(inline) ? inline : undefined,
  };
}

/** `0` is what an instance without services has. */
function revisionIn(metadata: ReadonlyMap<string, string>): string | undefined {
  const revision = metadata.get(KEYS.revision)?.trim();
  if (revision === undefined || revision === '' || revision === '0') return undefined;
  if (isName(revision)) return revision;
  throw new UnreadableNodeError('Expected a revision that can name a node, got another text.');
}

function endpointsIn(text: string | undefined): ReadonlyMap<string, number> {
  const list = jsonIn(text);
  if (!Array.isArray(list)) return new Map();
  return new Map(
    list.flatMap((endpoint: unknown): [string, number][] => {
      if (!isObject(endpoint)) return [];
      const protocol = textOf(endpoint.protocol);
      const port = portOf(endpoint.port);
      return protocol === undefined || port === undefined ? [] : [[protocol, port]];
    }),
  );
}

/** A JSON text within the JSON; what cannot be read says nothing, for the instance can do without. */
function jsonIn(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
