import { describe, expect, it, onTestFinished } from 'vitest';
import { memory, MemoryServer } from '../../lib/backends/memory/index.js';
import { nodePath } from '../../lib/dubbo/index.js';
import { createRegistry, type RegistryOptions, ServiceUrl } from '../../lib/index.js';
import { GO_METADATA, GO_REMOTE } from '../applications/formats/wire.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const AT_INTERFACE = [
  ['go', 'weight=0&release=dubbo-golang-3.3.2'],
  ['go-weighed', 'weight=7&release=dubbo-golang-3.3.2'],
  ['java', 'weight=0&release=3.3.6'],
].map(([host, parameters]) =>
  ServiceUrl.parse(`tri://${host}:1/com.acme.Greeter?group=g1&version=1.0.0&${parameters}`),
);

/** The weights that providers have to a consumer, some at each level. */
async function weights(options: RegistryOptions): Promise<Record<string, string | undefined>> {
  const server = new MemoryServer();
  for (const url of AT_INTERFACE) server.create(nodePath('/dubbo', url));
  server.create('/services/greeter-app/127.0.0.1:26142', bytes(GO_REMOTE));
  server.create(`/dubbo/greeter-app/${'f3faeba0'.repeat(16)}`, bytes(GO_METADATA));
  server.create('/dubbo/mapping/com.acme.Greeter', bytes('greeter-app'));
  const registry = createRegistry(memory({ server }), options);
  onTestFinished(() => registry.close());
  const set = await registry.lookup({ interface: 'com.acme.Greeter', group: 'g1', version: '1.0.0' });
  return Object.fromEntries([...set].map((each) => [each.host, each.parameter('weight')]));
}

describe('the weight 0 of providers of dubbo-go, which it writes for all that are given none', () => {
  it('counts as not said, at either level, and so is 100', async () => {
    expect(await weights({})).toEqual({ go: undefined, 'go-weighed': '7', java: '0', '127.0.0.1': undefined });
  });

  it('is kept if asked for', async () => {
    const kept = { go: '0', 'go-weighed': '7', java: '0', '127.0.0.1': '0' };
    expect(await weights({ keepGoWeights: true })).toEqual(kept);
  });
});
