import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { NEVER, Observable, Subject } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDashboard, type DashboardOptions } from '../../lib/dashboard/index.js';
import { PageModel } from '../../lib/dashboard/page/model.js';
import { createRegistry, InvalidOptionError, type Registry } from '../../lib/index.js';
import { FakeTerminal } from '../cli/support/fakeTerminal.js';
import { eventually } from '../support/servers/eventually.js';
import { type Followed, Served } from './support/served.js';

const USERS = 'dubbo://10.0.0.5:20880/com.acme.Users?version=1.0.0&application=users&zone=eu-1&weight=20';

async function stage(
  options: DashboardOptions = {},
): Promise<{ registry: Registry; served: Served; close: () => void }> {
  const registry = createRegistry('memory://');
  const dashboard = createDashboard(registry, options);
  onTestFinished(() => registry.close());
  return { registry, served: await Served.on(dashboard), close: () => dashboard.close() };
}

/** What a page knows that has followed so far. */
function knownBy({ messages }: Followed): PageModel {
  const model = new PageModel();
  for (const message of messages) model.apply(message, 0);
  return model;
}

describe('the page', () => {
  it('is one document of less than 200 kB that runs nothing but its own script, and asks nobody else', async () => {
    const { served } = await stage();
    const { status, headers, body } = await served.ask('/');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(body.length).toBeLessThan(200_000);
    const [, script] = /<script>([^]*)<\/script>/.exec(body)!;
    const policy = headers['content-security-policy'] as string;
    const hash = createHash('sha256').update(script!).digest('base64');
    expect(policy).toContain(`default-src 'none'; script-src 'sha256-${hash}'; style-src 'sha256-`);
    expect(policy).not.toContain('unsafe');
    for (const directive of ["connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]) {
      expect(policy).toContain(directive);
    }
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    expect(body.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|src=|innerHTML|eval\(/);
  });

  it('in lib is what its sources give', async () => {
    await expect(promisify(execFile)(process.execPath, ['scripts/page.mjs', '--check'])).resolves.toBeDefined();
  });

  it('is at the base path, and nothing else is anywhere', async () => {
    const { served } = await stage({ basePath: '/registry' });
    expect((await served.ask('/registry')).status).toBe(200);
    expect((await served.ask('/registry/')).status).toBe(200);
    expect((await served.ask('/registry/events')).headers['content-type']).toBe('text/event-stream');
    expect((await served.ask('/registry/other')).status).toBe(404);
    expect(await served.ask('/', {}, 'POST')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    expect(await served.ask('/registry', {}, 'HEAD')).toMatchObject({ status: 200, body: '' });
  });
});

describe('the events', () => {
  it('tell everything there is, and then what comes, changes and goes', async () => {
    const { registry, served } = await stage();
    const urls = new Subject<string | undefined>();
    const registration = registry.register(urls).subscribe();
    onTestFinished(() => registration.unsubscribe());
    const overview = await served.follow();
    const service = await served.follow('com.acme.Users');
    await registry.provide('consumer://10.0.0.9/com.acme.Users?application=shop');
    await eventually(() => expect(knownBy(overview).services.get('com.acme.Users')?.consumers).toBe(1));

    urls.next(USERS);
    await eventually(() => expect(knownBy(service).rows).toHaveLength(2));
    expect(knownBy(overview).instances.size).toBe(0);
    expect(knownBy(service).rows[0]!.view).toMatchObject({ address: '10.0.0.5:20880', weight: 20, zone: 'eu-1' });
    expect(knownBy(overview).services.get('com.acme.Users')).toMatchObject({
      ...{ providers: 1, consumers: 1, zones: { 'eu-1': 1 }, applications: ['users'], consumedBy: ['shop'] },
      ...{ sizes: [0, 1], changes: 2 },
    });

    urls.next(USERS.replace('weight=20', 'weight=70'));
    await eventually(() => expect(knownBy(service).rows[0]!.view.weight).toBe(70));
    expect(knownBy(service).log.at(-1)).toMatchObject({
      type: 'update',
      changes: [{ name: 'weight', before: '20', after: '70' }],
    });

    const late = await served.follow('com.acme.Users');
    await eventually(() => expect(late.messages[0]).toMatchObject({ all: true, title: 'memory /dubbo' }));
    expect(late.messages[0]!.instances).toHaveLength(2);
    expect(late.messages[0]!.log).toHaveLength(3);

    urls.next(undefined);
    await eventually(() => expect(knownBy(late).rows[0]!.mark?.type).toBe('delete'));
    expect(knownBy(overview).services.get('com.acme.Users')).toMatchObject({ providers: 0, sizes: [0, 1, 0] });
    expect(knownBy(overview).connection.map(({ status }) => status)).toEqual(['connecting', 'connected']);
  });

  it('tell of a service that nobody provides or consumes any more that it is gone', async () => {
    const { registry, served } = await stage();
    const provision = await registry.provide(USERS);
    const overview = await served.follow();
    await eventually(() => expect(knownBy(overview).services.size).toBe(1));
    await provision.release();
    await eventually(() => expect(knownBy(overview).services.size).toBe(0));
  });

  it('hold no secret', async () => {
    const { registry, served } = await stage();
    const urls = new Subject<string>();
    const registration = registry.register(urls).subscribe();
    onTestFinished(() => registration.unsubscribe());
    const service = await served.follow('com.acme.Users');
    await eventually(() => expect(service.messages.length).toBeGreaterThan(1));
    const secret = (text: string): string =>
      `${USERS.replace('://', `://app:${text}@`)}&password=${text}&api.token=${text}&note=${text.length}`;
    urls.next(secret('hunter2'));
    await eventually(() => expect(knownBy(service).rows).toHaveLength(1));
    urls.next(secret('hunter22'));
    await eventually(() => expect(knownBy(service).log.at(-1)?.type).toBe('update'));
    expect(service.raw).not.toContain('hunter2');
  });

  it('follow the registry once for all who look, until it is closed', async () => {
    let subscriptions = 0;
    const stub = {
      states: NEVER,
      warnings: NEVER,
      subscribe: () => new Observable(() => void (subscriptions += 1)),
    } as unknown as Registry;
    const dashboard = createDashboard(stub);
    const served = await Served.on(dashboard);
    expect(subscriptions).toBe(0);
    const followed = [await served.follow(), await served.follow('a')];
    await eventually(() => expect(followed.map(({ messages }) => messages.length)).toEqual([1, 1]));
    expect(subscriptions).toBe(1);
    dashboard.close();
    await eventually(() => expect(followed.map(({ isEnded }) => isEnded)).toEqual([true, true]));
  });

  it('end with the registry, and say so', async () => {
    const { registry, served } = await stage();
    const overview = await served.follow();
    await eventually(() => expect(knownBy(overview).connection.at(-1)?.status).toBe('connected'));
    await registry.close();
    await eventually(() => expect(overview.isEnded).toBe(true));
    expect(knownBy(overview).connection.at(-1)?.status).toBe('closed');
  });
});

describe('who may look', () => {
  const statusOf = async (served: Served, path: string, headers?: Record<string, string>): Promise<number> =>
    (await served.ask(path, headers)).status;

  it('without a token: who is on this machine and says so', async () => {
    const { served } = await stage();
    for (const path of ['/', '/events']) {
      for (const host of ['localhost:80', '127.0.0.1', `127.0.0.1:${served.port}`, '[::1]:80']) {
        expect(await statusOf(served, path, { host })).toBe(200);
      }
      // A name that somebody has turned to this machine, a request that came from elsewhere, a page of another site.
      expect(await statusOf(served, path, { host: 'evil.example' })).toBe(403);
      expect(await statusOf(served, path, { host: 'localhost', 'x-forwarded-for': '10.0.0.1' })).toBe(403);
      expect(await statusOf(served, path, { host: 'localhost', forwarded: 'for=10.0.0.1' })).toBe(403);
      expect(await statusOf(served, path, { host: 'localhost', origin: 'http://evil.example' })).toBe(403);
      expect(await statusOf(served, path, { host: 'localhost', origin: 'null' })).toBe(403);
      expect(await statusOf(served, path, { host: 'localhost', 'sec-fetch-site': 'cross-site' })).toBe(403);
      expect(await statusOf(served, path, { host: 'localhost', origin: 'http://localhost' })).toBe(200);
    }
  });

  it('with a token: who knows it, from anywhere, and it does not stay in the address', async () => {
    const { served } = await stage({ token: 'open sesame' });
    const host = 'registry.example';
    for (const path of ['/', '/events', '/?token=', '/?token=open', '/?token=open%20sesam%C3%A9']) {
      expect(await statusOf(served, path, { host })).toBe(401);
    }
    expect(await statusOf(served, '/', { host, authorization: 'Bearer wrong' })).toBe(401);
    expect(await statusOf(served, '/', { host, authorization: 'Bearer' })).toBe(401);

    const login = await served.ask('/?token=open%20sesame', { host });
    expect(login).toMatchObject({ status: 303, headers: { location: '?' } });
    const [cookie] = login.headers['set-cookie']!;
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain('sesame');
    const [pair] = cookie!.split(';');
    expect(await statusOf(served, '/', { host, cookie: `a=b; ${pair}` })).toBe(200);
    expect(await statusOf(served, '/events', { host, cookie: pair! })).toBe(200);
    expect(await statusOf(served, '/events', { host, cookie: `${pair}x` })).toBe(401);
    // A page of another site may make the browser send the cookie.
    expect(await statusOf(served, '/events', { host, cookie: pair!, origin: 'http://evil.example' })).toBe(403);
  });

  it('with a token of one word: the header, too', async () => {
    const { served } = await stage({ token: 'opensesame' });
    expect(await statusOf(served, '/events', { authorization: 'Bearer opensesame' })).toBe(200);
    expect(await statusOf(served, '/', { host: 'localhost' })).toBe(401);
  });

  it('as a function says, for pages of the same origin', async () => {
    const { served } = await stage({ authorize: ({ headers }) => headers['x-user'] === 'ann' });
    expect(await statusOf(served, '/', { host: 'registry.example', 'x-user': 'ann' })).toBe(200);
    expect(await statusOf(served, '/', { host: 'localhost' })).toBe(403);
    expect(await statusOf(served, '/', { 'x-user': 'ann', origin: 'http://evil.example' })).toBe(403);
  });

  it('refuses options that let nobody or everybody in', () => {
    const registry = createRegistry('memory://');
    for (const options of [{ token: '' }, { token: 'short' }, { basePath: 'registry/' }, { authorize: true }]) {
      expect(() => createDashboard(registry, options as DashboardOptions)).toThrow(InvalidOptionError);
    }
    expect(() => createDashboard({} as Registry)).toThrow(InvalidOptionError);
  });
});

describe('rx-registry dashboard', () => {
  it('serves the page until it is stopped, and asks for a token where others may come', async () => {
    for (const [host, pattern] of [
      ['127.0.0.1', /^http:\/\/127\.0\.0\.1:\d+\/$/],
      ['0.0.0.0', /^http:\/\/0\.0\.0\.0:\d+\/\?token=[\w-]{24}$/],
    ] as const) {
      const terminal = new FakeTerminal();
      const running = terminal.run('dashboard', '--demo', '--json', '--port', '0', '--host', host);
      await eventually(() => expect(terminal.records).toHaveLength(1));
      const { url } = terminal.records[0] as { url: string };
      expect(url).toMatch(pattern);
      expect((await fetch(url, { redirect: 'manual' })).status).toBe(host === '0.0.0.0' ? 303 : 200);
      terminal.interrupts.next();
      expect(await running).toBe(0);
    }
  });

  it('exits with 1 where the port is taken', async () => {
    const { served } = await stage();
    const terminal = new FakeTerminal();
    expect(await terminal.run('dashboard', '--demo', '--port', String(served.port))).toBe(1);
    expect(terminal.err).toContain('EADDRINUSE');
  });
});
