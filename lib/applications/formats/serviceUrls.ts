import { isName, ServiceUrl } from '../../dubbo/index.js';
import { UnreadableNodeError } from '../../errors.js';
import { quoted } from '../../internal/quoted.js';
import type { ApplicationInstance } from './instance.js';
import type { ServiceInfo } from './serviceInfo.js';

/** What says where a node lies or who wrote it. A service that named another category would pass for a rule. */
const NOT_ITS_OWN = ['category', 'pid', 'REGISTRY_CLUSTER', 'default.category', 'default.group', 'default.version'];

/**
 * A service of an instance, as a provider's URL.
 *
 * Interface, group and version are those that stand beside the parameters: Java does not look at the parameters for them. The
 * port is that of the service, or that of its protocol, or else that of the instance.
 *
 * @throws UnreadableNodeError when it is no provider.
 */
export function serviceUrlOf(instance: ApplicationInstance, service: ServiceInfo): ServiceUrl {
  const { name, group, version, protocol, path } = service;
  const parameters = new Map(service.params);
  for (const foreign of NOT_ITS_OWN) parameters.delete(foreign);
  const own = { interface: name, group, version, timestamp: instance.timestamp ?? service.params.get('timestamp') };
  for (const [key, value] of Object.entries(own)) {
    if (value === undefined) parameters.delete(key);
    else parameters.set(key, value);
  }
  for (const [key, value] of [
    ['application', instance.application],
    ['side', 'provider'],
  ] as const) {
    if (!parameters.get(key)) parameters.set(key, value);
  }
  const port = service.port ?? instance.endpoints.get(protocol) ?? instance.port;
  const url = providerOf(() => ServiceUrl.from({ protocol, host: instance.host, port, path, parameters }));
  if (url.category === 'providers' && isName(name) && url.interface === name && !/\p{Cc}/u.test(url.path)) return url;
  throw new UnreadableNodeError(`Expected a provider, got ${quoted(`${protocol}://…/${name}`)}.`);
}

function providerOf(make: () => ServiceUrl): ServiceUrl {
  try {
    return make();
  } catch (cause) {
    throw new UnreadableNodeError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
