import { nearest } from '../internal/nearest.js';

/** What asks for encryption, and says how. */
const TLS_PARAMETERS = ['tls', 'ca', 'cert', 'key', 'serverName'] as const;

/** What registries are kept on, by the schemes of their addresses, and what each reads in an address for itself alone. */
const BACKEND_PARAMETERS = {
  zookeeper: TLS_PARAMETERS,
  etcd: TLS_PARAMETERS,
  memory: [],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** A scheme that an address can begin with. */
export type AddressScheme = keyof typeof BACKEND_PARAMETERS;

/** The schemes that an address can begin with. */
export const ADDRESS_SCHEMES = Object.keys(BACKEND_PARAMETERS) as readonly AddressScheme[];

/** What is read in any address that names servers. */
const CONNECTION_PARAMETERS = ['backup', 'session'] as const;

/** What registries and configuration centers read besides; one address may be given to both. */
const REGISTRY_PARAMETERS = ['base64', 'group', 'namespace', 'timeout'] as const;

/**
 * Parameters that Java Dubbo or dubbo-go put into the addresses of registries and that mean nothing here: they speak of the
 * program that wrote them, of its calls, or of how it treats a registry that is away. They are ignored, so that an address can
 * be taken over as it is.
 *
 * Not listed is what asks for something that is not done here, such as `secure` or `dynamic=false`.
 *
 * Source: Java's `RegistryConfig` and `ApplicationConfig`, `ConfigValidationUtils.loadRegistries`, `FailbackRegistry` and
 * `Curator5ZookeeperClient`; dubbo-go's `RegistryConfig.getUrlMap`.
 */
const IGNORED: ReadonlySet<string> = new Set(
  `accepts anyhost app.version application architecture category check client cluster compiler default dubbo
  enable-empty-protection enable.auto.migration environment executor-management-mode export extra-keys file file-cache heartbeat
  hostname id interface ipv6 label logger metadata-type methods module name organization owner path pid port preferred protocol
  qos.accept.foreign.ip qos.check qos.enable qos.host qos.port reconnect.period refer register-mode registry registry-cluster
  registry-type registry.client.name registry.default registry.id registry.label registry.preferred registry.role registry.ttl
  registry.type registry.weight registry.zone release retry.period retry.times save.file server shutwait side simplified
  specification-version specification-title timestamp transporter use-as-config-center use-as-metadata-center version wait weight
  zone zookeeper.ensemble.tracker`.split(/\s+/),
);

/** Switches of Dubbo that are always on here. */
const ALWAYS_ON: ReadonlySet<string> = new Set(['dynamic', 'register', 'subscribe']);

/** Whether a text is a scheme that an address can begin with. */
export function isAddressScheme(scheme: string): scheme is AddressScheme {
  return Object.hasOwn(BACKEND_PARAMETERS, scheme);
}

/** What the backend itself reads in its addresses, and nobody else. */
export function backendParameters(scheme: AddressScheme): readonly string[] {
  return BACKEND_PARAMETERS[scheme];
}

/**
 * Why a parameter cannot stand in an address, as the end of a sentence; `undefined` if it can.
 *
 * @param reader - What the address is for: a registry or configuration center, or a backend alone, which reads less of it.
 */
export function whyUnknown(
  scheme: AddressScheme,
  reader: 'registry' | 'backend',
  name: string,
  value: string,
): string | undefined {
  const known: readonly string[] = [
    ...(scheme === 'memory' ? ['session'] : CONNECTION_PARAMETERS),
    ...(reader === 'registry' ? REGISTRY_PARAMETERS : []),
    ...BACKEND_PARAMETERS[scheme],
  ];
  if (known.includes(name) || IGNORED.has(name) || (ALWAYS_ON.has(name) && value === 'true')) return undefined;
  if (ALWAYS_ON.has(name)) return 'which is always true here: leave it out.';
  if (/^(?:user|user-?name|password|pass|pwd)$/i.test(name)) {
    return `which stands before the servers: ${scheme}://user:password@host.`;
  }
  const others = ADDRESS_SCHEMES.filter((other) => (BACKEND_PARAMETERS[other] as readonly string[]).includes(name));
  if (others.length > 0) return `which only ${others.map((other) => `${other}://`).join(' and ')} addresses have.`;
  if ((REGISTRY_PARAMETERS as readonly string[]).includes(name)) {
    return 'which a backend does not read: give it to createRegistry or createConfigCenter as an option.';
  }
  const likely = nearest(name, known);
  if (likely !== undefined) return `did you mean "${likely}"?`;
  return `which is none of ${[...known].sort().join(', ')}.`;
}
