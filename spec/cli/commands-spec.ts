import { Subject } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createConfigCenter, createRegistry, type Registry } from '../../lib/index.js';
import { eventually } from '../support/servers/eventually.js';
import { FakeTerminal } from './support/fakeTerminal.js';

let count = 0;

/** A registry with some services, and where it is. */
async function stage(...urls: string[]): Promise<{ address: string; registry: Registry; terminal: FakeTerminal }> {
  const address = `memory://cli-${(count += 1)}`;
  const registry = createRegistry(address);
  onTestFinished(() => registry.close());
  for (const url of urls) await registry.provide(url);
  const terminal = new FakeTerminal();
  terminal.env['RX_REGISTRY'] = address;
  return { address, registry, terminal };
}

const USERS = 'dubbo://10.0.0.5:20880/com.acme.Users?version=1.0.0&application=users&zone=eu-1&weight=20';
const OTHER_USERS = 'dubbo://10.0.0.10:20880/com.acme.Users?version=1.1.0&application=users&disabled=true';
const CONSUMER = 'consumer://10.0.0.9/com.acme.Users?application=shop&version=1.0.0';

describe('rx-registry services', () => {
  it('prints who provides and consumes what, in groups and versions, also what is switched off', async () => {
    const { terminal } = await stage(USERS, OTHER_USERS, CONSUMER, 'tri://h:1/com.acme.Orders?group=g&application=o');
    expect(await terminal.run('services')).toBe(0);
    expect(terminal.lines).toEqual([
      'SERVICE          PROVIDERS  CONSUMERS  GROUPS  VERSIONS      APPLICATIONS',
      'com.acme.Orders  1          0          g                     o',
      'com.acme.Users   2          1                  1.0.0, 1.1.0  users',
    ]);
  });

  it('--json prints one object a line', async () => {
    const { terminal } = await stage(USERS);
    expect(await terminal.run('services', '--json')).toBe(0);
    expect(terminal.records).toEqual([
      {
        ...{ service: 'com.acme.Users', providers: 1, consumers: 0 },
        ...{ groups: [''], versions: ['1.0.0'], applications: ['users'] },
      },
    ]);
  });

  it('says that there is none', async () => {
    const { terminal } = await stage();
    expect(await terminal.run('services')).toBe(0);
    expect(terminal.out).toBe('');
    expect(terminal.err).toBe('There is no service.\n');
  });
});

describe('rx-registry instances', () => {
  it('prints a table, in the order of the addresses, with the session that holds each', async () => {
    const { terminal } = await stage(OTHER_USERS, USERS);
    expect(await terminal.run('instances', 'com.acme.Users')).toBe(0);
    expect(terminal.lines[0]).toMatch(/^ADDRESS +PROTOCOL +WEIGHT +ZONE +VERSION +APPLICATION +AGE +OWNER +STATE$/);
    expect(terminal.lines[1]).toMatch(/^10\.0\.0\.5:20880 +dubbo +20 +eu-1 +1\.0\.0 +users +\d+s +m1$/);
    expect(terminal.lines[2]).toMatch(/^10\.0\.0\.10:20880 +dubbo +100 +1\.1\.0 +users +\d+s +m1 +off$/);
  });

  it('takes a service key for one group and version', async () => {
    const { terminal } = await stage(USERS, OTHER_USERS, `${USERS.replace('.5:', '.6:')}&group=g`);
    await terminal.run('instances', 'g/com.acme.Users:1.0.0', '--json');
    expect(terminal.records).toMatchObject([{ address: '10.0.0.6:20880', group: 'g' }]);
  });

  it('--watch prints what changes, line by line where nobody sees a screen', async () => {
    const { terminal, registry } = await stage(USERS);
    const running = terminal.run('instances', 'com.acme.Users', '--watch', '--json');
    await eventually(() => expect(terminal.records).toMatchObject([{ type: 'add', address: '10.0.0.5:20880' }]));
    const other = await registry.provide(OTHER_USERS);
    await eventually(() => expect(terminal.records.at(-1)).toMatchObject({ type: 'add', off: true }));
    await other.release();
    await eventually(() => expect(terminal.records.at(-1)).toMatchObject({ type: 'delete', off: true }));
    terminal.interrupts.next();
    expect(await running).toBe(0);
  });

  it('--watch draws the table again on a terminal', async () => {
    const { terminal, registry } = await stage(USERS);
    terminal.isInteractive = true;
    const running = terminal.run('instances', 'com.acme.Users', '--watch');
    await eventually(() => expect(terminal.out).toContain('10.0.0.5:20880'));
    await registry.provide(OTHER_USERS);
    await eventually(() => expect(terminal.out.split('\u001b[H').at(-1)).toContain('10.0.0.10:20880'));
    terminal.interrupts.next();
    expect(await running).toBe(0);
  });
});

describe('rx-registry watch', () => {
  it('prints what is there, and then what comes, changes and goes', async () => {
    const { terminal, registry } = await stage();
    const running = terminal.run('watch');
    await eventually(() => expect(terminal.out).toContain('synced'));
    const urls = new Subject<string | undefined>();
    const moving = registry.register(urls).subscribe();
    onTestFinished(() => moving.unsubscribe());
    urls.next(USERS);
    await eventually(() =>
      expect(terminal.out).toContain('add    provider  dubbo://10.0.0.5:20880  com.acme.Users:1.0.0'),
    );
    urls.next(USERS.replace('weight=20', 'weight=70'));
    await eventually(() => expect(terminal.lines.at(-1)).toMatch(/update .*weight: 20 → 70$/));
    urls.next(undefined);
    await eventually(() => expect(terminal.lines.at(-1)).toContain('delete'));
    expect(terminal.lines[0]).toContain('connection is');
    terminal.interrupts.next();
    expect(await running).toBe(0);
  });
});

describe('rx-registry register', () => {
  it.each([[[]], [['--drain']]])('registers until it is stopped, and takes it back %j', async (options) => {
    const { terminal, registry } = await stage();
    const query = { interface: 'com.acme.Users', version: '*' };
    const running = terminal.run('register', USERS, ...options);
    await eventually(async () => expect((await registry.lookup(query)).size).toBe(1));
    expect(terminal.out).toContain('registered');
    terminal.interrupts.next();
    expect(await running).toBe(0);
    expect((await registry.lookup(query, { fresh: true })).size).toBe(0);
    expect(terminal.out).toContain('released');
  });

  it('is over at once when it is stopped before it stands', async () => {
    const terminal = new FakeTerminal();
    const running = terminal.run('register', USERS, '--registry', 'zookeeper://127.0.0.1:1', '--timeout', '600000');
    await eventually(() => expect(terminal.interrupts.observed).toBe(true));
    terminal.interrupts.next();
    expect(await running).toBe(0);
  });

  it('exits with 2 for what is no URL', async () => {
    const { terminal } = await stage();
    expect(await terminal.run('register', 'nonsense')).toBe(2);
    expect(terminal.err).toMatch(/^error: Expected a service URL .*\(INVALID_URL\)\n$/);
  });
});

describe('rx-registry config', () => {
  const values = (address: string): ReturnType<typeof createConfigCenter> => {
    const config = createConfigCenter(address);
    onTestFinished(() => config.close());
    return config;
  };

  it('get prints what a key holds as it is, and exits with 4 where there is nothing', async () => {
    const { address, terminal } = await stage();
    await values(address).publish('a.properties', 'b=1\nc=\u00e9\n');
    expect(await terminal.run('config', 'get', 'a.properties')).toBe(0);
    expect(terminal.out).toBe('b=1\nc=\u00e9\n');
    expect(await terminal.run('config', 'get', 'a.properties', '--group', 'other')).toBe(4);
  });

  it('set shows what changes, and publishes it', async () => {
    const { address, terminal } = await stage();
    const config = values(address);
    await config.publish('a', 'one\ntwo\nthree\n');
    terminal.input = 'one\n2\nthree\n';
    expect(await terminal.run('config', 'set', 'a')).toBe(0);
    expect(terminal.err).toBe('  one\n- two\n+ 2\n  three\n');
    expect(await config.get('a')).toMatchObject({ content: 'one\n2\nthree\n' });
    expect(await terminal.run('config', 'set', 'b', 'new', '--group', 'g')).toBe(0);
    expect(await config.get('b', { group: 'g' })).toMatchObject({ content: 'new' });
  });

  it('set writes nothing with --dry-run, after a no, or over another version', async () => {
    const { address, terminal } = await stage();
    const config = values(address);
    const { version } = await config.publish('a', 'old');
    expect(await terminal.run('config', 'set', 'a', 'new', '--dry-run')).toBe(0);
    terminal.answer = false;
    expect(await terminal.run('config', 'set', 'a', 'new')).toBe(5);
    terminal.answer = true;
    expect(await terminal.run('config', 'set', 'a', 'new', '--if-version', String(version + 7n))).toBe(5);
    expect(terminal.err).toContain('VERSION_CONFLICT');
    expect(await terminal.run('config', 'set', 'a', 'new', '--if-version', 'seven')).toBe(2);
    expect(await config.get('a')).toMatchObject({ content: 'old', version });
    expect(await terminal.run('config', 'set', 'a', 'new', '--if-version', String(version))).toBe(0);
  });

  it('set compares with what it has shown: a change by somebody else in between is a conflict', async () => {
    const { address, terminal } = await stage();
    const config = values(address);
    await config.publish('a', 'old');
    terminal.confirm = () => config.publish('a', 'theirs').then(() => true);
    expect(await terminal.run('config', 'set', 'a', 'ours')).toBe(5);
    expect(await config.get('a')).toMatchObject({ content: 'theirs' });
    expect(await terminal.run('config', 'set', 'a', 'ours', '--force')).toBe(0);
  });

  it('rm removes, keys lists', async () => {
    const { address, terminal } = await stage();
    const config = values(address);
    await config.publish('b', '1');
    await config.publish('a', '1');
    expect(await terminal.run('config', 'keys')).toBe(0);
    expect(terminal.lines).toEqual(['a', 'b']);
    expect(await terminal.run('config', 'rm', 'a')).toBe(0);
    expect(await config.get('a')).toMatchObject({ present: false });
    expect(await terminal.run('config', 'rm', 'a')).toBe(4);
  });

  it('watch prints every value', async () => {
    const { address, terminal } = await stage();
    const running = terminal.run('config', 'watch', 'a', '--json');
    await eventually(() => expect(terminal.records).toMatchObject([{ present: false }]));
    await values(address).publish('a', 'one');
    await eventually(() => expect(terminal.records.at(-1)).toMatchObject({ present: true, content: 'one' }));
    terminal.interrupts.next();
    expect(await running).toBe(0);
  });
});

describe('rx-registry rules', () => {
  it('prints rules of the configuration centre and those that are nodes', async () => {
    const { address, terminal } = await stage('override://0.0.0.0/com.acme.Users?category=configurators&weight=7');
    const config = createConfigCenter(address);
    onTestFinished(() => config.close());
    await config.publish('com.acme.Users:1.0.0:.configurators', 'enabled: true');
    await config.publish('shop.tag-router', 'force: false');
    await config.publish('no-rule.properties', '');
    expect(await terminal.run('rules', '--json')).toBe(0);
    expect(terminal.records).toEqual([
      {
        ...{ kind: 'configurators', target: 'com.acme.Users:1.0.0', content: 'enabled: true' },
        source: 'com.acme.Users:1.0.0:.configurators',
      },
      { kind: 'tag-router', target: 'shop', source: 'shop.tag-router', content: 'force: false' },
      expect.objectContaining({ kind: 'override', target: 'com.acme.Users', source: 'configurators' }),
    ]);
  });
});
