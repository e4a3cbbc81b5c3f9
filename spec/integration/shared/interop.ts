import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../../../lib/index.js';
import type { RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import { Stage } from '../../support/scenario/stage.js';
import { eventually } from '../../support/servers/eventually.js';

/** What others write, each with what it means. Those of dubbo-go 1.3 were recorded from it at work. */
const WRITTEN = [
  {
    writer: 'Java Dubbo 3',
    path: '/dubbo/org.apache.dubbo.demo.DemoService/providers/dubbo%3A%2F%2F10.0.0.1%3A20880%2Forg.apache.dubbo.demo.DemoService%3Fapplication%3Ddemo-provider%26deprecated%3Dfalse%26dubbo%3D2.0.2%26dynamic%3Dtrue%26generic%3Dfalse%26interface%3Dorg.apache.dubbo.demo.DemoService%26methods%3DsayHello%2CsayHelloAsync%26prefer.serialization%3Dhessian2%2Cfastjson2%26release%3D3.3.1%26service-name-mapping%3Dtrue%26side%3Dprovider%26timestamp%3D1700000000000',
    query: { interface: 'org.apache.dubbo.demo.DemoService' },
    address: '10.0.0.1:20880',
    parameters: { methods: 'sayHello,sayHelloAsync', release: '3.3.1', timestamp: '1700000000000' },
  },
  {
    writer: 'Java Dubbo 3, with what Java escapes and JavaScript does not',
    path: '/dubbo/com.foo.Outer%24Inner/providers/tri%3A%2F%2F10.0.0.2%3A50051%2Fcom.foo.Outer%24Inner%3Fgroup%3Dg%26interface%3Dcom.foo.Outer%24Inner%26note%3Da+b%7E%28c%29%21*%26version%3D1.0',
    query: { interface: 'com.foo.Outer$Inner', group: 'g', version: '1.0' },
    address: '10.0.0.2:50051',
    parameters: { note: 'a b~(c)!*' },
  },
  {
    writer: 'Java Dubbo 3, simplified',
    path: '/dubbo/com.foo.Simple/providers/dubbo%3A%2F%2F10.0.0.3%3A20880%2Fcom.foo.Simple%3Fapplication%3Dshop%26dubbo%3D2.0.2%26release%3D3.2.16',
    query: { interface: 'com.foo.Simple' },
    address: '10.0.0.3:20880',
    parameters: { application: 'shop' },
  },
  {
    writer: 'Java Dubbo 3, on IPv6',
    path: '/dubbo/com.foo.Six/providers/dubbo%3A%2F%2F%5Bfe80%3A%3A1%5D%3A20880%2Fcom.foo.Six%3Fside%3Dprovider',
    query: { interface: 'com.foo.Six' },
    address: '[fe80::1]:20880',
    parameters: { side: 'provider' },
  },
  {
    writer: 'Java Dubbo 3, a consumer',
    path: '/dubbo/com.foo.Bar/consumers/consumer%3A%2F%2F10.0.0.9%2Fcom.foo.Bar%3Fapplication%3Dc%26category%3Dconsumers%26check%3Dfalse%26interface%3Dcom.foo.Bar%26side%3Dconsumer',
    query: { interface: 'com.foo.Bar', category: 'consumers' },
    address: '10.0.0.9',
    parameters: { side: 'consumer' },
  },
  {
    writer: 'Java Dubbo 3, a rule',
    path: '/dubbo/com.foo.Bar/configurators/override%3A%2F%2F0.0.0.0%2Fcom.foo.Bar%3Fcategory%3Dconfigurators%26dynamic%3Dfalse%26timeout%3D500',
    query: { interface: 'com.foo.Bar', category: 'configurators' },
    address: '0.0.0.0',
    parameters: { timeout: '500' },
  },
  {
    writer: 'dubbo-go 3.3.2',
    path: '/dubbo/com.foo.GoBar/providers/tri%3A%2F%2F10.0.0.4%3A20000%2Fcom.foo.GoBar%3Fanyhost%3Dtrue%26application%3Ddubbo.io%26interface%3Dcom.foo.GoBar%26methods%3DGetUser%2CListUsers%26note%3Da+b~%2A%26pid%3D4242%26registry.role%3D3%26release%3Ddubbo-golang-3.3.2%26side%3Dprovider%26timestamp%3D1700000000',
    query: { interface: 'com.foo.GoBar' },
    address: '10.0.0.4:20000',
    parameters: { methods: 'GetUser,ListUsers', note: 'a b~*', timestamp: '1700000000' },
  },
  {
    writer: 'dubbo-go 1.5.5',
    path: '/dubbo/com.foo.Go155/providers/dubbo%3A%2F%2F10.0.0.5%3A20000%2Fcom.foo.Go155%3Fanyhost%3Dtrue%26interface%3Dcom.foo.Go155%26methods%3DGetUser%26organization%3D50%252Fday%26release%3Ddubbo-golang-1.5.5%26side%3Dprovider',
    query: { interface: 'com.foo.Go155' },
    address: '10.0.0.5:20000',
    parameters: { organization: '50%2Fday' },
  },
  {
    writer: 'dubbo-go 1.5.1, which encodes twice',
    path: '/dubbo/com.foo.Go151/providers/dubbo%3A%2F%2F10.0.0.6%3A20000%2FUserProvider%3Finterface%3Dcom.foo.Go151%26methods%3DGetUser%252CListUsers%26module%3Da%252Bb%2Bc%26release%3Ddubbo-golang-1.5.1%26side%3Dprovider',
    query: { interface: 'com.foo.Go151' },
    address: '10.0.0.6:20000',
    parameters: { methods: 'GetUser,ListUsers', module: 'a+b c' },
  },
  {
    writer: 'dubbo-go 1.3',
    path: '/dubbo/com.ikurento.user.UserProvider/providers/dubbo%3A%2F%2F127.0.0.1%3A20000%2Fcom.ikurento.user.UserProvider%3Fa%3Dx%2526y%26anyhost%3Dtrue%26category%3Dproviders%26cluster%3Dmock%26dubbo%3Ddubbo-provider-golang-1.3.0%26ip%3D10.1.2.3%26methods%3DGetUser%26module%3Da%2Bb%26pid%3D4242%26plus%3D1%252B2%26side%3Dconsumer%26side%3Dprovider',
    query: { interface: 'com.ikurento.user.UserProvider' },
    address: '127.0.0.1:20000',
    parameters: { a: 'x&y', module: 'a b', plus: '1+2', side: 'provider' },
  },
  {
    writer: 'dubbo-go 1.3, an inner class',
    path: '/dubbo/com.go.Outer%24Inner/providers/dubbo%3A%2F%2F10.1.2.3%3A20000%2FUserProvider%3Fanyhost%3Dtrue%26category%3Dproviders%26dubbo%3Ddubbo-provider-golang-1.3.0%26group%3D%26interface%3Dcom.go.Outer%2524Inner%26ip%3D10.1.2.3%26pid%3D4242%26registry.role%3D3%26side%3Dprovider%26timestamp%3D1581137654%26version%3D1.0',
    query: { interface: 'com.go.Outer$Inner', version: '1.0', group: '*' },
    address: '10.1.2.3:20000',
    parameters: { interface: 'com.go.Outer$Inner', 'registry.role': '3' },
  },
  {
    writer: 'dubbo-go 1.3, a consumer',
    path: '/dubbo/com.go.Bar/consumers/consumer%3A%2F%2F10.1.2.3%2FUserProvider%3Fcategory%3Dproviders%26category%3Dconsumers%26dubbo%3Ddubbogo-consumer-1.3.0%26group%3Dg%26interface%3Dcom.go.Bar%26ip%3D10.1.2.3%26pid%3D4242%26protocol%3Ddubbo%26registry.role%3D0%26timestamp%3D1581137654%26version%3D1.0',
    query: { interface: 'com.go.Bar', group: 'g', version: '1.0', category: 'consumers' },
    address: '10.1.2.3',
    parameters: { protocol: 'dubbo', category: 'consumers' },
  },
] as const;

/** What others write and read. */
export function describeInterop(kind: string, start: StartRegistryServer): void {
  describe(`interop on ${kind}`, () => {
    let server: RegistryServer;
    let stage: Stage;
    beforeAll(async () => {
      server = await start();
      stage = new Stage(server);
    });
    afterEach(() => stage.clear());
    afterAll(() => server.close());

    describe('what others write is read', () => {
      it.each(WRITTEN)('$writer', async ({ path, query, address, parameters }) => {
        // Curator writes the address of its host into a node; nobody may care.
        const writer = await server.stranger(10_000);
        await writer.hold(path, '10.0.0.1');
        const consumer = await stage.connect();
        const view = consumer.consume(query);
        await eventually(() => expect(view.told).toEqual([`add ${address}`]));
        expect(Object.fromEntries(view.services[0]!.parameters)).toMatchObject(parameters);
        expect(consumer.warnings).toEqual([]);
        await writer.leave();
        await eventually(() => expect(view.told.slice(1)).toEqual([`delete ${address}`]));
      });

      it('all at once, through one subscription to everything', async () => {
        for (const { path } of WRITTEN) await server.create(path);
        const consumer = await stage.connect();
        const view = consumer.consume('consumer://h/*?version=*&group=*&category=*');
        await eventually(() => expect(view.addresses).toEqual(WRITTEN.map(({ address }) => address as string).sort()));
        expect(view.sizes).toEqual([WRITTEN.length]);
        expect(consumer.warnings).toEqual([]);
        for (const { path } of WRITTEN) await server.remove(path);
      });
    });

    describe('what we write is what Java reads', () => {
      it.each([
        [
          'a provider',
          'dubbo://10.0.0.5:20880/com.acme.UserService?version=1.0.0&methods=get,list&Z=1&a=2',
          '/dubbo/com.acme.UserService/providers',
          { side: 'provider', category: 'providers', interface: 'com.acme.UserService', methods: 'get,list' },
        ],
        [
          'a provider of an inner class',
          "tri://[fe80::1]:50051/com.acme.Outer$Inner?note=it's a ~test~ (50%25)*!&group=ü€😀",
          '/dubbo/com.acme.Outer%24Inner/providers',
          { side: 'provider', interface: 'com.acme.Outer$Inner', note: "it's a ~test~ (50%25)*!", group: 'ü€😀' },
        ],
        [
          'a consumer',
          'consumer://10.0.0.9/com.acme.UserService?version=1.0.0',
          '/dubbo/com.acme.UserService/consumers',
          { side: 'consumer', category: 'consumers', interface: 'com.acme.UserService', version: '1.0.0' },
        ],
      ])('%s', async (_, url, directory, parameters) => {
        const before = Date.now();
        const provider = await stage.connect();
        await provider.register(url).registered();
        const [node, ...others] = await server.children(directory);
        expect(others).toEqual([]);
        const { name, owner } = node!;
        expect(server.ownersOf(await provider.connected())).toContain(owner);

        const read = readAsJava(name);
        expect(read.parameters).toMatchObject({
          ...parameters,
          pid: String(process.pid),
          release: `rx-registry-${VERSION}`,
        });
        const timestamp = Number(read.parameters.timestamp);
        expect(timestamp).toBeGreaterThanOrEqual(before);
        expect(timestamp).toBeLessThanOrEqual(Date.now());
        expect(`${read.address}`).toBe(url.slice(0, url.indexOf('?')));
        // Byte by byte what Java would have written.
        expect(javaEncode(read.text)).toBe(name);
        expect(read.names).toEqual([...read.names].sort());
        expect(new Set(read.names).size).toBe(read.names.length);
      });

      it('what its caller says is not said twice, nor over', async () => {
        const provider = await stage.connect();
        await provider
          .register(
            'dubbo://10.0.0.5:20880/com.acme.Said?interface=com.acme.Said&pid=7&timestamp=8&side=provider&release=mine',
          )
          .registered();
        const [name] = await server.names('/dubbo/com.acme.Said/providers');
        expect(readAsJava(name!).text).toBe(
          'dubbo://10.0.0.5:20880/com.acme.Said?category=providers&interface=com.acme.Said&pid=7&release=mine&side=provider&timestamp=8',
        );
      });

      it('directories are persistent and open, and what is in them is empty or ignored', async () => {
        const provider = await stage.connect();
        const path = await provider.register('dubbo://10.0.0.5:20880/com.acme.Directories').registered();
        for (const directory of ['/dubbo', '/dubbo/com.acme.Directories', '/dubbo/com.acme.Directories/providers']) {
          expect(await server.node(directory)).toMatchObject({ owner: undefined });
          await server.write(directory, 'anything');
        }
        expect(await server.node(path)).toMatchObject({ data: Buffer.alloc(0) });
        await server.write(path, 'somebody else was here');
        const consumer = await stage.connect();
        const view = consumer.consume({ interface: 'com.acme.Directories' });
        await eventually(() => expect(view.told).toEqual(['add 10.0.0.5:20880']));
      });
    });
  });
}

/** Reads a name by the rules of Java's `URLStrParser.parseEncodedStr` and `CacheableFailbackRegistry.createURL`. */
function readAsJava(name: string) {
  // Java looks for the encoded question mark in upper case only.
  const question = name.indexOf('%3F');
  expect(question).toBeGreaterThan(0);
  expect(name).toContain('%3A%2F%2F');
  expect(name).not.toMatch(/%[0-9a-f]?[a-f]/);
  const decode = (text: string) => decodeURIComponent(text.replaceAll('+', '%20'));
  const pairs = name
    .slice(question + 3)
    .split('%26')
    .map((pair) => pair.split('%3D') as [string, string]);
  const names = pairs.map(([key]) => decode(key));
  const values = pairs.map(([, ...value]) => decode(value.join('%3D')));
  expect(values.join('')).not.toMatch(/[&;#]/);
  return {
    text: decode(name),
    address: decode(name.slice(0, question)),
    names,
    parameters: Object.fromEntries(names.map((key, index) => [key, values[index]])),
  };
}

/** `URLEncoder.encode(text, "UTF-8")`. */
function javaEncode(text: string): string {
  const hex = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text)
    .replace(/[!'()~]/g, hex)
    .replaceAll('%20', '+');
}
