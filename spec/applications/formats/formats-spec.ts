import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applicationPaths } from '../../../lib/applications/applicationPaths.js';
import { flawOfApplication } from '../../../lib/applications/formats/applicationName.js';
import { type InstanceFacts, readInstance, writeInstance } from '../../../lib/applications/formats/instance.js';
import { applicationsIn, withApplication } from '../../../lib/applications/formats/mapping.js';
import { metadataOf, readMetadata, writeMetadata } from '../../../lib/applications/formats/metadataInfo.js';
import { revisionOf } from '../../../lib/applications/formats/revision.js';
import { flawOfProvider, type ServiceInfo, toServiceInfo } from '../../../lib/applications/formats/serviceInfo.js';
import { serviceUrlOf } from '../../../lib/applications/formats/serviceUrls.js';
import { instanceKey, ServiceUrl } from '../../../lib/dubbo/index.js';
import { UnreadableNodeError } from '../../../lib/errors.js';
import { serviceUrls } from '../../dubbo/arbitraries.js';
import {
  GO_METADATA,
  GO_ON_ETCD,
  GO_REMOTE,
  JAVA_LOCAL,
  JAVA_METADATA,
  JAVA_MINIMAL,
  JAVA_NAMES_ON_ETCD,
  JAVA_REMOTE,
} from './wire.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const ignore = (): void => undefined;

function urlsOf(application: string, instance: string, metadata: string): ServiceUrl[] {
  const read = readInstance(application, bytes(instance));
  return readMetadata(bytes(metadata), ignore).map((service) => serviceUrlOf(read, service));
}

describe('where the application level is kept', () => {
  it('has the instances beside /dubbo, and the metadata in the places of Java and of dubbo-go', () => {
    expect(applicationPaths()).toEqual({
      instances: '/services',
      mapping: '/dubbo/mapping',
      metadata: ['/dubbo/metadata', '/dubbo'],
    });
  });

  it('has everything in the directory of the group if there is one, and nothing that is no instance among the instances', () => {
    expect(applicationPaths('other')).toEqual({
      instances: '/other',
      mapping: '/other/mapping',
      metadata: ['/other/metadata'],
    });
  });
});

describe('what Java writes', () => {
  it('is read: an instance whose metadata is in the registry', () => {
    expect(readInstance('shop', bytes(JAVA_REMOTE))).toEqual({
      application: 'shop',
      host: 'jhost',
      port: 22144,
      revision: '5a8a552f69b401b63b0250d37c2570ec',
      storage: 'remote',
      endpoints: new Map([['dubbo', 22144]]),
      metadataService: new Map(),
      timestamp: '1795830381114',
      inlineMetadata: undefined,
    });
  });

  it('is read: an instance that has to be asked for its metadata, and where', () => {
    const instance = readInstance('shop', bytes(JAVA_LOCAL));
    expect(instance.storage).toBe('local');
    expect(Object.fromEntries(instance.metadataService)).toMatchObject({ protocol: 'dubbo', port: '24387' });
  });

  it('becomes the URL of a provider', () => {
    const [url, ...others] = urlsOf('shop', JAVA_REMOTE, JAVA_METADATA);
    expect(others).toEqual([]);
    expect(url!.toString()).toBe(
      'dubbo://jhost:22144/probe.EchoService?application=shop&deprecated=false&dubbo=2.0.2&dynamic=true&generic=false' +
        '&group=g1&interface=probe.EchoService&metadata-type=remote&methods=add,echo,who' +
        '&prefer.serialization=hessian2,fastjson2&release=3.3.6&revision=1.0.0&service-name-mapping=true&side=provider' +
        '&timestamp=1795830381114&version=1.0.0&weight=150',
    );
  });

  it('is read where it says no more than it must', () => {
    const [url] = urlsOf('rxapp', JAVA_MINIMAL.instance, JAVA_MINIMAL.metadata);
    expect(instanceKey(url!)).toBe('providers/dubbo://jhost:29745/probe.EchoService?group=g1&version=1.0.0');
  });

  it('has the revision that we compute', () => {
    const services = readMetadata(bytes(JAVA_METADATA), ignore);
    expect(revisionOf('shop', services)).toBe('5a8a552f69b401b63b0250d37c2570ec');
    expect(metadataOf('shop', services).revision).toBe('5a8a552f69b401b63b0250d37c2570ec');
  });

  it('is what we write for the same facts, byte for byte', () => {
    const facts: InstanceFacts = {
      application: 'shop',
      host: 'jhost',
      port: 22144,
      revision: '5a8a552f69b401b63b0250d37c2570ec',
      protocols: ['dubbo'],
      timestampMs: 1795830381114,
    };
    // Java takes another look at the clock in between.
    expect(writeInstance(facts, 'curator')).toBe(JAVA_REMOTE.replace('1795830381912', '1795830381114'));
  });

  it('is what we write of the same services, but for the order of the parameters', () => {
    const written = writeMetadata(metadataOf('shop', readMetadata(bytes(JAVA_METADATA), ignore)));
    expect(JSON.parse(written)).toEqual(JSON.parse(JAVA_METADATA));
    expect(written).toHaveLength(JAVA_METADATA.length);
  });
});

describe('what dubbo-go writes', () => {
  it('becomes the URL of a provider, from ZooKeeper', () => {
    const [url] = urlsOf('greeter-app', GO_REMOTE, GO_METADATA);
    expect(url!.toString()).toBe(
      'tri://127.0.0.1:26142/com.acme.Greeter?application=greeter-app&cluster=failover&group=g1' +
        '&interface=com.acme.Greeter&loadbalance=random&methods=Check,check,Watch,watch&release=dubbo-golang-3.3.2' +
        '&side=provider&timestamp=1795830601&version=1.0.0&weight=0',
    );
  });

  it('is read from etcd, with the metadata that is in the node', () => {
    const instance = readInstance('greeter-app', bytes(GO_ON_ETCD));
    expect(instance).toMatchObject({ host: '127.0.0.1', port: 26142, storage: 'local' });
    expect(Object.fromEntries(instance.metadataService)).toMatchObject({ group: 'greeter-app', port: '46675' });
    expect(instance.inlineMetadata).toEqual(JSON.parse(GO_METADATA));
  });

  it('is read from etcd under the names that Java has for the same fields', () => {
    expect(readInstance('shop', bytes(JAVA_NAMES_ON_ETCD))).toMatchObject({
      host: '10.0.0.1',
      port: 20880,
      revision: 'r',
      storage: 'remote',
    });
  });

  it('is the form that we write on etcd', () => {
    const facts: InstanceFacts = {
      application: 'shop',
      host: '10.0.0.1',
      port: 50051,
      revision: 'r',
      protocols: ['tri'],
      timestampMs: 1,
    };
    expect(writeInstance(facts, 'go')).toBe(
      '{"ID":"10.0.0.1:50051","ServiceName":"shop","Host":"10.0.0.1","Port":50051,"Weight":0,"Enable":true,' +
        '"Healthy":true,"Metadata":{"dubbo.endpoints":"[{\\"port\\":50051,\\"protocol\\":\\"tri\\"}]",' +
        '"dubbo.metadata.revision":"r","dubbo.metadata.storage-type":"remote","meta-v":"1.0.0","timestamp":"1"},' +
        '"Address":"","GroupName":"","Tag":""}\n',
    );
  });
});

describe('the port of a service', () => {
  const instance = readInstance('shop', bytes(JAVA_REMOTE));
  const service = readMetadata(bytes(JAVA_METADATA), ignore)[0]!;
  const portOf = (changes: Partial<ServiceInfo>): number | undefined =>
    serviceUrlOf(instance, { ...service, ...changes }).port;

  it('is its own, or that of its protocol, or that of the instance', () => {
    expect(portOf({ port: 1 })).toBe(1);
    expect(portOf({ port: undefined })).toBe(22144);
    const other = { ...instance, endpoints: new Map([['tri', 3]]) };
    expect(serviceUrlOf(other, { ...service, port: undefined, protocol: 'tri' }).port).toBe(3);
    expect(serviceUrlOf(other, { ...service, port: undefined }).port).toBe(22144);
  });
});

describe('the mapping of an interface to applications', () => {
  it.each([
    ['', []],
    ['shop', ['shop']],
    ['other, rxapp', ['other', 'rxapp']],
    [' a ,,b,a\n', ['a', 'b']],
    ['../x,a/b,.,..,ok', ['ok']],
  ])('%j names %j', (text, applications) => expect(applicationsIn(text)).toEqual(applications));

  it.each([
    ['', 'shop', 'shop'],
    ['shop', 'shop', undefined],
    ['other', 'shop', 'other,shop'],
    // dubbo-go does not find an application behind a blank.
    ['a, b', 'shop', 'a,b,shop'],
    ['a, shop', 'shop', 'a,shop'],
  ])('%j with %j becomes %j', (text, application, expected) =>
    expect(withApplication(text, application)).toBe(expected),
  );

  it('names no more than a thousand', () => {
    const text = Array.from({ length: 5_000 }, (_, index) => `app${index}`).join(',');
    expect(applicationsIn(text)).toHaveLength(1_000);
  });
});

describe('what is fatal to Java or dubbo-go', () => {
  const providers = serviceUrls.map((url) =>
    ServiceUrl.from({ ...partsOf(url), protocol: 'tri', port: url.port ?? 1, path: 'com.acme.Users' }).with({
      username: '',
      parameters: { interface: undefined, category: undefined, dynamic: undefined, ['__proto__' as string]: undefined },
    }),
  );

  it('is never written: an instance has everything that either needs', () => {
    fc.assert(
      fc.property(
        fc.array(providers, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('curator', 'go'),
        (urls, form) => {
          const metadata = metadataOf('shop', urls.map(toServiceInfo));
          const { host, port } = urls[0]!;
          const facts = {
            application: 'shop',
            host,
            port: port!,
            revision: metadata.revision,
            protocols: ['tri'],
            timestampMs: 1,
          };
          const node = JSON.parse(writeInstance(facts, form)) as Record<string, unknown>;
          const said = (form === 'go' ? node : node['payload']) as Record<string, unknown>;
          if (form === 'curator') {
            expect(node).toMatchObject({ name: 'shop', port });
            expect(node['address']).toBeTruthy();
            expect(said['@class']).toBe('org.apache.dubbo.registry.zookeeper.ZookeeperInstance');
          } else {
            expect(node).toMatchObject({ ServiceName: 'shop', Port: port });
            expect(node['Host']).toBeTruthy();
          }
          const facets = said[form === 'go' ? 'Metadata' : 'metadata'] as Record<string, string>;
          expect(facets['dubbo.metadata.storage-type']).toBe('remote');
          expect(facets['dubbo.metadata.revision']).toMatch(/^[0-9a-f]{32}$/);
          expect(Number(facets['timestamp'])).toBeGreaterThan(0);
        },
      ),
    );
  });

  it('is never written: metadata has what either needs of each service', () => {
    fc.assert(
      fc.property(fc.array(providers, { minLength: 1, maxLength: 4 }), (urls) => {
        const info = metadataOf('shop', urls.map(toServiceInfo));
        const written = JSON.parse(writeMetadata(info)) as { app: string; revision: string; services: object };
        expect(written).toMatchObject({ app: 'shop', revision: info.revision });
        for (const [key, service] of Object.entries(written.services) as [string, Record<string, unknown>][]) {
          const { name, group, version, protocol, path, port, params } = service;
          expect(key).toBe(
            `${group ? `${group as string}/` : ''}${name as string}${version ? `:${version as string}` : ''}:tri`,
          );
          expect({ name, protocol, path }).toEqual({ name: path, protocol: 'tri', path: 'com.acme.Users' });
          expect(group).not.toBe('');
          expect(version).not.toBe('');
          expect(port).toBeGreaterThan(0);
          expect(Object.values(params as object).every((value) => typeof value === 'string')).toBe(true);
        }
      }),
    );
  });

  it('is never written: what is read back is what was written', () => {
    fc.assert(
      fc.property(providers, (url) => {
        const info = metadataOf('shop', [toServiceInfo(url)]);
        const facts = { application: 'shop', host: url.host, port: url.port!, revision: info.revision };
        const instance = writeInstance({ ...facts, protocols: [url.protocol], timestampMs: 1 }, 'curator');
        if (/[*\s]/.test(url.host)) return;
        const [read] = urlsOf('shop', instance, writeMetadata(info));
        // Dubbo has no difference between a group that is absent and one that is empty.
        const plain = url.with({ parameters: { group: url.group || undefined, version: url.version || undefined } });
        expect(instanceKey(read!)).toBe(instanceKey(plain));
      }),
    );
  });

  it('never has one revision for two contents', () => {
    fc.assert(
      fc.property(providers, providers, (one, other) => {
        const [a, b] = [metadataOf('shop', [toServiceInfo(one)]), metadataOf('shop', [toServiceInfo(other)])];
        if (writeMetadata(a) === writeMetadata(b)) return;
        expect(a.revision).not.toBe(b.revision);
      }),
    );
    const service = toServiceInfo(ServiceUrl.parse('tri://h:1/a.B'));
    expect(metadataOf('a', [service]).revision).not.toBe(metadataOf('b', [service]).revision);
  });

  it.each([
    ['tri://10.0.0.1/a.B', /port/],
    ['tri://u@10.0.0.1:1/a.B', /user name/],
    // serviceUrls are found by their path, and looked up by their interface.
    ['tri://10.0.0.1:1/Users?interface=a.B', /path to be the interface/],
    ['tri://10.0.0.1:1/a/b', /interface that can name a node/],
    ['tri://10.0.0.1:1/a.B?dynamic=false', /dynamic=false/],
    ['tri://10.0.0.1:1/a.B?__proto__=x', /__proto__/],
  ])('is refused: %s', (url, why) => expect(flawOfProvider(ServiceUrl.parse(url))).toMatch(why));

  it('is nothing of an ordinary provider', () => {
    expect(flawOfProvider(ServiceUrl.parse('tri://10.0.0.1:1/a.B$C?group=g&version=1'))).toBeUndefined();
  });

  it.each(['', 'a,b', 'a b', 'a/b', '..', 'mapping', 'metadata', 'config', 'ä', 'x'.repeat(201)])(
    'is refused: an application named %j',
    (name) => expect(flawOfApplication(name)).toMatch(/name of an application/),
  );

  it.each(['shop', 'shop-1.eu_x'])('is no application named %j', (name) =>
    expect(flawOfApplication(name)).toBeUndefined(),
  );
});

describe('hostile nodes', () => {
  it.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['null', 'null'],
    ['a list', '[]'],
    ['no address', '{"port":1}'],
    ['no port', '{"address":"h"}'],
    ['a port out of range', '{"address":"h","port":65536}'],
    ['a port that is none', '{"address":"h","port":{}}'],
    ['an address with a path', '{"address":"h/x","port":1}'],
    ['an address with a line end', '{"address":"h\\nx","port":1}'],
    ['a key __proto__', '{"__proto__":{"address":"h"},"address":"h","port":1}'],
    ['a deep one', `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`],
    ['a large one', `{"address":"${'h'.repeat(2_000_000)}","port":1}`],
  ])('are no instance: %s', (_, text) => expect(() => readInstance('shop', bytes(text))).toThrow(UnreadableNodeError));

  it.each([
    ['payload: null', '{"address":"h","port":1,"payload":null}'],
    ['no metadata', '{"address":"h","port":1,"payload":{}}'],
    ['a revision of 0', '{"address":"h","port":1,"payload":{"metadata":{"dubbo.metadata.revision":"0"}}}'],
  ])('are an instance that provides nothing: %s', (_, text) =>
    expect(readInstance('shop', bytes(text)).revision).toBeUndefined(),
  );

  it.each(['', 'null', '[]', '{}', '{"services":[]}', '{"services":null}', '{"services":{"__proto__":{}}}'])(
    'are no metadata: %s',
    (text) => expect(() => readMetadata(bytes(text), ignore)).toThrow(UnreadableNodeError),
  );

  it('are left out of metadata one by one', () => {
    const told: string[] = [];
    const services = readMetadata(
      bytes(
        '{"services":{"a":null,"b":{"name":"x.Y"},"c":{"name":"x.Y","protocol":"tri"},"d":{"name":1,"protocol":"tri"}}}',
      ),
      ({ message }) => told.push(message),
    );
    expect(services.map(({ name, path, params }) => [name, path, params.size])).toEqual([['x.Y', 'x.Y', 0]]);
    expect(told).toHaveLength(3);
  });

  it.each([
    { protocol: 'override' },
    { protocol: 'consumer' },
    { protocol: 'no protocol' },
    { name: 'a/b' },
    { name: '..' },
    { path: 'a\u0000b' },
  ])('are no provider: %j', (changes) => {
    const instance = readInstance('shop', bytes(JAVA_REMOTE));
    const service = readMetadata(bytes(JAVA_METADATA), ignore)[0]!;
    expect(() => serviceUrlOf(instance, { ...service, ...changes })).toThrow(UnreadableNodeError);
  });

  it('cannot pass for another category, group, version or interface by their parameters', () => {
    const instance = readInstance('shop', bytes(JAVA_REMOTE));
    const service = readMetadata(bytes(JAVA_METADATA), ignore)[0]!;
    const params = new Map(
      Object.entries({ category: 'configurators', group: 'x', version: '9', interface: 'other', 'default.group': 'y' }),
    );
    const url = serviceUrlOf(instance, { ...service, params, group: undefined });
    expect(instanceKey(url)).toBe('providers/dubbo://jhost:22144/probe.EchoService?version=1.0.0');
    expect([url.category, url.interface]).toEqual(['providers', 'probe.EchoService']);
  });

  it('never make a reader throw anything else', () => {
    const reads = (read: () => unknown): void => {
      try {
        read();
      } catch (error) {
        if (!(error instanceof UnreadableNodeError)) throw error;
      }
    };
    const texts = fc.oneof(fc.json(), fc.string({ unit: 'binary' }));
    fc.assert(fc.property(texts, (text) => reads(() => readInstance('shop', bytes(text)))));
    fc.assert(fc.property(texts, (text) => reads(() => readMetadata(bytes(`{"services":${text}}`), ignore))));
  });
});

function partsOf({ host, parameters }: ServiceUrl): { host: string; parameters: ReadonlyMap<string, string> } {
  return { host, parameters };
}
